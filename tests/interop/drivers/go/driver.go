// Package driver is what the drivers in Go have in common: how a scenario is run and fails, and what does not depend on the client.
//
//	driver BOOTSTRAP SCENARIO PREFIX RECORDS
package driver

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	Partitions = 6
	Patience   = 40 * time.Second
)

// What the command line says. A topic and a group are named after the prefix.
var Bootstrap, scenario, Prefix, records = os.Args[1], os.Args[2], os.Args[3], os.Args[4]

// Check ends the scenario with an error; Run reports it.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}

func Must[T any](value T, err error) T {
	Check(err)
	return value
}

func Assert(holds bool, format string, args ...any) {
	if !holds {
		panic(fmt.Errorf(format, args...))
	}
}

func WaitFor(what string, condition func() bool) {
	deadline := time.Now().Add(Patience)
	for !condition() {
		Assert(time.Now().Before(deadline), "not within %s: %s", Patience, what)
		time.Sleep(20 * time.Millisecond)
	}
}

func Numbers(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, strconv.Itoa(i))
	}
	return values
}

// AwaitRestart asks for another start of the broker, and returns when it was done.
func AwaitRestart() {
	fmt.Println(`{"restart": true}`)
	Must(bufio.NewReader(os.Stdin).ReadString('\n'))
}

// Run runs the scenario that the command line names and prints what came of it: a scenario returns a note, or panics with an error.
func Run(module string, scenarios map[string]func() string) {
	answer := map[string]any{}
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			answer["version"] = strings.TrimPrefix(dependency.Version, "v")
		}
	}
	func() {
		defer func() {
			if failure := recover(); failure != nil {
				answer["ok"], answer["error"] = false, fmt.Sprint(failure)
			}
		}()
		answer["note"] = scenarios[scenario]()
		answer["ok"] = true
	}()
	fmt.Println(string(Must(json.Marshal(answer))))
	if answer["ok"] != true {
		os.Exit(1)
	}
}
