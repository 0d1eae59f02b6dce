// segmentio/kafka-go: driver BOOTSTRAP SCENARIO PREFIX RECORDS
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	partitions = 6
	patience   = 40 * time.Second
)

var (
	bootstrap, scenario, prefix, records = os.Args[1], os.Args[2], os.Args[3], os.Args[4]

	ctx, _ = context.WithTimeout(context.Background(), 110*time.Second)
	client = &kafka.Client{Addr: kafka.TCP(bootstrap), Transport: &kafka.Transport{ClientID: "a-client", MetadataTTL: time.Second}, Timeout: patience}
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

func createTopic(topic string, count int, configs ...kafka.ConfigEntry) {
	request := &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: count, ReplicationFactor: 1, ConfigEntries: configs}}}
	check(must(client.CreateTopics(ctx, request)).Errors[topic])
	var asked []kafka.OffsetRequest
	for p := range count {
		asked = append(asked, kafka.FirstOffsetOf(p))
	}
	waitFor("all partitions of "+topic+" answer", func() bool {
		found, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
		failed := func(p kafka.PartitionOffsets) bool { return p.Error != nil }
		return err == nil && len(found.Topics[topic]) == count && !slices.ContainsFunc(found.Topics[topic], failed)
	})
}

func numbers(from, to int) (values []string) {
	for i := from; i < to; i++ {
		values = append(values, strconv.Itoa(i))
	}
	return values
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
	check(w.WriteMessages(ctx, batch...))
}

// reader reads a topic in a group, and commits what it is told to.
func reader(group string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{bootstrap}, GroupID: group, Topic: prefix, StartOffset: kafka.FirstOffset, MaxWait: 500 * time.Millisecond,
		// After a lost connection it joins as somebody new, and waits until the group has given up the member that it was.
		HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second, JoinGroupBackoff: time.Second,
	})
}

// fetch reads exactly count records.
func fetch(r *kafka.Reader, count int) (got []kafka.Message) {
	limited, cancel := context.WithTimeout(ctx, patience)
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
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, Partition: 0, MaxWait: 500 * time.Millisecond})
	defer r.Close()
	return fetch(r, count)
}

// quickstart is what the README does: a connection by hand, then a writer and a reader with their defaults.
func quickstart() string {
	before := time.Now()
	// The first DialLeader asks for the topic, and so makes it; whether its leader is known at once is the broker's choice.
	var conn *kafka.Conn
	waitFor("a leader", func() bool {
		dialed, err := kafka.DialLeader(ctx, "tcp", bootstrap, prefix, 0)
		conn = dialed
		return err == nil
	})
	must(conn.WriteMessages(kafka.Message{Value: []byte("one!")}, kafka.Message{Value: []byte("two!")}, kafka.Message{Value: []byte("three!")}))
	first, last, err := conn.ReadOffsets()
	check(err)
	assert(first == 0 && last == 3, "offsets %d to %d", first, last)
	assert(must(conn.ReadOffset(before)) == 0, "the first record by its time")
	must(conn.Seek(0, kafka.SeekAbsolute))
	check(conn.SetReadDeadline(time.Now().Add(patience)))
	batch := conn.ReadBatch(1, 1e6)
	for _, due := range []string{"one!", "two!", "three!"} {
		message := must(batch.ReadMessage())
		assert(string(message.Value) == due, "%s, not %s", message.Value, due)
	}
	check(batch.Close())
	assert(len(must(conn.ReadPartitions())) > 0 && must(conn.Controller()).Port > 0, "the cluster by hand")
	check(conn.Close())

	w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: prefix, Balancer: &kafka.LeastBytes{}, Compression: kafka.Snappy}
	check(w.WriteMessages(ctx, kafka.Message{Key: []byte("Key-A"), Value: []byte("four!")}, kafka.Message{Key: []byte("Key-B"), Value: []byte("five!")}))
	check(w.Close())
	// Close waits for the fetch that is under way, by default 10 s.
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, GroupID: prefix, Topic: prefix, StartOffset: kafka.FirstOffset, MaxWait: time.Second})
	for offset := range int64(5) {
		message := must(r.ReadMessage(ctx))
		assert(message.Offset == offset, "offset %d, not %d", message.Offset, offset)
	}
	check(r.Close())
	committed := must(client.ConsumerOffsets(ctx, kafka.TopicAndGroup{Topic: prefix, GroupId: prefix}))
	assert(committed[0] == 5, "committed %v", committed)
	plain := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: prefix, MaxWait: time.Second})
	check(plain.SetOffsetAt(ctx, before))
	assert(string(must(plain.ReadMessage(ctx)).Value) == "one!", "the first record by its time")
	check(plain.Close())
	return ""
}

func expectedRecords() (list []kafka.Message) {
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
		record := kafka.Message{Key: unhex(fields[0]), Value: unhex(fields[1]), WriterData: 0}
		for _, header := range strings.Split(fields[2], ",") {
			if name, content, found := strings.Cut(header, "="); found {
				record.Headers = append(record.Headers, kafka.Header{Key: string(unhex(name)), Value: unhex(content)})
			}
		}
		list = append(list, record)
	}
	return list
}

func codecs() string {
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		topic := fmt.Sprintf("%s-%d", prefix, codec)
		createTopic(topic, 1)
		w := writer(topic)
		w.Compression = codec
		w.BatchTimeout = 50 * time.Millisecond
		expected := expectedRecords()
		check(w.WriteMessages(ctx, expected...))
		check(w.Close())
		for i, got := range readFromStart(topic, len(expected)) {
			want := expected[i]
			// kafka-go reads what is empty and what is null as the same; it writes them apart.
			same := bytes.Equal(got.Key, want.Key) && bytes.Equal(got.Value, want.Value) && slices.EqualFunc(got.Headers, want.Headers, sameHeader)
			assert(same, "%s: sent %v, received %v", codec, want, got)
		}
	}
	return ""
}

func sameHeader(a, b kafka.Header) bool {
	return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
}

func group() string {
	createTopic(prefix, partitions)
	stop, stopped := make(chan struct{}), make(chan []string)
	go func() {
		w := writer(prefix)
		var sent []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- sent
				return
			case <-time.After(5 * time.Millisecond):
				sent = append(sent, strconv.Itoa(i))
				check(w.WriteMessages(ctx, kafka.Message{Value: []byte(sent[i]), WriterData: i % partitions}))
			}
		}
	}()
	first, second := join(), join()
	waitForBalance("two members", first, second)
	third := join()
	waitForBalance("a third joins", first, second, third)
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

func restart() string {
	createTopic(prefix, 1)
	w := writer(prefix)
	produce(w, numbers(0, 60), 1)
	staying, leaving := reader(prefix+"-staying"), reader(prefix+"-leaving")
	check(staying.CommitMessages(ctx, fetch(staying, 60)...))
	check(leaving.CommitMessages(ctx, fetch(leaving, 25)...))
	check(leaving.Close())
	fmt.Println(`{"restart": true}`)
	must(bufio.NewReader(os.Stdin).ReadString('\n'))
	produce(w, numbers(60, 100), 1)
	got := values(fetch(staying, 40))
	assert(slices.Equal(got, numbers(60, 100)), "the consumer that stayed expected 60..99, got %v", got)
	resumed := reader(prefix + "-leaving")
	got = values(fetch(resumed, 75))
	assert(slices.Equal(got, numbers(25, 100)), "the new consumer expected 25..99, got %v", got)
	check(staying.Close())
	check(resumed.Close())
	return ""
}

func topicConfig(name string) kafka.DescribeConfigResponseConfigEntry {
	request := &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: prefix, ConfigNames: []string{name}}}}
	resource := must(client.DescribeConfigs(ctx, request)).Resources[0]
	check(resource.Error)
	assert(len(resource.ConfigEntries) == 1, "%d configs, not one", len(resource.ConfigEntries))
	return resource.ConfigEntries[0]
}

func administer() string {
	createTopic(prefix, 2, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "123456"}, kafka.ConfigEntry{ConfigName: "cleanup.policy", ConfigValue: "delete"})
	assert(topicConfig("retention.ms").ConfigValue == "123456", "the created topic keeps its config")
	altered := must(client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: prefix, Configs: []kafka.IncrementalAlterConfigsRequestConfig{
			{Name: "retention.ms", ConfigOperation: kafka.ConfigOperationDelete},
			{Name: "cleanup.policy", Value: "compact", ConfigOperation: kafka.ConfigOperationAppend},
			{Name: "max.message.bytes", Value: "2000000", ConfigOperation: kafka.ConfigOperationSet},
		},
	}}}))
	check(altered.Resources[0].Error)
	waitFor("altered config seen", func() bool { return topicConfig("max.message.bytes").ConfigValue == "2000000" })
	assert(topicConfig("retention.ms").ConfigValue != "123456", "the deleted config is back at its default")
	assert(topicConfig("cleanup.policy").ConfigValue == "delete,compact", "cleanup.policy is %s", topicConfig("cleanup.policy").ConfigValue)

	grown := must(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: prefix, Count: 4}}}))
	check(grown.Errors[prefix])
	described := func() *kafka.MetadataResponse {
		return must(client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{prefix}}))
	}
	waitFor("four partitions", func() bool { return len(described().Topics[0].Partitions) == 4 })
	cluster := described()
	assert(cluster.ClusterID != "" && len(cluster.Brokers) == 1 && cluster.Controller.ID == cluster.Brokers[0].ID, "cluster %v", cluster)
	offsets()
	groups()
	check(must(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{prefix}})).Errors[prefix])
	waitFor("the topic is gone", func() bool { return errors.Is(described().Topics[0].Error, kafka.UnknownTopicOrPartition) })
	return ""
}

func offsets() {
	w := writer(prefix)
	for _, seconds := range []int64{1000, 2000, 3000} {
		check(w.WriteMessages(ctx, kafka.Message{Key: []byte("k"), Value: []byte("x"), Time: time.Unix(seconds, 0), WriterData: 3}))
	}
	asked := []kafka.OffsetRequest{kafka.FirstOffsetOf(3), kafka.LastOffsetOf(3), kafka.TimeOffsetOf(3, time.UnixMilli(1_500_000))}
	found := must(client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{prefix: asked}})).Topics[prefix][0]
	check(found.Error)
	_, byTime := found.Offsets[1]
	assert(found.FirstOffset == 0 && found.LastOffset == 3 && byTime, "offsets %v", found)
}

func groups() {
	r := reader(prefix)
	check(r.CommitMessages(ctx, fetch(r, 3)...))
	listed := func() bool {
		groups := must(client.ListGroups(ctx, &kafka.ListGroupsRequest{}))
		check(groups.Error)
		return slices.ContainsFunc(groups.Groups, func(g kafka.ListGroupsResponseGroup) bool { return g.GroupID == prefix })
	}
	assert(listed(), "the group is listed")
	described := func() kafka.DescribeGroupsResponseGroup {
		group := must(client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{prefix}})).Groups[0]
		check(group.Error)
		return group
	}
	assert(described().GroupState == "Stable" && len(described().Members) == 1, "group %v", described())
	assert(len(described().Members[0].MemberAssignments.Topics[0].Partitions) == 4, "assignment %v", described().Members[0])
	check(r.Close())
	waitFor("the group is empty", func() bool { return described().GroupState == "Empty" })
	committed := func() int64 {
		found := must(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: prefix, Topics: map[string][]int{prefix: {3}}}))
		check(found.Error)
		return found.Topics[prefix][0].CommittedOffset
	}
	assert(committed() == 3, "committed offset %d", committed())
	moved := must(client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: prefix, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{prefix: {{Partition: 3, Offset: 1}}}}))
	check(moved.Topics[prefix][0].Error)
	assert(committed() == 1, "committed offset %d", committed())
	deleted := must(client.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: prefix, Topics: map[string][]int{prefix: {3}}}))
	check(deleted.Error)
	assert(committed() == -1, "committed offset %d", committed())
	check(must(client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{prefix}})).Errors[prefix])
	waitFor("the group is gone", func() bool { return !listed() })
}

// transactional is content when a transactional producer gets its id, or a clear error: there is no more of transactions in kafka-go's writer.
func transactional() string {
	answer, err := client.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: prefix, TransactionTimeoutMs: 10_000})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		var code kafka.Error
		assert(errors.As(err, &code) && !code.Temporary(), "the client would try for ever: %v", err)
		return "refused: " + err.Error()
	}
	return "a transactional producer has an id"
}

func unknownTopic() string {
	w := writer(prefix)
	w.MaxAttempts = 2
	err := w.WriteMessages(ctx, kafka.Message{Value: []byte("x"), WriterData: 0})
	assert(errors.Is(err, kafka.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	w.AllowAutoTopicCreation = true
	err = w.WriteMessages(ctx, kafka.Message{Value: []byte("x"), WriterData: 0})
	assert(errors.Is(err, kafka.UnknownTopicOrPartition), "expected UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	found := must(client.Metadata(ctx, &kafka.MetadataRequest{}))
	assert(!slices.ContainsFunc(found.Topics, func(t kafka.Topic) bool { return t.Name == prefix }), "the topic must not be created")
	return ""
}

func tooLarge() string {
	createTopic(prefix, 1)
	w := writer(prefix)
	err := w.WriteMessages(ctx, kafka.Message{Value: make([]byte, 2_000_000), WriterData: 0})
	var each kafka.WriteErrors
	assert(errors.As(err, &each) && errors.Is(each[0], kafka.MessageSizeTooLarge), "expected MESSAGE_TOO_LARGE, got %v", err)
	produce(w, []string{"small"}, 1)
	return ""
}

var scenarios = map[string]func() string{
	"quickstart": quickstart, "codecs": codecs, "group": group, "restart": restart, "admin": administer, "transactional": transactional,
	"unknown-topic": unknownTopic, "too-large": tooLarge,
}

func main() {
	answer := map[string]any{}
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/segmentio/kafka-go" {
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
