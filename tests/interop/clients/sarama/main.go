// sarama: driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	. "interop/driver"

	"github.com/IBM/sarama"
)

var (
	bootstrap = []string{Bootstrap}
	admin     = Must(sarama.NewClusterAdmin(bootstrap, config()))
)

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
	return Must(sarama.NewSyncProducer(bootstrap, config(changes...)))
}

func createTopic(topic string, count int32, configs map[string]*string) {
	Check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: count, ReplicationFactor: 1, ConfigEntries: configs}, false))
	asked := map[int32]int64{}
	for p := range count {
		asked[p] = sarama.OffsetOldest
	}
	WaitFor("all partitions of "+topic+" answer", func() bool {
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

func produce(producer sarama.SyncProducer, values []string, partitions int) {
	var batch []*sarama.ProducerMessage
	for i, value := range values {
		batch = append(batch, &sarama.ProducerMessage{Topic: Prefix, Partition: int32(i % partitions), Value: sarama.StringEncoder(value)})
	}
	Check(producer.SendMessages(batch))
}

// readFromStart reads exactly count records.
func readFromStart(topic string, count int) (got []*sarama.ConsumerMessage) {
	consumer := Must(sarama.NewConsumer(bootstrap, config()))
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	for _, p := range Must(consumer.Partitions(topic)) {
		reader := Must(consumer.ConsumePartition(topic, p, sarama.OffsetOldest))
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
		case <-time.After(Patience):
			panic(fmt.Errorf("read %d of %d records", len(got), count))
		}
	}
	return got
}

// committed is the offset that a group named after the topic, or like it, has committed; -1 is none.
func committed(group string, partition int32) int64 {
	asked := map[string]map[string][]int32{group: {Prefix: {partition}}}
	return Must(admin.ListConsumerGroupOffsetsBatch(asked))[group].Blocks[Prefix][partition].Offset
}

// quickstart is what the examples of sarama do, with its defaults.
func quickstart() string {
	c := sarama.NewConfig()
	c.Producer.Return.Successes = true
	before := time.Now()
	simple := Must(sarama.NewSyncProducer(bootstrap, c))
	partition, offset, err := simple.SendMessage(&sarama.ProducerMessage{Topic: Prefix, Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder("0")})
	Check(err)
	Assert(partition == 0 && offset == 0, "partition %d, offset %d", partition, offset)
	Check(simple.Close())
	async := Must(sarama.NewAsyncProducer(bootstrap, c))
	go func() {
		for _, value := range Numbers(1, 100) {
			async.Input() <- &sarama.ProducerMessage{Topic: Prefix, Value: sarama.StringEncoder(value)}
		}
		async.AsyncClose()
	}()
	for range async.Successes() {
	}
	for failure := range async.Errors() {
		Check(failure)
	}
	client := Must(sarama.NewClient(bootstrap, c))
	defer client.Close()
	consumer := Must(sarama.NewConsumerFromClient(client))
	reader := Must(consumer.ConsumePartition(Prefix, 0, sarama.OffsetOldest))
	for i := range 100 {
		message := <-reader.Messages()
		Assert(string(message.Value) == strconv.Itoa(i) && !message.Timestamp.Before(before.Truncate(time.Millisecond)), "record %d: %v", i, message)
	}
	Check(reader.Close())
	// By itself it asks for acks=1, and Naru knows such records by their time only when they are on disk, as is what was read.
	Assert(Must(client.GetOffset(Prefix, 0, before.UnixMilli())) == 0, "the first record by its time")
	Assert(Must(client.GetOffset(Prefix, 0, time.Now().Add(time.Hour).UnixMilli())) == -1, "no record in an hour's time")
	manager := Must(sarama.NewOffsetManagerFromClient(Prefix, client))
	managed := Must(manager.ManagePartition(Prefix, 0))
	managed.MarkOffset(43, "a note")
	Check(managed.Close())
	Check(manager.Close())
	manager = Must(sarama.NewOffsetManagerFromClient(Prefix, client))
	managed = Must(manager.ManagePartition(Prefix, 0))
	next, note := managed.NextOffset()
	Assert(next == 43 && note == "a note", "committed %d with %q", next, note)
	Check(managed.Close())
	Check(manager.Close())
	return ""
}

func expectedRecords() (list []sarama.ProducerMessage) {
	encoder := func(bytes []byte) sarama.Encoder {
		if bytes == nil {
			return nil
		}
		return sarama.ByteEncoder(bytes)
	}
	for _, line := range Records() {
		record := sarama.ProducerMessage{Key: encoder(line.Key), Value: encoder(line.Value)}
		for _, header := range line.Headers {
			record.Headers = append(record.Headers, sarama.RecordHeader{Key: []byte(header.Key), Value: header.Value})
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for _, codec := range []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	} {
		topic := Prefix + "-" + codec.String()
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
		Check(sender.SendMessages(batch))
		Check(sender.Close())
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			same := equal(got.Key, want.Key) && equal(got.Value, want.Value) && len(got.Headers) == len(want.Headers)
			for j := range want.Headers {
				same = same && reflect.DeepEqual(*got.Headers[j], want.Headers[j])
			}
			Assert(same, "%s: sent %v, received %v", codec, want, *got)
		}
	}
	return ""
}

func equal(got []byte, want sarama.Encoder) bool {
	if want == nil {
		return got == nil
	}
	return reflect.DeepEqual(got, Must(want.Encode()))
}

func idempotent() string {
	createTopic(Prefix, 3, nil)
	async := Must(sarama.NewAsyncProducer(bootstrap, config(idempotence, func(c *sarama.Config) { c.Producer.Flush.MaxMessages = 50 })))
	go func() {
		for i, value := range Numbers(0, 3000) {
			async.Input() <- &sarama.ProducerMessage{Topic: Prefix, Partition: int32(i % 3), Value: sarama.StringEncoder(value)}
		}
		async.AsyncClose()
	}()
	go func() {
		for range async.Successes() {
		}
	}()
	for failure := range async.Errors() {
		Check(failure)
	}
	next := map[int32]int{0: 0, 1: 1, 2: 2}
	for _, r := range readFromStart(Prefix, 3000) {
		Assert(string(r.Value) == strconv.Itoa(next[r.Partition]), "partition %d: lost, doubled or out of order at %s", r.Partition, r.Value)
		next[r.Partition] += 3
	}
	return ""
}

func group(strategy sarama.BalanceStrategy) string {
	createTopic(Prefix, Partitions, nil)
	sender := producer(idempotence)
	balanced := func(c *sarama.Config) {
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	cooperative := strategy.Name() == "cooperative-sticky"
	return Group(cooperative, func() *Member { return join(balanced) }, func(value string, partition int) {
		_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: Prefix, Partition: int32(partition), Value: sarama.StringEncoder(value)})
		Check(err)
	})
}

func groupStatic() string {
	createTopic(Prefix, Partitions, nil)
	join := func(instance string) *Member {
		return join(func(c *sarama.Config) { c.Consumer.Group.InstanceId = instance })
	}
	GroupStatic(join, func(values []string) { produce(producer(), values, Partitions) })
	Must(admin.RemoveMemberFromConsumerGroup(Prefix, []string{"one", "two"}))
	WaitFor("removed static members are gone", func() bool { return Must(admin.DescribeConsumerGroups([]string{Prefix}))[0].State == "Empty" })
	return ""
}

func restart() string {
	createTopic(Prefix, 1, nil)
	sender := producer(idempotence)
	produce(sender, Numbers(0, 60), 1)
	staying, leaving := read(Prefix+"-staying", -1), read(Prefix+"-leaving", 25)
	WaitFor("60 records read and committed", func() bool { return len(staying.Seen()) == 60 && committed(Prefix+"-staying", 0) == 60 })
	WaitFor("25 records read", func() bool { return len(leaving.Seen()) == 25 })
	leaving.Leave()
	AwaitRestart()
	produce(sender, Numbers(60, 100), 1)
	WaitFor("100 records read by the consumer that stayed", func() bool { return len(staying.Seen()) >= 100 })
	Assert(slices.Equal(staying.Seen(), Numbers(0, 100)), "the consumer that stayed read %v", staying.Seen())
	resumed := read(Prefix+"-leaving", -1)
	WaitFor("75 records read by the new consumer", func() bool { return len(resumed.Seen()) >= 75 })
	Assert(slices.Equal(resumed.Seen(), Numbers(25, 100)), "the new consumer expected 25..99, got %v", resumed.Seen())
	staying.Leave()
	resumed.Leave()
	return ""
}

func topicConfig(name string) sarama.ConfigEntry {
	for _, entry := range Must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: Prefix})) {
		if entry.Name == name {
			return entry
		}
	}
	panic(fmt.Errorf("no config %s", name))
}

func text(value string) *string { return &value }

func administer() string {
	createTopic(Prefix, 2, map[string]*string{"retention.ms": text("123456"), "cleanup.policy": text("delete")})
	Assert(topicConfig("retention.ms").Value == "123456", "the created topic keeps its config")
	Assert(topicConfig("retention.ms").Source == sarama.SourceTopic, "source %s", topicConfig("retention.ms").Source)
	Check(admin.IncrementalAlterConfig(sarama.TopicResource, Prefix, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms":      {Operation: sarama.IncrementalAlterConfigsOperationDelete},
		"cleanup.policy":    {Operation: sarama.IncrementalAlterConfigsOperationAppend, Value: text("compact")},
		"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: text("2000000")},
	}, false))
	WaitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").Value == "2000000" })
	Assert(topicConfig("retention.ms").Value != "123456", "the deleted config is back at its default")
	Assert(topicConfig("cleanup.policy").Value == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").Value)

	Check(admin.CreatePartitions(Prefix, 4, nil, false))
	WaitFor("four partitions", func() bool { return len(Must(admin.DescribeTopics([]string{Prefix}))[0].Partitions) == 4 })
	brokers, controller, err := admin.DescribeCluster()
	Check(err)
	Assert(len(brokers) == 1 && brokers[0].ID() == controller, "brokers %v, controller %d", brokers, controller)

	sender := producer()
	for _, seconds := range []int64{1000, 2000, 3000} {
		_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: Prefix, Partition: 3, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("x"), Timestamp: time.Unix(seconds, 0)})
		Check(err)
	}
	for spec, due := range map[int64]int64{sarama.OffsetOldest: 0, sarama.OffsetNewest: 3, 1500_000: 1} {
		found := Must(admin.ListOffsets(map[string]map[int32]int64{Prefix: {3: spec}}, nil))[Prefix][3]
		Assert(found.Offset == due, "offset %d for %d, not %d", found.Offset, spec, due)
	}
	groups()
	Check(admin.DeleteTopic(Prefix))
	WaitFor("the topic is gone", func() bool { _, found := Must(admin.ListTopics())[Prefix]; return !found })
	return ""
}

func groups() {
	m := join()
	WaitFor("three records read", func() bool { return len(m.Seen()) == 3 })
	listed := func() bool { _, found := Must(admin.ListConsumerGroups())[Prefix]; return found }
	Assert(listed(), "the group is listed")
	described := func() *sarama.GroupDescription { return Must(admin.DescribeConsumerGroups([]string{Prefix}))[0] }
	Assert(described().State == "Stable" && len(described().Members) == 1, "group %v", described())
	for _, one := range described().Members {
		assignment := Must(one.GetMemberAssignment())
		Assert(one.ClientId == "a-client" && len(assignment.Topics[Prefix]) == 4, "member %v", one)
	}
	m.Leave()
	WaitFor("the group is empty", func() bool { return described().State == "Empty" })
	Assert(committed(Prefix, 3) == 3, "committed offset %d", committed(Prefix, 3))
	Must(admin.AlterConsumerGroupOffsets(Prefix, map[string]map[int32]sarama.OffsetAndMetadata{Prefix: {3: {Offset: 1, LeaderEpoch: -1}}}, nil))
	Assert(committed(Prefix, 3) == 1, "committed offset %d", committed(Prefix, 3))
	Check(admin.DeleteConsumerGroupOffset(Prefix, Prefix, 3))
	Assert(committed(Prefix, 3) == -1, "committed offset %d", committed(Prefix, 3))
	Check(admin.DeleteConsumerGroup(Prefix))
	WaitFor("the group is gone", func() bool { return !listed() })
}

// transactional is content when transactions work, or when the client stops with a clear error by itself.
func transactional() string {
	createTopic(Prefix, 1, nil)
	sender, err := sarama.NewSyncProducer(bootstrap, config(idempotence, func(c *sarama.Config) { c.Producer.Transaction.ID = Prefix }))
	if err != nil {
		return "refused: " + err.Error()
	}
	Check(sender.BeginTxn())
	produce(sender, []string{"x"}, 1)
	Check(sender.CommitTxn())
	readFromStart(Prefix, 1)
	return "transactions work"
}

func unknownTopic() string {
	_, _, err := producer().SendMessage(&sarama.ProducerMessage{Topic: Prefix, Value: sarama.StringEncoder("x")})
	Assert(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	creating := producer(func(c *sarama.Config) { c.Metadata.AllowAutoTopicCreation = true })
	_, _, err = creating.SendMessage(&sarama.ProducerMessage{Topic: Prefix, Value: sarama.StringEncoder("x")})
	Assert(errors.Is(err, sarama.ErrUnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	_, found := Must(admin.ListTopics())[Prefix]
	Assert(!found, "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(Prefix, 1, nil)
	sender := producer(func(c *sarama.Config) { c.Producer.MaxMessageBytes = 10_000_000 })
	_, _, err := sender.SendMessage(&sarama.ProducerMessage{Topic: Prefix, Value: sarama.ByteEncoder(make([]byte, 2_000_000))})
	Assert(errors.Is(err, sarama.ErrMessageSizeTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(sender, []string{"small"}, 1)
	return ""
}

var scenarios = map[string]func() string{
	"quickstart": quickstart, "codecs": codecs, "idempotent": idempotent,
	"group":             func() string { return group(sarama.NewBalanceStrategyRange()) },
	"group-cooperative": func() string { return group(sarama.NewBalanceStrategyCooperativeSticky()) },
	"group-static":      groupStatic, "restart": restart, "admin": administer, "transactional": transactional, "unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() { Run("github.com/IBM/sarama", scenarios) }
