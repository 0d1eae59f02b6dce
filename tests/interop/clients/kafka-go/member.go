package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// member takes part in a group generation by generation, and keeps account of what it owns and has read.
type member struct {
	group *kafka.ConsumerGroup
	done  chan struct{}

	mutex sync.Mutex
	owned map[int]bool
	seen  []string
}

// join makes a member of the group that is named like its topic.
func join() *member {
	m := &member{owned: map[int]bool{}, done: make(chan struct{})}
	m.group = must(kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: prefix, Brokers: []string{bootstrap}, Topics: []string{prefix}, StartOffset: kafka.FirstOffset, HeartbeatInterval: 500 * time.Millisecond,
		JoinGroupBackoff: 200 * time.Millisecond,
	}))
	go func() {
		defer close(m.done)
		for {
			generation, err := m.group.Next(ctx)
			if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
				return
			}
			// A generation that was over before it began is an error here too.
			if err != nil {
				continue
			}
			for _, assignment := range generation.Assignments[prefix] {
				generation.Start(func(ctx context.Context) { m.read(ctx, generation, assignment) })
			}
		}
	}()
	return m
}

// read reads one partition until the generation ends, and commits what it has read.
func (m *member) read(ctx context.Context, generation *kafka.Generation, assignment kafka.PartitionAssignment) {
	m.own(assignment.ID, true)
	defer m.own(assignment.ID, false)
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: prefix, Partition: assignment.ID, MaxWait: 200 * time.Millisecond})
	defer r.Close()
	check(r.SetOffset(assignment.Offset))
	for {
		message, err := r.ReadMessage(ctx)
		if err != nil {
			return
		}
		m.mutex.Lock()
		m.seen = append(m.seen, string(message.Value))
		m.mutex.Unlock()
		if generation.CommitOffsets(map[string]map[int]int64{prefix: {assignment.ID: message.Offset + 1}}) != nil {
			return
		}
	}
}

func (m *member) own(partition int, owned bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if owned {
		m.owned[partition] = true
	} else {
		delete(m.owned, partition)
	}
}

func (m *member) leave() {
	check(m.group.Close())
	<-m.done
}

func (m *member) snapshot() (owned []int, seen []string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for p := range m.owned {
		owned = append(owned, p)
	}
	slices.Sort(owned)
	return owned, slices.Clone(m.seen)
}

func seenBy(members ...*member) map[string]bool {
	all := map[string]bool{}
	for _, m := range members {
		_, seen := m.snapshot()
		for _, value := range seen {
			all[value] = true
		}
	}
	return all
}

func waitForBalance(what string, members ...*member) {
	waitFor(what+": every partition owned once", func() bool {
		var all []int
		for _, m := range members {
			owned, _ := m.snapshot()
			if len(owned) == 0 {
				return false
			}
			all = append(all, owned...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int{0, 1, 2, 3, 4, 5})
	})
}
