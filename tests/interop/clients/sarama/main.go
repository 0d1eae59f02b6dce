// sarama: driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"bufio"
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
	"time"

	"github.com/IBM/sarama"
)

const (
	partitions = 6
	patience   = 40 * time.Second
)

var (
	bootstrap, scenario, prefix, records = []string{os.Args[1]}, os.Args[2], os.Args[3], os.Args[4]

	admin = must(sarama.NewClusterAdmin(bootstrap, config()))
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

// config is sarama's newest protocol: without a version it speaks that of Kafka 2.8.
func config(changes ...func(*sarama.Config)) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.ClientID = "a-client"
	c.Metadata.AllowAutoTopicCreation = false
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = 500 * time.Millisecond
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Consumer.Return.Errors = true
	for _, change := range changes {
		change(c)
	}
	return c
}

func idempotence(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
}

func producer(changes ...func(*sarama.Config)) sarama.SyncProducer {
	return must(sarama.NewSyncProducer(bootstrap, config(changes...)))
}

func createTopic(topic string, count int32, configs map[string]*string) {
	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: count, ReplicationFactor: 1, ConfigEntries: configs}, false))
	asked := map[int32]int64{}
	for p := range count {
		asked[p] = sarama.OffsetOldest
	}
	waitFor("all partitions of "+topic+" answer", func() bool {
		found, err := admin.ListOffsets(map[string]map[int32]int64{topic: asked}, nil)
		if err != nil || len(found[topic]) != int(count) {
			return false
		}
		for _, result := range found[topic] {
			if result.Err != nil && !errors.Is(result.Err, sarama.ErrNoError) {
				return false
			}
		}
		return true
	})
}

func numbers(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, strconv.Itoa(i))
	}
	return values
}

func produce(producer sarama.SyncProducer, values []string, partitions int) {
	var batch []*sarama.ProducerMessage
	for i, value := range values {
		batch = append(batch, &sarama.ProducerMessage{Topic: prefix, Partition: int32(i % partitions), Value: sarama.StringEncoder(value)})
	}
	check(producer.SendMessages(batch))
}

// readFromStart reads exactly count records.
func readFromStart(topic string, count int) (got []*sarama.ConsumerMessage) {
	consumer := must(sarama.NewConsumer(bootstrap, config()))
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	for _, p := range must(consumer.Partitions(topic)) {
		reader := must(consumer.ConsumePartition(topic, p, sarama.OffsetOldest))
		defer reader.AsyncClose()
		go func() {
			for message := range reader.Messages() {
				messages <- message
			}
		}()
	}
	for len(got) < count {
		select {
		case message := <-messages:
			got = append(got, message)
		case <-time.After(patience):
			panic(fmt.Errorf("read %d of %d records", len(got), count))
		}
	}
	return got
}

// committed is the offset that a group named after the topic, or like it, has committed; -1 is none.
func committed(group string, partition int32) int64 {
	asked := map[string]map[string][]int32{group: {prefix: {partition}}}
	return must(admin.ListConsumerGroupOffsetsBatch(asked))[group].Blocks[prefix][partition].Offset
}

// quickstart is what the examples of sarama do, with its defaults.
func quickstart() string {
	c := sarama.NewConfig()
	c.Producer.Return.Successes = true
	before := time.Now()
	simple := must(sarama.NewSyncProducer(bootstrap, c))
	partition, offset, err := simple.SendMessage(&sarama.ProducerMessage{Topic: prefix, Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder("0")})
	check(err)
	assert(partition == 0 && offset == 0, "partition %d, offset %d", partition, offset)
	check(simple.Close())
	async := must(sarama.NewAsyncProducer(bootstrap, c))
	go func() {
		for _, value := range numbers(1, 100) {
			async.Input() <- &sarama.ProducerMessage{Topic: prefix, Value: sarama.StringEncoder(value)}
		}
		async.AsyncClose()
	}()
	for range async.Successes() {
	}
	for failure := range async.Errors() {
		check(failure)
	}
	client := must(sarama.NewClient(bootstrap, c))
	defer client.Close()
	consumer := must(sarama.NewConsumerFromClient(client))
	reader := must(consumer.ConsumePartition(prefix, 0, sarama.OffsetOldest))
	for i := range 100 {
		message := <-reader.Messages()
		assert(string(message.Value) == strconv.Itoa(i) && !message.Timestamp.Before(before.Truncate(time.Millisecond)), "record %d: %v", i, message)
	}
	check(reader.Close())
	// By itself it asks for acks=1, and Naru knows such records by their time only when they are on disk, as is what was read.
	assert(must(client.GetOffset(prefix, 0, before.UnixMilli())) == 0, "the first record by its time")
	assert(must(client.GetOffset(prefix, 0, time.Now().Add(time.Hour).UnixMilli())) == -1, "no record in an hour's time")
	manager := must(sarama.NewOffsetManagerFromClient(prefix, client))
	managed := must(manager.ManagePartition(prefix, 0))
	managed.MarkOffset(43, "a note")
	check(managed.Close())
	check(manager.Close())
	manager = must(sarama.NewOffsetManagerFromClient(prefix, client))
	managed = must(manager.ManagePartition(prefix, 0))
	next, note := managed.NextOffset()
	assert(next == 43 && note == "a note", "committed %d with %q", next, note)
	check(managed.Close())
	check(manager.Close())
	return ""
}

func expectedRecords() (list []sarama.ProducerMessage) {
	unhex := func(text string) []byte {
		if text == "-" {
			return nil
		}
		return must(hex.DecodeString(text))
	}
	encoder := func(bytes []byte) sarama.Encoder {
		if bytes == nil {
			return nil
		}
		return sarama.ByteEncoder(bytes)
	}
	for line := range strings.Lines(string(must(os.ReadFile(records)))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		record := sarama.ProducerMessage{Key: encoder(unhex(fields[0])), Value: encoder(unhex(fields[1]))}
		for _, header := range strings.Split(fields[2], ",") {
			if name, content, found := strings.Cut(header, "="); found {
				record.Headers = append(record.Headers, sarama.RecordHeader{Key: unhex(name), Value: unhex(content)})
			}
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for _, codec := range []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	} {
		topic := prefix + "-" + codec.String()
		createTopic(topic, 1, nil)
		sender := producer(func(c *sarama.Config) {
			c.Producer.Compression = codec
			c.Producer.Flush.Frequency = 50 * time.Millisecond
		})
		expected := expectedRecords()
		var batch []*sarama.ProducerMessage
		for i := range expected {
			message := expected[i]
			message.Topic = topic
			batch = append(batch, &message)
		}
		check(sender.SendMessages(batch))
		check(sender.Close())
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			same := equal(got.Key, want.Key) && equal(got.Value, want.Value) && len(got.Headers) == len(want.Headers)
			for j := range want.Headers {
				same = same && reflect.DeepEqual(*got.Headers[j], want.Headers[j])
			}
			assert(same, "%s: sent %v, received %v", codec, want, *got)
		}
	}
	return ""
}

func equal(got []byte, want sarama.Encoder) bool {
	if want == nil {
		return got == nil
	}
	return reflect.DeepEqual(got, must(want.Encode()))
}

func idempotent() string {
	createTopic(prefix, 3, nil)
	async := must(sarama.NewAsyncProducer(bootstrap, config(idempotence, func(c *sarama.Config) { c.Producer.Flush.MaxMessages = 50 })))
	go func() {
		for i, value := range numbers(0, 3000) {
			async.Input() <- &sarama.ProducerMessage{Topic: prefix, Partition: int32(i % 3), Value: sarama.StringEncoder(value)}
		}
		async.AsyncClose()
	}()
	go func() {
		for range async.Successes() {
		}
	}()
	for failure := range async.Errors() {
		check(failure)
	}
	next := map[int32]int{0: 0, 1: 1, 2: 2}
	for _, r := range readFromStart(prefix, 3000) {
		assert(string(r.Value) == strconv.Itoa(next[r.Partition]), "partition %d: lost, doubled or out of order at %s", r.Partition, r.Value)
		next[r.Partition] += 3
	}
	return ""
}

func group(strategy sarama.BalanceStrategy) string {
	cooperative := strategy.Name() == "cooperative-sticky"
	createTopic(prefix, partitions, nil)
	stop, stopped := make(chan struct{}), make(chan []string)
	sender := producer(idempotence)
	go func() {
		var sent []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- sent
				return
			case <-time.After(5 * time.Millisecond):
				sent = append(sent, strconv.Itoa(i))
				_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: prefix, Partition: int32(i % partitions), Value: sarama.StringEncoder(sent[i])})
				check(err)
			}
		}
	}()
	balanced := func(c *sarama.Config) {
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	first, second := join(balanced), join(balanced)
	waitForBalance("two members", first, second)
	first.forgetRevoked()
	second.forgetRevoked()
	third := join(balanced)
	waitForBalance("a third joins", first, second, third)
	for _, m := range []*member{first, second} {
		kept := m.ownedAndRevoked()
		assert(!cooperative || len(kept) == 0, "partitions %v stay and must not be revoked on the way", kept)
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
	named := func(id string) func(*sarama.Config) {
		return func(c *sarama.Config) { c.Consumer.Group.InstanceId = id }
	}
	first, second := join(named("one")), join(named("two"))
	waitForBalance("two static members", first, second)
	before, _ := second.snapshot()
	sessions := first.sessionCount()
	second.leave()
	second = join(named("two"))
	waitFor("the returning static member owns what it owned", func() bool {
		owned, _ := second.snapshot()
		return slices.Equal(owned, before)
	})
	produce(producer(), numbers(0, 60), partitions)
	waitFor("records read by both", func() bool { return len(seenBy(first, second)) == 60 })
	assert(first.sessionCount() == sessions, "the return of a static member must not rebalance the group")
	first.leave()
	second.leave()
	must(admin.RemoveMemberFromConsumerGroup(prefix, []string{"one", "two"}))
	waitFor("removed static members are gone", func() bool { return must(admin.DescribeConsumerGroups([]string{prefix}))[0].State == "Empty" })
	return ""
}

func restart() string {
	createTopic(prefix, 1, nil)
	sender := producer(idempotence)
	produce(sender, numbers(0, 60), 1)
	staying, leaving := read(prefix+"-staying", -1), read(prefix+"-leaving", 25)
	waitFor("60 records read and committed", func() bool { return staying.count() == 60 && committed(prefix+"-staying", 0) == 60 })
	waitFor("25 records read", func() bool { return leaving.count() == 25 })
	leaving.leave()
	fmt.Println(`{"restart": true}`)
	must(bufio.NewReader(os.Stdin).ReadString('\n'))
	produce(sender, numbers(60, 100), 1)
	waitFor("100 records read by the consumer that stayed", func() bool { return staying.count() >= 100 })
	assert(slices.Equal(staying.list(), numbers(0, 100)), "the consumer that stayed read %v", staying.list())
	resumed := read(prefix+"-leaving", -1)
	waitFor("75 records read by the new consumer", func() bool { return resumed.count() >= 75 })
	assert(slices.Equal(resumed.list(), numbers(25, 100)), "the new consumer expected 25..99, got %v", resumed.list())
	staying.leave()
	resumed.leave()
	return ""
}

func topicConfig(name string) sarama.ConfigEntry {
	for _, entry := range must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: prefix})) {
		if entry.Name == name {
			return entry
		}
	}
	panic(fmt.Errorf("no config %s", name))
}

func text(value string) *string { return &value }

func administer() string {
	createTopic(prefix, 2, map[string]*string{"retention.ms": text("123456"), "cleanup.policy": text("delete")})
	assert(topicConfig("retention.ms").Value == "123456", "the created topic keeps its config")
	assert(topicConfig("retention.ms").Source == sarama.SourceTopic, "source %s", topicConfig("retention.ms").Source)
	check(admin.IncrementalAlterConfig(sarama.TopicResource, prefix, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms":      {Operation: sarama.IncrementalAlterConfigsOperationDelete},
		"cleanup.policy":    {Operation: sarama.IncrementalAlterConfigsOperationAppend, Value: text("compact")},
		"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: text("2000000")},
	}, false))
	waitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").Value == "2000000" })
	assert(topicConfig("retention.ms").Value != "123456", "the deleted config is back at its default")
	assert(topicConfig("cleanup.policy").Value == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").Value)

	check(admin.CreatePartitions(prefix, 4, nil, false))
	waitFor("four partitions", func() bool { return len(must(admin.DescribeTopics([]string{prefix}))[0].Partitions) == 4 })
	brokers, controller, err := admin.DescribeCluster()
	check(err)
	assert(len(brokers) == 1 && brokers[0].ID() == controller, "brokers %v, controller %d", brokers, controller)

	sender := producer()
	for _, seconds := range []int64{1000, 2000, 3000} {
		_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: prefix, Partition: 3, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("x"), Timestamp: time.Unix(seconds, 0)})
		check(err)
	}
	for spec, due := range map[int64]int64{sarama.OffsetOldest: 0, sarama.OffsetNewest: 3, 1500_000: 1} {
		found := must(admin.ListOffsets(map[string]map[int32]int64{prefix: {3: spec}}, nil))[prefix][3]
		assert(found.Offset == due, "offset %d for %d, not %d", found.Offset, spec, due)
	}
	groups()
	check(admin.DeleteTopic(prefix))
	waitFor("the topic is gone", func() bool { _, found := must(admin.ListTopics())[prefix]; return !found })
	return ""
}

func groups() {
	m := join()
	waitFor("three records read", func() bool { return m.count() == 3 })
	listed := func() bool { _, found := must(admin.ListConsumerGroups())[prefix]; return found }
	assert(listed(), "the group is listed")
	described := func() *sarama.GroupDescription { return must(admin.DescribeConsumerGroups([]string{prefix}))[0] }
	assert(described().State == "Stable" && len(described().Members) == 1, "group %v", described())
	for _, one := range described().Members {
		assignment := must(one.GetMemberAssignment())
		assert(one.ClientId == "a-client" && len(assignment.Topics[prefix]) == 4, "member %v", one)
	}
	m.leave()
	waitFor("the group is empty", func() bool { return described().State == "Empty" })
	assert(committed(prefix, 3) == 3, "committed offset %d", committed(prefix, 3))
	must(admin.AlterConsumerGroupOffsets(prefix, map[string]map[int32]sarama.OffsetAndMetadata{prefix: {3: {Offset: 1, LeaderEpoch: -1}}}, nil))
	assert(committed(prefix, 3) == 1, "committed offset %d", committed(prefix, 3))
	check(admin.DeleteConsumerGroupOffset(prefix, prefix, 3))
	assert(committed(prefix, 3) == -1, "committed offset %d", committed(prefix, 3))
	check(admin.DeleteConsumerGroup(prefix))
	waitFor("the group is gone", func() bool { return !listed() })
}

// transactional is content when transactions work, or when the client stops with a clear error by itself.
func transactional() string {
	createTopic(prefix, 1, nil)
	sender, err := sarama.NewSyncProducer(bootstrap, config(idempotence, func(c *sarama.Config) { c.Producer.Transaction.ID = prefix }))
	if err != nil {
		return "refused: " + err.Error()
	}
	check(sender.BeginTxn())
	produce(sender, []string{"x"}, 1)
	check(sender.CommitTxn())
	readFromStart(prefix, 1)
	return "transactions work"
}

func unknownTopic() string {
	_, _, err := producer().SendMessage(&sarama.ProducerMessage{Topic: prefix, Value: sarama.StringEncoder("x")})
	assert(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	creating := producer(func(c *sarama.Config) { c.Metadata.AllowAutoTopicCreation = true })
	_, _, err = creating.SendMessage(&sarama.ProducerMessage{Topic: prefix, Value: sarama.StringEncoder("x")})
	assert(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	_, found := must(admin.ListTopics())[prefix]
	assert(!found, "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(prefix, 1, nil)
	sender := producer(func(c *sarama.Config) { c.Producer.MaxMessageBytes = 10_000_000 })
	_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: prefix, Value: sarama.ByteEncoder(make([]byte, 2_000_000))})
	assert(errors.Is(err, sarama.ErrMessageSizeTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(sender, []string{"small"}, 1)
	return ""
}

var scenarios = map[string]func() string{
	"quickstart": quickstart, "codecs": codecs, "idempotent": idempotent,
	"group":             func() string { return group(sarama.NewBalanceStrategyRange()) },
	"group-cooperative": func() string { return group(sarama.NewBalanceStrategyCooperativeSticky()) },
	"group-static":      groupStatic, "restart": restart, "admin": administer, "transactional": transactional, "unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() {
	answer := map[string]any{}
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/IBM/sarama" {
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
