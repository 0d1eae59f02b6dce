// franz-go (kgo and kadm): driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions = 6
	patience   = 40 * time.Second
)

var (
	bootstrap, scenario, prefix, records = os.Args[1], os.Args[2], os.Args[3], os.Args[4]

	ctx, _ = context.WithTimeout(context.Background(), 110*time.Second)
	admin  = kadm.NewClient(client())
)

// check ends the scenario with an error; main reports it.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func assert(holds bool, format string, args ...any) {
	if !holds {
		panic(fmt.Errorf(format, args...))
	}
}

func waitFor(what string, condition func() bool) {
	deadline := time.Now().Add(patience)
	for !condition() {
		assert(time.Now().Before(deadline), "not within %s: %s", patience, what)
		time.Sleep(20 * time.Millisecond)
	}
}

func client(options ...kgo.Opt) *kgo.Client {
	return must(kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.ClientID("a-client")}, options...)...))
}

func createTopic(topic string, count int32, configs map[string]*string) {
	check(must(admin.CreateTopics(ctx, count, 1, configs, topic)).Error())
	waitFor("all partitions of "+topic+" answer", func() bool {
		offsets, err := admin.ListStartOffsets(ctx, topic)
		return err == nil && offsets.Error() == nil && len(offsets[topic]) == int(count)
	})
}

func numbers(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, strconv.Itoa(i))
	}
	return values
}

func produce(producer *kgo.Client, topic string, values []string) {
	var batch []*kgo.Record
	for _, value := range values {
		batch = append(batch, &kgo.Record{Topic: topic, Value: []byte(value)})
	}
	check(producer.ProduceSync(ctx, batch...).FirstErr())
}

// read polls until it has exactly count records.
func read(consumer *kgo.Client, count int) (got []*kgo.Record) {
	limited, cancel := context.WithTimeout(ctx, patience)
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
	unhex := func(text string) []byte {
		if text == "-" {
			return nil
		}
		return must(hex.DecodeString(text))
	}
	for line := range strings.Lines(string(must(os.ReadFile(records)))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		record := kgo.Record{Key: unhex(fields[0]), Value: unhex(fields[1])}
		for _, header := range strings.Split(fields[2], ",") {
			if name, content, found := strings.Cut(header, "="); found {
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(unhex(name)), Value: unhex(content)})
			}
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		topic := prefix + "-" + name
		createTopic(topic, 1, nil)
		producer := client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(50*time.Millisecond))
		expected := expectedRecords()
		for _, record := range expected {
			producer.Produce(ctx, &record, func(_ *kgo.Record, err error) { check(err) })
		}
		check(producer.Flush(ctx))
		producer.Close()
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			same := reflect.DeepEqual(got.Key, want.Key) && reflect.DeepEqual(got.Value, want.Value) && reflect.DeepEqual(got.Headers, want.Headers)
			assert(same, "%s: sent %v, received %v", name, want, *got)
		}
	}
	return ""
}

func idempotent() string {
	createTopic(prefix, 3, nil)
	// Idempotent with acks=all is what franz-go does unless told otherwise.
	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2000))
	for i, value := range numbers(0, 3000) {
		record := &kgo.Record{Topic: prefix, Partition: int32(i % 3), Value: []byte(value)}
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) { check(err) })
	}
	check(producer.Flush(ctx))
	producer.Close()
	next := map[int32]int{0: 0, 1: 1, 2: 2}
	for _, r := range readFromStart(prefix, 3000) {
		assert(string(r.Value) == strconv.Itoa(next[r.Partition]), "partition %d: lost, doubled or out of order at %s", r.Partition, r.Value)
		next[r.Partition] += 3
	}
	return ""
}

// member polls in the background and keeps account of what it owns and has read.
type member struct {
	consumer  *kgo.Client
	mutex     sync.Mutex
	owned     map[int32]bool
	revoked   map[int32]bool
	seen      []string
	callbacks int
	done      chan struct{}
}

func join(options ...kgo.Opt) *member {
	m := &member{owned: map[int32]bool{}, revoked: map[int32]bool{}, done: make(chan struct{})}
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		for _, p := range lost[prefix] {
			delete(m.owned, p)
			m.revoked[p] = true
			m.callbacks++
		}
	}
	m.consumer = client(append([]kgo.Opt{
		kgo.ConsumerGroup(prefix), kgo.ConsumeTopics(prefix), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.HeartbeatInterval(500 * time.Millisecond), kgo.AutoCommitInterval(500 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, p := range added[prefix] {
				m.owned[p] = true
				m.callbacks++
			}
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, consumer *kgo.Client, revoked map[string][]int32) {
			check(consumer.CommitUncommittedOffsets(ctx))
			forget(ctx, consumer, revoked)
		}),
		kgo.OnPartitionsLost(forget),
	}, options...)...)
	go func() {
		defer close(m.done)
		for {
			fetches := m.consumer.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			m.mutex.Lock()
			m.seen = append(m.seen, values(fetches.Records())...)
			m.mutex.Unlock()
		}
	}()
	return m
}

func (m *member) leave() {
	m.consumer.Close()
	<-m.done
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

func group(cooperative bool) string {
	createTopic(prefix, partitions, nil)
	balancer := kgo.Balancers(kgo.RangeBalancer())
	if cooperative {
		balancer = kgo.Balancers(kgo.CooperativeStickyBalancer())
	}
	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stop, stopped := make(chan struct{}), make(chan []string)
	go func() {
		var sent []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				check(producer.Flush(ctx))
				stopped <- sent
				return
			case <-time.After(5 * time.Millisecond):
				sent = append(sent, strconv.Itoa(i))
				record := &kgo.Record{Topic: prefix, Partition: int32(i % partitions), Value: []byte(sent[i])}
				producer.Produce(ctx, record, func(_ *kgo.Record, err error) { check(err) })
			}
		}
	}()
	first, second := join(balancer), join(balancer)
	waitForBalance("two members", first, second)
	for _, m := range []*member{first, second} {
		m.mutex.Lock()
		clear(m.revoked)
		m.mutex.Unlock()
	}
	third := join(balancer)
	waitForBalance("a third joins", first, second, third)
	for _, m := range []*member{first, second} {
		owned, _ := m.snapshot()
		for _, p := range owned {
			assert(!cooperative || !m.revoked[p], "partition %d stays and must not be revoked on the way", p)
		}
	}
	second.leave()
	waitForBalance("one leaves", first, third)
	close(stop)
	sent := <-stopped
	waitFor("every record read by a member", func() bool {
		seen := seenBy(first, second, third)
		return !slices.ContainsFunc(sent, func(value string) bool { return !seen[value] })
	})
	first.leave()
	third.leave()
	return ""
}

func groupStatic() string {
	createTopic(prefix, partitions, nil)
	balancer := kgo.Balancers(kgo.RangeBalancer())
	first := join(balancer, kgo.InstanceID("one"))
	second := join(balancer, kgo.InstanceID("two"))
	waitForBalance("two static members", first, second)
	before, _ := second.snapshot()
	callbacks := first.callbacks
	second.leave()
	second = join(balancer, kgo.InstanceID("two"))
	waitFor("the returning static member owns what it owned", func() bool {
		owned, _ := second.snapshot()
		return slices.Equal(owned, before)
	})
	produce(client(kgo.RecordPartitioner(kgo.RoundRobinPartitioner())), prefix, numbers(0, 60))
	waitFor("records read by both", func() bool { return len(seenBy(first, second)) == 60 })
	assert(first.callbacks == callbacks, "the return of a static member must not rebalance the group")
	first.leave()
	second.leave()
	return ""
}

func groupReader(name string) *kgo.Client {
	return client(kgo.ConsumerGroup(prefix+name), kgo.ConsumeTopics(prefix), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
}

func restart() string {
	createTopic(prefix, 1, nil)
	producer, staying, leaving := client(), groupReader("-staying"), groupReader("-leaving")
	produce(producer, prefix, numbers(0, 60))
	check(staying.CommitRecords(ctx, read(staying, 60)...))
	check(leaving.CommitRecords(ctx, read(leaving, 25)...))
	leaving.Close()
	fmt.Println(`{"restart": true}`)
	must(bufio.NewReader(os.Stdin).ReadString('\n'))
	produce(producer, prefix, numbers(60, 100))
	got := values(read(staying, 40))
	assert(slices.Equal(got, numbers(60, 100)), "the consumer that stayed expected 60..99, got %v", got)
	resumed := groupReader("-leaving")
	got = values(read(resumed, 75))
	assert(slices.Equal(got, numbers(25, 100)), "the new consumer expected 25..99, got %v", got)
	staying.Close()
	resumed.Close()
	return ""
}

func topicConfig(name string) *kadm.Config {
	described := must(must(admin.DescribeTopicConfigs(ctx, prefix)).On(prefix, nil))
	check(described.Err)
	for _, config := range described.Configs {
		if config.Key == name {
			return &config
		}
	}
	panic(fmt.Errorf("no config %s", name))
}

func administer() string {
	createTopic(prefix, 2, map[string]*string{"retention.ms": kadm.StringPtr("123456"), "cleanup.policy": kadm.StringPtr("delete")})
	assert(topicConfig("retention.ms").MaybeValue() == "123456", "the created topic keeps its config")
	assert(topicConfig("retention.ms").Source.String() == "DYNAMIC_TOPIC_CONFIG", "source %s", topicConfig("retention.ms").Source)
	altered := must(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{
		{Op: kadm.DeleteConfig, Name: "retention.ms"},
		{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")},
		{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("2000000")},
	}, prefix))
	check(must(altered.On(prefix, nil)).Err)
	waitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").MaybeValue() == "2000000" })
	assert(topicConfig("retention.ms").MaybeValue() != "123456", "the deleted config is back at its default")
	assert(topicConfig("cleanup.policy").MaybeValue() == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").MaybeValue())

	check(must(must(admin.UpdatePartitions(ctx, 4, prefix)).On(prefix, nil)).Err)
	waitFor("four partitions", func() bool { return len(must(admin.ListTopics(ctx, prefix))[prefix].Partitions) == 4 })

	cluster := must(admin.BrokerMetadata(ctx))
	assert(cluster.Cluster != "" && cluster.Controller >= 0 && len(cluster.Brokers) == 1, "cluster %v", cluster)

	producer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, seconds := range []int64{1000, 2000, 3000} {
		record := &kgo.Record{Topic: prefix, Partition: 3, Key: []byte("k"), Value: []byte("x"), Timestamp: time.Unix(seconds, 0)}
		check(producer.ProduceSync(ctx, record).FirstErr())
	}
	offset := func(listed kadm.ListedOffsets, err error) int64 {
		check(err)
		found, _ := listed.Lookup(prefix, 3)
		check(found.Err)
		return found.Offset
	}
	assert(offset(admin.ListStartOffsets(ctx, prefix)) == 0, "earliest")
	assert(offset(admin.ListEndOffsets(ctx, prefix)) == 3, "latest")
	assert(offset(admin.ListOffsetsAfterMilli(ctx, 1500_000, prefix)) == 1, "by time")
	assert(offset(admin.ListMaxTimestampOffsets(ctx, prefix)) == 2, "of the maximum time stamp")

	m := join()
	waitFor("three records read", func() bool { return len(seenBy(m)) == 1 && len(m.seen) == 3 })
	assert(slices.Contains(must(admin.ListGroups(ctx)).Groups(), prefix), "the group is listed")
	described := must(admin.DescribeGroups(ctx, prefix))[prefix]
	assert(described.State == "Stable" && described.Members[0].ClientID == "a-client", "group %v", described)
	assert(len(described.AssignedPartitions()[prefix]) == 4, "assignment %v", described.AssignedPartitions())
	m.leave()
	waitFor("the group is empty", func() bool { return must(admin.DescribeGroups(ctx, prefix))[prefix].State == "Empty" })
	committed := func() int64 {
		found, _ := must(admin.FetchOffsets(ctx, prefix)).Lookup(prefix, 3)
		return found.At
	}
	assert(committed() == 3, "committed offset %d", committed())
	moved := kadm.Offsets{}
	moved.AddOffset(prefix, 3, 1, -1)
	check(must(admin.CommitOffsets(ctx, prefix, moved)).Error())
	assert(committed() == 1, "committed offset %d", committed())
	check(must(admin.DeleteGroup(ctx, prefix)).Err)
	waitFor("the group is gone", func() bool { return !slices.Contains(must(admin.ListGroups(ctx)).Groups(), prefix) })

	check(must(must(admin.DeleteTopics(ctx, prefix)).On(prefix, nil)).Err)
	waitFor("the topic is gone", func() bool { return !must(admin.ListTopics(ctx)).Has(prefix) })
	return ""
}

// transactional is content when transactions work, or when the client stops with a clear error by itself.
func transactional() string {
	createTopic(prefix, 1, nil)
	producer := client(kgo.TransactionalID(prefix), kgo.DefaultProduceTopic(prefix))
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := producer.BeginTransaction()
	if err == nil {
		err = producer.ProduceSync(limited, kgo.StringRecord("x")).FirstErr()
	}
	if err == nil {
		err = producer.EndTransaction(limited, kgo.TryCommit)
	}
	if err != nil {
		assert(limited.Err() == nil && !kerr.IsRetriable(err), "the client would try for ever: %v", err)
		return "refused: " + err.Error()
	}
	readFromStart(prefix, 1)
	return "transactions work"
}

func unknownTopic() string {
	producer := client(kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(2))
	err := producer.ProduceSync(ctx, &kgo.Record{Topic: prefix, Value: []byte("x")}).FirstErr()
	assert(errors.Is(err, kerr.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	assert(!must(admin.ListTopics(ctx)).Has(prefix), "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(prefix, 1, nil)
	producer := client(kgo.DefaultProduceTopic(prefix), kgo.ProducerBatchMaxBytes(10_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := producer.ProduceSync(ctx, kgo.SliceRecord(make([]byte, 2_000_000))).FirstErr()
	assert(errors.Is(err, kerr.MessageTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(producer, prefix, []string{"small"})
	return ""
}

var scenarios = map[string]func() string{
	"codecs": codecs, "idempotent": idempotent, "group": func() string { return group(false) }, "group-cooperative": func() string { return group(true) },
	"group-static": groupStatic, "restart": restart, "admin": administer, "transactional": transactional, "unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() {
	answer := map[string]any{}
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			answer["version"] = strings.TrimPrefix(module.Version, "v")
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
	fmt.Println(string(must(json.Marshal(answer))))
	if answer["ok"] != true {
		os.Exit(1)
	}
}
