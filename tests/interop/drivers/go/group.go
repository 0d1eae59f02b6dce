package driver

import (
	"slices"
	"strconv"
	"time"
)

// Group is the scenario `group`, or `group-cooperative`. The topic is there; send writes one value to one partition.
func Group(cooperative bool, join func() *Member, send func(value string, partition int)) string {
	stop, stopped := make(chan struct{}), make(chan []string)
	go func() {
		var sent []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- sent
				return
			case <-time.After(5 * time.Millisecond):
				sent = append(sent, strconv.Itoa(i))
				send(sent[i], i%Partitions)
			}
		}
	}()
	first, second := join(), join()
	waitForBalance("two members", first, second)
	first.forgetRevoked()
	second.forgetRevoked()
	third := join()
	waitForBalance("a third joins", first, second, third)
	for _, m := range []*Member{first, second} {
		kept := m.ownedAndRevoked()
		Assert(!cooperative || len(kept) == 0, "partitions %v stay and must not be revoked on the way", kept)
	}
	second.Leave()
	waitForBalance("one leaves", first, third)
	close(stop)
	sent := <-stopped
	WaitFor("every record read by a member", func() bool {
		seen := seenBy(first, second, third)
		return !slices.ContainsFunc(sent, func(value string) bool { return !seen[value] })
	})
	first.Leave()
	third.Leave()
	return ""
}

// GroupStatic is the scenario `group-static`. The topic is there; send writes values to its partitions in turn.
func GroupStatic(join func(instance string) *Member, send func(values []string)) string {
	first, second := join("one"), join("two")
	waitForBalance("two static members", first, second)
	before, changes := second.Owned(), first.Changes()
	second.Leave()
	second = join("two")
	WaitFor("the returning static member owns what it owned", func() bool { return slices.Equal(second.Owned(), before) })
	send(Numbers(0, 60))
	WaitFor("records read by both", func() bool { return len(seenBy(first, second)) == 60 })
	Assert(first.Changes() == changes, "the return of a static member must not rebalance the group")
	first.Leave()
	second.Leave()
	return ""
}

func seenBy(members ...*Member) map[string]bool {
	all := map[string]bool{}
	for _, m := range members {
		for _, value := range m.Seen() {
			all[value] = true
		}
	}
	return all
}

func waitForBalance(what string, members ...*Member) {
	WaitFor(what+": every partition owned once", func() bool {
		var all []int32
		for _, m := range members {
			owned := m.Owned()
			if len(owned) == 0 {
				return false
			}
			all = append(all, owned...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int32{0, 1, 2, 3, 4, 5})
	})
}
