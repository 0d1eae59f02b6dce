// franz-go: Produce with a promise, PollFetches.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	what, broker, topic := os.Args[1], os.Args[2], os.Args[3]
	partitions, count, size := must(strconv.Atoi(os.Args[4])), must(strconv.Atoi(os.Args[5])), must(strconv.Atoi(os.Args[6]))
	ctx := context.Background()
	begun := time.Now()
	switch what {
	case "produce":
		client := must(kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(1_000_000),
			kgo.MaxBufferedBytes(64<<20), kgo.ProducerBatchCompression(kgo.NoCompression())))
		values := make([][]byte, 64)
		for i := range values {
			values[i] = make([]byte, size)
			must(rand.Read(values[i]))
		}
		if err := client.ProduceSync(ctx, &kgo.Record{Value: []byte("first")}).FirstErr(); err != nil {
			panic(err)
		}
		begun = time.Now()
		var acknowledged atomic.Int64
		promise := func(_ *kgo.Record, err error) {
			if err != nil {
				panic(err)
			}
			acknowledged.Add(1)
		}
		for i := range count {
			client.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, promise)
		}
		if err := client.Flush(ctx); err != nil || acknowledged.Load() != int64(count) {
			panic(fmt.Sprint(err, acknowledged.Load()))
		}
	case "consume":
		offsets := map[int32]kgo.Offset{}
		for partition := range partitions {
			offsets[int32(partition)] = kgo.NewOffset().AtStart()
		}
		client := must(kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets})))
		for received := 0; received <= count; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				panic(err)
			}
			fetches.EachRecord(func(record *kgo.Record) {
				if len(record.Value) != size && string(record.Value) != "first" {
					panic("a record of another size")
				}
				if received++; received == 1 {
					begun = time.Now()
				}
			})
		}
	default:
		panic("produce or consume")
	}
	fmt.Printf("{\"records\": %d, \"seconds\": %g}\n", count, time.Since(begun).Seconds())
}
