// franz-go (kgo and kadm): driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	. "interop/driver"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	ctx, _ = context.WithTimeout(context.Background(), 110*time.Second)
	admin  = kadm.NewClient(client())
)

func client(options ...kgo.Opt) *kgo.Client {
	return Must(kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(Bootstrap), kgo.ClientID("a-client")}, options...)...))
}

func createTopic(topic string, count int32, configs map[string]*string) {
	Check(Must(admin.CreateTopics(ctx, count, 1, configs, topic)).Error())
	WaitFor("all partitions of "+topic+" answer", func() bool {
		offsets, err := admin.ListStartOffsets(ctx, topic)
		return err == nil && offsets.Error() == nil && len(offsets[topic]) == int(count)
	})
}

func produce(producer *kgo.Client, topic string, values []string) {
	var batch []*kgo.Record
	for _, value := range values {
		batch = append(batch, &kgo.Record{Topic: topic, Value: []byte(value)})
	}
	Check(producer.ProduceSync(ctx, batch...).FirstErr())
}

// read polls until it has exactly count records.
func read(consumer *kgo.Client, count int) (got []*kgo.Record) {
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for len(got) < count {
		fetches := consumer.PollRecords(limited, count-len(got))
		if limited.Err() != nil {
			panic(fmt.Errorf("read %d of %d records", len(got), count))
		}
		got = append(got, fetches.Records()...)
	}
	return got
}

func readFromStart(topic string, count int) []*kgo.Record {
	consumer := client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer consumer.Close()
	return read(consumer, count)
}

func values(records []*kgo.Record) (list []string) {
	for _, r := range records {
		list = append(list, string(r.Value))
	}
	return list
}

func expectedRecords() (list []kgo.Record) {
	for _, line := range Records() {
		record := kgo.Record{Key: line.Key, Value: line.Value}
		for _, header := range line.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Key, Value: header.Value})
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		topic := Prefix + "-" + name
		createTopic(topic, 1, nil)
		producer := client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(50*time.Millisecond))
		expected := expectedRecords()
		for _, record := range expected {
			producer.Produce(ctx, &record, func(_ *kgo.Record, err error) { Check(err) })
		}
		Check(producer.Flush(ctx))
		producer.Close()
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			same := reflect.DeepEqual(got.Key, want.Key) && reflect.DeepEqual(got.Value, want.Value) && reflect.DeepEqual(got.Headers, want.Headers)
			Assert(same, "%s: sent %v, received %v", name, want, *got)
		}
	}
	return ""
}

func idempotent() string {
	createTopic(Prefix, 3, nil)
	// Idempotent with acks=all is what franz-go does unless told otherwise.
	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2000))
	for i, value := range Numbers(0, 3000) {
		record := &kgo.Record{Topic: Prefix, Partition: int32(i % 3), Value: []byte(value)}
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) { Check(err) })
	}
	Check(producer.Flush(ctx))
	producer.Close()
	next := map[int32]int{0: 0, 1: 1, 2: 2}
	for _, r := range readFromStart(Prefix, 3000) {
		Assert(string(r.Value) == strconv.Itoa(next[r.Partition]), "partition %d: lost, doubled or out of order at %s", r.Partition, r.Value)
		next[r.Partition] += 3
	}
	return ""
}

// join makes a member of the group that is named like its topic, and polls in the background.
func join(options ...kgo.Opt) *Member {
	var consumer *kgo.Client
	done := make(chan struct{})
	m := NewMember(func() { consumer.Close(); <-done })
	lost := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { m.Lost(lost[Prefix]...) }
	consumer = client(append([]kgo.Opt{
		kgo.ConsumerGroup(Prefix), kgo.ConsumeTopics(Prefix), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.HeartbeatInterval(500 * time.Millisecond), kgo.AutoCommitInterval(500 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) { m.Owns(added[Prefix]...) }),
		kgo.OnPartitionsRevoked(func(ctx context.Context, consumer *kgo.Client, revoked map[string][]int32) {
			Check(consumer.CommitUncommittedOffsets(ctx))
			lost(ctx, consumer, revoked)
		}),
		kgo.OnPartitionsLost(lost),
	}, options...)...)
	go func() {
		defer close(done)
		for {
			fetches := consumer.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			m.Saw(values(fetches.Records())...)
		}
	}()
	return m
}

func group(balancer kgo.GroupBalancer) string {
	createTopic(Prefix, Partitions, nil)
	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	send := func(value string, partition int) {
		Check(producer.ProduceSync(ctx, &kgo.Record{Topic: Prefix, Partition: int32(partition), Value: []byte(value)}).FirstErr())
	}
	cooperative := balancer.ProtocolName() == "cooperative-sticky"
	return Group(cooperative, func() *Member { return join(kgo.Balancers(balancer)) }, send)
}

func groupStatic() string {
	createTopic(Prefix, Partitions, nil)
	join := func(instance string) *Member {
		return join(kgo.Balancers(kgo.RangeBalancer()), kgo.InstanceID(instance))
	}
	return GroupStatic(join, func(values []string) {
		produce(client(kgo.RecordPartitioner(kgo.RoundRobinPartitioner())), Prefix, values)
	})
}

func groupReader(name string) *kgo.Client {
	return client(kgo.ConsumerGroup(Prefix+name), kgo.ConsumeTopics(Prefix), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
}

func restart() string {
	createTopic(Prefix, 1, nil)
	producer, staying, leaving := client(), groupReader("-staying"), groupReader("-leaving")
	produce(producer, Prefix, Numbers(0, 60))
	Check(staying.CommitRecords(ctx, read(staying, 60)...))
	Check(leaving.CommitRecords(ctx, read(leaving, 25)...))
	leaving.Close()
	AwaitRestart()
	produce(producer, Prefix, Numbers(60, 100))
	got := values(read(staying, 40))
	Assert(slices.Equal(got, Numbers(60, 100)), "the consumer that stayed expected 60..99, got %v", got)
	resumed := groupReader("-leaving")
	got = values(read(resumed, 75))
	Assert(slices.Equal(got, Numbers(25, 100)), "the new consumer expected 25..99, got %v", got)
	staying.Close()
	resumed.Close()
	return ""
}

func topicConfig(name string) *kadm.Config {
	described := Must(Must(admin.DescribeTopicConfigs(ctx, Prefix)).On(Prefix, nil))
	Check(described.Err)
	for _, config := range described.Configs {
		if config.Key == name {
			return &config
		}
	}
	panic(fmt.Errorf("no config %s", name))
}

func administer() string {
	createTopic(Prefix, 2, map[string]*string{"retention.ms": kadm.StringPtr("123456"), "cleanup.policy": kadm.StringPtr("delete")})
	Assert(topicConfig("retention.ms").MaybeValue() == "123456", "the created topic keeps its config")
	Assert(topicConfig("retention.ms").Source.String() == "DYNAMIC_TOPIC_CONFIG", "source %s", topicConfig("retention.ms").Source)
	altered := Must(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{
		{Op: kadm.DeleteConfig, Name: "retention.ms"},
		{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")},
		{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("2000000")},
	}, Prefix))
	Check(Must(altered.On(Prefix, nil)).Err)
	WaitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").MaybeValue() == "2000000" })
	Assert(topicConfig("retention.ms").MaybeValue() != "123456", "the deleted config is back at its default")
	Assert(topicConfig("cleanup.policy").MaybeValue() == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").MaybeValue())

	Check(Must(Must(admin.UpdatePartitions(ctx, 4, Prefix)).On(Prefix, nil)).Err)
	WaitFor("four partitions", func() bool { return len(Must(admin.ListTopics(ctx, Prefix))[Prefix].Partitions) == 4 })

	cluster := Must(admin.BrokerMetadata(ctx))
	Assert(cluster.Cluster != "" && cluster.Controller >= 0 && len(cluster.Brokers) == 1, "cluster %v", cluster)

	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, seconds := range []int64{1000, 2000, 3000} {
		record := &kgo.Record{Topic: Prefix, Partition: 3, Key: []byte("k"), Value: []byte("x"), Timestamp: time.Unix(seconds, 0)}
		Check(producer.ProduceSync(ctx, record).FirstErr())
	}
	offset := func(listed kadm.ListedOffsets, err error) int64 {
		Check(err)
		found, _ := listed.Lookup(Prefix, 3)
		Check(found.Err)
		return found.Offset
	}
	Assert(offset(admin.ListStartOffsets(ctx, Prefix)) == 0, "earliest")
	Assert(offset(admin.ListEndOffsets(ctx, Prefix)) == 3, "latest")
	Assert(offset(admin.ListOffsetsAfterMilli(ctx, 1500_000, Prefix)) == 1, "by time")
	Assert(offset(admin.ListMaxTimestampOffsets(ctx, Prefix)) == 2, "of the maximum time stamp")

	m := join()
	WaitFor("three records read", func() bool { return len(m.Seen()) == 3 })
	Assert(slices.Contains(Must(admin.ListGroups(ctx)).Groups(), Prefix), "the group is listed")
	described := Must(admin.DescribeGroups(ctx, Prefix))[Prefix]
	Assert(described.State == "Stable" && described.Members[0].ClientID == "a-client", "group %v", described)
	Assert(len(described.AssignedPartitions()[Prefix]) == 4, "assignment %v", described.AssignedPartitions())
	m.Leave()
	WaitFor("the group is empty", func() bool { return Must(admin.DescribeGroups(ctx, Prefix))[Prefix].State == "Empty" })
	committed := func() int64 {
		found, _ := Must(admin.FetchOffsets(ctx, Prefix)).Lookup(Prefix, 3)
		return found.At
	}
	Assert(committed() == 3, "committed offset %d", committed())
	moved := kadm.Offsets{}
	moved.AddOffset(Prefix, 3, 1, -1)
	Check(Must(admin.CommitOffsets(ctx, Prefix, moved)).Error())
	Assert(committed() == 1, "committed offset %d", committed())
	Check(Must(admin.DeleteGroup(ctx, Prefix)).Err)
	WaitFor("the group is gone", func() bool { return !slices.Contains(Must(admin.ListGroups(ctx)).Groups(), Prefix) })

	Check(Must(Must(admin.DeleteTopics(ctx, Prefix)).On(Prefix, nil)).Err)
	WaitFor("the topic is gone", func() bool { return !Must(admin.ListTopics(ctx)).Has(Prefix) })
	return ""
}

// transactional is content when transactions work, or when the client stops with a clear error by itself.
func transactional() string {
	createTopic(Prefix, 1, nil)
	producer := client(kgo.TransactionalID(Prefix), kgo.DefaultProduceTopic(Prefix))
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	err := producer.BeginTransaction()
	if err == nil {
		err = producer.ProduceSync(limited, kgo.StringRecord("x")).FirstErr()
	}
	if err == nil {
		err = producer.EndTransaction(limited, kgo.TryCommit)
	}
	if err != nil {
		Assert(limited.Err() == nil && !kerr.IsRetriable(err), "the client would try for ever: %v", err)
		return "refused: " + err.Error()
	}
	readFromStart(Prefix, 1)
	return "transactions work"
}

func unknownTopic() string {
	producer := client(kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(2))
	err := producer.ProduceSync(ctx, &kgo.Record{Topic: Prefix, Value: []byte("x")}).FirstErr()
	Assert(errors.Is(err, kerr.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	Assert(!Must(admin.ListTopics(ctx)).Has(Prefix), "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(Prefix, 1, nil)
	producer := client(kgo.DefaultProduceTopic(Prefix), kgo.ProducerBatchMaxBytes(10_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := producer.ProduceSync(ctx, kgo.SliceRecord(make([]byte, 2_000_000))).FirstErr()
	Assert(errors.Is(err, kerr.MessageTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(producer, Prefix, []string{"small"})
	return ""
}

var scenarios = map[string]func() string{
	"codecs": codecs, "idempotent": idempotent, "group": func() string { return group(kgo.RangeBalancer()) }, "group-cooperative": func() string { return group(kgo.CooperativeStickyBalancer()) },
	"group-static": groupStatic, "restart": restart, "admin": administer, "transactional": transactional, "unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() { Run("github.com/twmb/franz-go", scenarios) }
