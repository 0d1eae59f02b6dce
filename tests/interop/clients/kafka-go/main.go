// segmentio/kafka-go: driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	. "interop/driver"

	"github.com/segmentio/kafka-go"
)

var (
	ctx, _ = context.WithTimeout(context.Background(), 110*time.Second)
	client = &kafka.Client{Addr: kafka.TCP(Bootstrap), Transport: &kafka.Transport{ClientID: "a-client", MetadataTTL: time.Second}, Timeout: Patience}
)

func createTopic(topic string, count int, configs ...kafka.ConfigEntry) {
	request := &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: count, ReplicationFactor: 1, ConfigEntries: configs}}}
	Check(Must(client.CreateTopics(ctx, request)).Errors[topic])
	var asked []kafka.OffsetRequest
	for p := range count {
		asked = append(asked, kafka.FirstOffsetOf(p))
	}
	WaitFor("all partitions of "+topic+" answer", func() bool {
		found, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
		failed := func(p kafka.PartitionOffsets) bool { return p.Error != nil }
		return err == nil && len(found.Topics[topic]) == count && !slices.ContainsFunc(found.Topics[topic], failed)
	})
}

// toPartition sends a message to the partition that its WriterData names.
func toPartition(message kafka.Message, _ ...int) int {
	return message.WriterData.(int)
}

// writer has a transport of its own: one that is shared remembers for seconds which topics there are, and says so without asking.
func writer(topic string) *kafka.Writer {
	return &kafka.Writer{
		Addr: client.Addr, Topic: topic, Balancer: kafka.BalancerFunc(toPartition), RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, BatchBytes: 10_000_000, Transport: &kafka.Transport{ClientID: "a-client"},
	}
}

func produce(w *kafka.Writer, values []string, partitions int) {
	var batch []kafka.Message
	for i, value := range values {
		batch = append(batch, kafka.Message{Value: []byte(value), WriterData: i % partitions})
	}
	Check(w.WriteMessages(ctx, batch...))
}

// reader reads a topic in a group, and commits what it is told to.
func reader(group string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{Bootstrap}, GroupID: group, Topic: Prefix, StartOffset: kafka.FirstOffset, MaxWait: 500 * time.Millisecond,
		// After a lost connection it joins as somebody new, and waits until the group has given up the member that it was.
		HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second, JoinGroupBackoff: time.Second,
	})
}

// fetch reads exactly count records.
func fetch(r *kafka.Reader, count int) (got []kafka.Message) {
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for len(got) < count {
		message, err := r.FetchMessage(limited)
		if err != nil {
			panic(fmt.Errorf("read %d of %d records: %w", len(got), count, err))
		}
		got = append(got, message)
	}
	return got
}

func values(messages []kafka.Message) (list []string) {
	for _, message := range messages {
		list = append(list, string(message.Value))
	}
	return list
}

func readFromStart(topic string, count int) []kafka.Message {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{Bootstrap}, Topic: topic, Partition: 0, MaxWait: 500 * time.Millisecond})
	defer r.Close()
	return fetch(r, count)
}

// quickstart is what the README does: a connection by hand, then a writer and a reader with their defaults.
func quickstart() string {
	before := time.Now()
	// The first DialLeader asks for the topic, and so makes it; whether its leader is known at once is the broker's choice.
	var conn *kafka.Conn
	WaitFor("a leader", func() bool {
		dialed, err := kafka.DialLeader(ctx, "tcp", Bootstrap, Prefix, 0)
		conn = dialed
		return err == nil
	})
	Must(conn.WriteMessages(kafka.Message{Value: []byte("one!")}, kafka.Message{Value: []byte("two!")}, kafka.Message{Value: []byte("three!")}))
	first, last, err := conn.ReadOffsets()
	Check(err)
	Assert(first == 0 && last == 3, "offsets %d to %d", first, last)
	Assert(Must(conn.ReadOffset(before)) == 0, "the first record by its time")
	Must(conn.Seek(0, kafka.SeekAbsolute))
	Check(conn.SetReadDeadline(time.Now().Add(Patience)))
	batch := conn.ReadBatch(1, 1e6)
	for _, due := range []string{"one!", "two!", "three!"} {
		message := Must(batch.ReadMessage())
		Assert(string(message.Value) == due, "%s, not %s", message.Value, due)
	}
	Check(batch.Close())
	Assert(len(Must(conn.ReadPartitions())) > 0 && Must(conn.Controller()).Port > 0, "the cluster by hand")
	Check(conn.Close())

	w := &kafka.Writer{Addr: kafka.TCP(Bootstrap), Topic: Prefix, Balancer: &kafka.LeastBytes{}, Compression: kafka.Snappy}
	Check(w.WriteMessages(ctx, kafka.Message{Key: []byte("Key-A"), Value: []byte("four!")}, kafka.Message{Key: []byte("Key-B"), Value: []byte("five!")}))
	Check(w.Close())
	// Close waits for the fetch that is under way, by default 10 s.
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{Bootstrap}, GroupID: Prefix, Topic: Prefix, StartOffset: kafka.FirstOffset, MaxWait: time.Second})
	for offset := range int64(5) {
		message := Must(r.ReadMessage(ctx))
		Assert(message.Offset == offset, "offset %d, not %d", message.Offset, offset)
	}
	Check(r.Close())
	committed := Must(client.ConsumerOffsets(ctx, kafka.TopicAndGroup{Topic: Prefix, GroupId: Prefix}))
	Assert(committed[0] == 5, "committed %v", committed)
	plain := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{Bootstrap}, Topic: Prefix, MaxWait: time.Second})
	Check(plain.SetOffsetAt(ctx, before))
	Assert(string(Must(plain.ReadMessage(ctx)).Value) == "one!", "the first record by its time")
	Check(plain.Close())
	return ""
}

func expectedRecords() (list []kafka.Message) {
	for _, line := range Records() {
		record := kafka.Message{Key: line.Key, Value: line.Value, WriterData: 0}
		for _, header := range line.Headers {
			record.Headers = append(record.Headers, kafka.Header{Key: header.Key, Value: header.Value})
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		topic := fmt.Sprintf("%s-%d", Prefix, codec)
		createTopic(topic, 1)
		w := writer(topic)
		w.Compression = codec
		w.BatchTimeout = 50 * time.Millisecond
		expected := expectedRecords()
		Check(w.WriteMessages(ctx, expected...))
		Check(w.Close())
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			// kafka-go reads what is empty and what is null as the same; it writes them apart.
			same := bytes.Equal(got.Key, want.Key) && bytes.Equal(got.Value, want.Value) && slices.EqualFunc(got.Headers, want.Headers, sameHeader)
			Assert(same, "%s: sent %v, received %v", codec, want, got)
		}
	}
	return ""
}

func sameHeader(a, b kafka.Header) bool {
	return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
}

func group() string {
	createTopic(Prefix, Partitions)
	w := writer(Prefix)
	return Group(false, join, func(value string, partition int) {
		Check(w.WriteMessages(ctx, kafka.Message{Value: []byte(value), WriterData: partition}))
	})
}

func restart() string {
	createTopic(Prefix, 1)
	w := writer(Prefix)
	produce(w, Numbers(0, 60), 1)
	staying, leaving := reader(Prefix+"-staying"), reader(Prefix+"-leaving")
	Check(staying.CommitMessages(ctx, fetch(staying, 60)...))
	Check(leaving.CommitMessages(ctx, fetch(leaving, 25)...))
	Check(leaving.Close())
	AwaitRestart()
	produce(w, Numbers(60, 100), 1)
	got := values(fetch(staying, 40))
	Assert(slices.Equal(got, Numbers(60, 100)), "the consumer that stayed expected 60..99, got %v", got)
	resumed := reader(Prefix + "-leaving")
	got = values(fetch(resumed, 75))
	Assert(slices.Equal(got, Numbers(25, 100)), "the new consumer expected 25..99, got %v", got)
	Check(staying.Close())
	Check(resumed.Close())
	return ""
}

func topicConfig(name string) kafka.DescribeConfigResponseConfigEntry {
	request := &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: Prefix, ConfigNames: []string{name}}}}
	resource := Must(client.DescribeConfigs(ctx, request)).Resources[0]
	Check(resource.Error)
	Assert(len(resource.ConfigEntries) == 1, "%d configs, not one", len(resource.ConfigEntries))
	return resource.ConfigEntries[0]
}

func administer() string {
	createTopic(Prefix, 2, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "123456"}, kafka.ConfigEntry{ConfigName: "cleanup.policy", ConfigValue: "delete"})
	Assert(topicConfig("retention.ms").ConfigValue == "123456", "the created topic keeps its config")
	altered := Must(client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: Prefix, Configs: []kafka.IncrementalAlterConfigsRequestConfig{
			{Name: "retention.ms", ConfigOperation: kafka.ConfigOperationDelete},
			{Name: "cleanup.policy", Value: "compact", ConfigOperation: kafka.ConfigOperationAppend},
			{Name: "max.message.bytes", Value: "2000000", ConfigOperation: kafka.ConfigOperationSet},
		},
	}}}))
	Check(altered.Resources[0].Error)
	WaitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").ConfigValue == "2000000" })
	Assert(topicConfig("retention.ms").ConfigValue != "123456", "the deleted config is back at its default")
	Assert(topicConfig("cleanup.policy").ConfigValue == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").ConfigValue)

	grown := Must(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: Prefix, Count: 4}}}))
	Check(grown.Errors[Prefix])
	described := func() *kafka.MetadataResponse {
		return Must(client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{Prefix}}))
	}
	WaitFor("four partitions", func() bool { return len(described().Topics[0].Partitions) == 4 })
	cluster := described()
	Assert(cluster.ClusterID != "" && len(cluster.Brokers) == 1 && cluster.Controller.ID == cluster.Brokers[0].ID, "cluster %v", cluster)
	offsets()
	groups()
	Check(Must(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{Prefix}})).Errors[Prefix])
	WaitFor("the topic is gone", func() bool { return errors.Is(described().Topics[0].Error, kafka.UnknownTopicOrPartition) })
	return ""
}

func offsets() {
	w := writer(Prefix)
	for _, seconds := range []int64{1000, 2000, 3000} {
		Check(w.WriteMessages(ctx, kafka.Message{Key: []byte("k"), Value: []byte("x"), Time: time.Unix(seconds, 0), WriterData: 3}))
	}
	asked := []kafka.OffsetRequest{kafka.FirstOffsetOf(3), kafka.LastOffsetOf(3), kafka.TimeOffsetOf(3, time.UnixMilli(1_500_000))}
	found := Must(client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{Prefix: asked}})).Topics[Prefix][0]
	Check(found.Error)
	_, byTime := found.Offsets[1]
	Assert(found.FirstOffset == 0 && found.LastOffset == 3 && byTime, "offsets %v", found)
}

func groups() {
	r := reader(Prefix)
	Check(r.CommitMessages(ctx, fetch(r, 3)...))
	listed := func() bool {
		groups := Must(client.ListGroups(ctx, &kafka.ListGroupsRequest{}))
		Check(groups.Error)
		return slices.ContainsFunc(groups.Groups, func(g kafka.ListGroupsResponseGroup) bool { return g.GroupID == Prefix })
	}
	Assert(listed(), "the group is listed")
	described := func() kafka.DescribeGroupsResponseGroup {
		group := Must(client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{Prefix}})).Groups[0]
		Check(group.Error)
		return group
	}
	Assert(described().GroupState == "Stable" && len(described().Members) == 1, "group %v", described())
	Assert(len(described().Members[0].MemberAssignments.Topics[0].Partitions) == 4, "assignment %v", described().Members[0])
	Check(r.Close())
	WaitFor("the group is empty", func() bool { return described().GroupState == "Empty" })
	committed := func() int64 {
		found := Must(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: Prefix, Topics: map[string][]int{Prefix: {3}}}))
		Check(found.Error)
		return found.Topics[Prefix][0].CommittedOffset
	}
	Assert(committed() == 3, "committed offset %d", committed())
	moved := Must(client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: Prefix, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{Prefix: {{Partition: 3, Offset: 1}}}}))
	Check(moved.Topics[Prefix][0].Error)
	Assert(committed() == 1, "committed offset %d", committed())
	deleted := Must(client.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: Prefix, Topics: map[string][]int{Prefix: {3}}}))
	Check(deleted.Error)
	Assert(committed() == -1, "committed offset %d", committed())
	Check(Must(client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{Prefix}})).Errors[Prefix])
	WaitFor("the group is gone", func() bool { return !listed() })
}

// transactional is content when a transactional producer gets its id, or a clear error: there is no more of transactions in kafka-go's writer.
func transactional() string {
	answer, err := client.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: Prefix, TransactionTimeoutMs: 10_000})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		var code kafka.Error
		Assert(errors.As(err, &code) && !code.Temporary(), "the client would try for ever: %v", err)
		return "refused: " + err.Error()
	}
	return "a transactional producer has an id"
}

func unknownTopic() string {
	w := writer(Prefix)
	w.MaxAttempts = 2
	err := w.WriteMessages(ctx, kafka.Message{Value: []byte("x"), WriterData: 0})
	Assert(errors.Is(err, kafka.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	w.AllowAutoTopicCreation = true
	err = w.WriteMessages(ctx, kafka.Message{Value: []byte("x"), WriterData: 0})
	Assert(errors.Is(err, kafka.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	found := Must(client.Metadata(ctx, &kafka.MetadataRequest{}))
	Assert(!slices.ContainsFunc(found.Topics, func(t kafka.Topic) bool { return t.Name == Prefix }), "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(Prefix, 1)
	w := writer(Prefix)
	err := w.WriteMessages(ctx, kafka.Message{Value: make([]byte, 2_000_000), WriterData: 0})
	var each kafka.WriteErrors
	Assert(errors.As(err, &each) && errors.Is(each[0], kafka.MessageSizeTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(w, []string{"small"}, 1)
	return ""
}

var scenarios = map[string]func() string{
	"quickstart": quickstart, "codecs": codecs, "group": group, "restart": restart, "admin": administer, "transactional": transactional,
	"unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() { Run("github.com/segmentio/kafka-go", scenarios) }
