package main

import (
	"context"
	"errors"
	"time"

	. "interop/driver"

	"github.com/segmentio/kafka-go"
)

// join makes a member of the group that is named like its topic. It takes part generation by generation, as kafka-go has it.
func join() *Member {
	group := Must(kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: Prefix, Brokers: []string{Bootstrap}, Topics: []string{Prefix}, StartOffset: kafka.FirstOffset, HeartbeatInterval: 500 * time.Millisecond,
		JoinGroupBackoff: 200 * time.Millisecond,
	}))
	done := make(chan struct{})
	m := NewMember(func() { Check(group.Close()); <-done })
	go func() {
		defer close(done)
		for {
			generation, err := group.Next(ctx)
			if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
				return
			}
			// A generation that was over before it began is an error here too.
			if err != nil {
				continue
			}
			for _, assignment := range generation.Assignments[Prefix] {
				generation.Start(func(ctx context.Context) { read(ctx, m, generation, assignment) })
			}
		}
	}()
	return m
}

// read reads one partition until the generation ends, and commits what it has read.
func read(ctx context.Context, m *Member, generation *kafka.Generation, assignment kafka.PartitionAssignment) {
	m.Owns(int32(assignment.ID))
	defer m.Lost(int32(assignment.ID))
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{Bootstrap}, Topic: Prefix, Partition: assignment.ID, MaxWait: 200 * time.Millisecond})
	defer r.Close()
	Check(r.SetOffset(assignment.Offset))
	for {
		message, err := r.ReadMessage(ctx)
		if err != nil {
			return
		}
		m.Saw(string(message.Value))
		if generation.CommitOffsets(map[string]map[int]int64{Prefix: {assignment.ID: message.Offset + 1}}) != nil {
			return
		}
	}
}
