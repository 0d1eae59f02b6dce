package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/IBM/sarama"
)

// member reads in the background and keeps account of what it owns and has read.
type member struct {
	consumer sarama.ConsumerGroup
	cancel   context.CancelFunc
	done     chan struct{}
	limit    int // of records to take; -1 is none

	mutex    sync.Mutex
	owned    map[int32]bool
	revoked  map[int32]bool
	seen     []string
	sessions int
}

// join makes a member of the group that is named like its topic.
func join(changes ...func(*sarama.Config)) *member {
	return start(prefix, -1, changes...)
}

// read makes the only member of a group, which reads and commits as many records as limit says, or all if it is negative.
func read(group string, limit int) *member {
	return start(group, limit)
}

func start(group string, limit int, changes ...func(*sarama.Config)) *member {
	m := &member{owned: map[int32]bool{}, revoked: map[int32]bool{}, done: make(chan struct{}), limit: limit}
	m.consumer = must(sarama.NewConsumerGroup(bootstrap, group, config(changes...)))
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() {
		for range m.consumer.Errors() {
		}
	}()
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if errors.Is(m.consumer.Consume(ctx, []string{prefix}, m), sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	return m
}

func (m *member) Setup(sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.sessions++
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	m.mutex.Lock()
	m.owned[claim.Partition()] = true
	m.mutex.Unlock()
	defer func() {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		delete(m.owned, claim.Partition())
		m.revoked[claim.Partition()] = true
	}()
	for message := range claim.Messages() {
		m.mutex.Lock()
		take := m.limit < 0 || len(m.seen) < m.limit
		if take {
			m.seen = append(m.seen, string(message.Value))
			session.MarkMessage(message, "")
		}
		m.mutex.Unlock()
		if !take {
			<-session.Context().Done()
			return nil
		}
	}
	return nil
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	check(m.consumer.Close())
	m.mutex.Lock()
	defer m.mutex.Unlock()
	clear(m.owned)
}

func (m *member) snapshot() (owned []int32, seen []string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for p := range m.owned {
		owned = append(owned, p)
	}
	slices.Sort(owned)
	return owned, slices.Clone(m.seen)
}

func (m *member) list() []string {
	_, seen := m.snapshot()
	return seen
}

func (m *member) count() int { return len(m.list()) }

func (m *member) sessionCount() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.sessions
}

func (m *member) forgetRevoked() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	clear(m.revoked)
}

func (m *member) ownedAndRevoked() (kept []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for p := range m.owned {
		if m.revoked[p] {
			kept = append(kept, p)
		}
	}
	return kept
}

func seenBy(members ...*member) map[string]bool {
	all := map[string]bool{}
	for _, m := range members {
		for _, value := range m.list() {
			all[value] = true
		}
	}
	return all
}

func waitForBalance(what string, members ...*member) {
	waitFor(what+": every partition owned once", func() bool {
		var all []int32
		for _, m := range members {
			owned, _ := m.snapshot()
			if len(owned) == 0 {
				return false
			}
			all = append(all, owned...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int32{0, 1, 2, 3, 4, 5})
	})
}
