package main

import (
	"context"
	"errors"

	. "interop/driver"

	"github.com/IBM/sarama"
)

// handler is what sarama calls for a member.
type handler struct {
	*Member
	limit int // of records to take; -1 is none
}

// join makes a member of the group that is named like its topic.
func join(changes ...func(*sarama.Config)) *Member {
	return start(Prefix, -1, changes...)
}

// read makes the only member of a group, which reads and commits as many records as limit says, or all if it is negative.
func read(group string, limit int) *Member {
	return start(group, limit)
}

func start(group string, limit int, changes ...func(*sarama.Config)) *Member {
	consumer := Must(sarama.NewConsumerGroup(bootstrap, group, config(changes...)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	m := NewMember(func() {
		cancel()
		<-done
		Check(consumer.Close())
	})
	go func() {
		for range consumer.Errors() {
		}
	}()
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if errors.Is(consumer.Consume(ctx, []string{Prefix}, handler{m, limit}), sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	return m
}

func (h handler) Setup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	h.Owns(claim.Partition())
	defer h.Lost(claim.Partition())
	for message := range claim.Messages() {
		if h.limit >= 0 && len(h.Seen()) == h.limit {
			<-session.Context().Done()
			return nil
		}
		h.Saw(string(message.Value))
		session.MarkMessage(message, "")
	}
	return nil
}
