import static driver.Scenarios.*;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/** Kafka's own Java clients, of any release that has a Release.java: Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public class Driver {
    static final int PARTITIONS = 6;

    static <T> T get(Future<T> future) throws Exception {
        try {
            return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException failure) {
            throw failure.getCause() instanceof Exception cause ? cause : failure;
        }
    }

    static CreateTopicsResult createTopic(NewTopic topic) throws Exception {
        CreateTopicsResult created = admin.createTopics(List.of(topic));
        get(created.all());
        var wanted = IntStream.range(0, topic.numPartitions()).boxed().collect(Collectors.toMap(p -> new TopicPartition(topic.name(), p), p -> OffsetSpec.earliest()));
        waitFor(() -> {
            try {
                return get(admin.listOffsets(wanted).all()) != null;
            } catch (RetriableException notYet) {
                return false;
            }
        }, () -> "all partitions of " + topic.name() + " answer");
        return created;
    }

    static void createTopic(String topic, int partitions) throws Exception {
        createTopic(new NewTopic(topic, partitions, (short) 1));
    }

    /** Options are name, value, name, value. */
    static Map<String, Object> config(String... options) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "client.id", "a-client"));
        for (int i = 0; i < options.length; i += 2) config.put(options[i], options[i + 1]);
        return config;
    }

    static KafkaProducer<byte[], byte[]> producer(String... options) {
        return new KafkaProducer<>(config(options), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, String... options) {
        Map<String, Object> config = config(options);
        config.put("group.id", group);
        config.putIfAbsent("auto.offset.reset", "earliest");
        config.putIfAbsent("enable.auto.commit", "false");
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    static void produce(Producer<byte[], byte[]> producer, List<String> values, int partitions) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) sent.add(producer.send(new ProducerRecord<>(prefix, i % partitions, null, values.get(i).getBytes())));
        for (Future<RecordMetadata> one : sent) get(one);
    }

    /** Polls until there are `count` records; `max.poll.records` = 1 keeps it from going further. */
    static List<ConsumerRecord<byte[], byte[]>> read(Consumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> got = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (got.size() < count) {
            consumer.poll(Duration.ofMillis(200)).forEach(got::add);
            check(System.nanoTime() < deadline, () -> "read " + got.size() + " of " + count + " records");
        }
        return got;
    }

    static List<ConsumerRecord<byte[], byte[]>> readFromStart(String topic, int partitions, int count) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(prefix)) {
            List<TopicPartition> all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            return read(consumer, count);
        }
    }

    static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(r -> new String(r.value())).toList();
    }

    static byte[] unhex(String text) {
        return text.equals("-") ? null : HexFormat.of().parseHex(text);
    }

    static List<ProducerRecord<byte[], byte[]>> expectedRecords(String topic) throws Exception {
        List<ProducerRecord<byte[], byte[]>> expected = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(records))) {
            if (line.startsWith("#")) continue;
            String[] fields = line.split("\t", -1);
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, unhex(fields[0]), unhex(fields[1]));
            for (String header : fields[2].split(",")) {
                String[] pair = header.split("=", -1);
                if (pair.length == 2) record.headers().add(new RecordHeader(new String(unhex(pair[0])), unhex(pair[1])));
            }
            expected.add(record);
        }
        return expected;
    }

    static String codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = prefix + "-" + codec;
            createTopic(topic, 1);
            List<ProducerRecord<byte[], byte[]>> expected = expectedRecords(topic);
            try (KafkaProducer<byte[], byte[]> producer = producer("compression.type", codec, "linger.ms", "50")) {
                for (Future<?> sent : expected.stream().map(producer::send).toList()) get(sent);
            }
            List<ConsumerRecord<byte[], byte[]>> got = readFromStart(topic, 1, expected.size());
            for (int i = 0; i < expected.size(); i++) {
                ProducerRecord<byte[], byte[]> sent = expected.get(i);
                ConsumerRecord<byte[], byte[]> received = got.get(i);
                check(Arrays.equals(sent.key(), received.key()) && Arrays.equals(sent.value(), received.value())
                    && Arrays.equals(sent.headers().toArray(), received.headers().toArray()), () -> codec + ": sent " + sent + ", received " + received);
            }
        }
        return null;
    }

    static String idempotent() throws Exception {
        createTopic(prefix, 3);
        try (KafkaProducer<byte[], byte[]> producer = producer("enable.idempotence", "true", "linger.ms", "1", "batch.size", "1000")) {
            produce(producer, numbers(0, 3000), 3);
        }
        List<ConsumerRecord<byte[], byte[]>> got = readFromStart(prefix, 3, 3000);
        for (int partition = 0; partition < 3; partition++) {
            int p = partition;
            List<String> inOrder = values(got.stream().filter(r -> r.partition() == p).toList());
            check(inOrder.equals(numbers(0, 1000).stream().map(i -> String.valueOf(Integer.parseInt(i) * 3 + p)).toList()), () -> "partition " + p + ": lost, doubled or out of order");
        }
        return null;
    }

    /** A group member that polls on its own thread and keeps account of what it owns and has read. */
    static class Member extends Thread implements ConsumerRebalanceListener {
        final KafkaConsumer<byte[], byte[]> consumer;
        final Set<Integer> owned = ConcurrentHashMap.newKeySet(), revoked = ConcurrentHashMap.newKeySet();
        final Queue<String> seen = new ConcurrentLinkedQueue<>();
        final AtomicInteger changes = new AtomicInteger();
        final AtomicBoolean leaving = new AtomicBoolean();

        Member(String... options) {
            consumer = consumer(prefix, Stream.concat(Stream.of("enable.auto.commit", "true", "auto.commit.interval.ms", "500", "heartbeat.interval.ms", "500"), Stream.of(options)).toArray(String[]::new));
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            consumer.subscribe(List.of(prefix), this);
            while (!leaving.get()) consumer.poll(Duration.ofMillis(100)).forEach(r -> seen.add(new String(r.value())));
            consumer.close();
            owned.clear();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            changes.addAndGet(partitions.size());
            partitions.forEach(p -> owned.add(p.partition()));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            changes.addAndGet(partitions.size());
            partitions.forEach(p -> { owned.remove(p.partition()); revoked.add(p.partition()); });
        }

        void leave() throws Exception {
            leaving.set(true);
            join(PATIENCE.toMillis());
        }
    }

    static void waitForBalance(String what, Member... members) throws Exception {
        waitFor(() -> Stream.of(members).flatMap(m -> m.owned.stream()).sorted().toList().equals(List.of(0, 1, 2, 3, 4, 5)) && Stream.of(members).noneMatch(m -> m.owned.isEmpty()),
            () -> what + ": every partition owned once, " + Stream.of(members).map(m -> m.owned).toList());
    }

    static String group(Class<?> assignor, boolean cooperative) throws Exception {
        createTopic(prefix, PARTITIONS);
        AtomicBoolean streaming = new AtomicBoolean(true);
        List<String> sent = new ArrayList<>();
        Future<Void> stream = CompletableFuture.supplyAsync(() -> {
            try (KafkaProducer<byte[], byte[]> producer = producer()) {
                List<Future<RecordMetadata>> pending = new ArrayList<>();
                for (int i = 0; streaming.get(); i++, Thread.sleep(5)) {
                    sent.add(String.valueOf(i));
                    pending.add(producer.send(new ProducerRecord<>(prefix, i % PARTITIONS, null, sent.get(i).getBytes())));
                }
                for (Future<RecordMetadata> one : pending) get(one);
            } catch (Exception failure) {
                throw new CompletionException(failure);
            }
            return null;
        });
        String[] options = {"partition.assignment.strategy", assignor.getName()};
        Member first = new Member(options), second = new Member(options);
        waitForBalance("two members", first, second);
        first.revoked.clear();
        second.revoked.clear();
        Member third = new Member(options);
        waitForBalance("a third joins", first, second, third);
        for (Member member : List.of(first, second)) {
            check(!cooperative || Collections.disjoint(member.revoked, member.owned), () -> "a partition that stays must not be revoked on the way");
        }
        second.leave();
        waitForBalance("one leaves", first, third);
        streaming.set(false);
        get(stream);
        waitFor(() -> Stream.of(first, second, third).flatMap(m -> m.seen.stream()).collect(Collectors.toSet()).containsAll(sent), () -> "every record read by a member");
        first.leave();
        third.leave();
        return null;
    }

    static String groupStatic() throws Exception {
        createTopic(prefix, PARTITIONS);
        Member first = new Member("group.instance.id", "one"), second = new Member("group.instance.id", "two");
        waitForBalance("two static members", first, second);
        Set<Integer> before = Set.copyOf(second.owned);
        int changes = first.changes.get();
        second.leave();
        Member returned = new Member("group.instance.id", "two");
        waitFor(() -> returned.owned.equals(before), () -> "the returning static member owns what it owned");
        try (KafkaProducer<byte[], byte[]> producer = producer()) {
            produce(producer, numbers(0, 60), PARTITIONS);
        }
        waitFor(() -> first.seen.size() + returned.seen.size() == 60, () -> "records read by both");
        check(first.changes.get() == changes, () -> "the return of a static member must not rebalance the group");
        first.leave();
        returned.leave();
        return null;
    }

    static KafkaConsumer<byte[], byte[]> groupReader(String name) {
        KafkaConsumer<byte[], byte[]> consumer = consumer(prefix + name, "max.poll.records", "1");
        consumer.subscribe(List.of(prefix));
        return consumer;
    }

    static String restart() throws Exception {
        createTopic(prefix, 1);
        KafkaProducer<byte[], byte[]> producer = producer();
        produce(producer, numbers(0, 60), 1);
        KafkaConsumer<byte[], byte[]> staying = groupReader("-staying");
        read(staying, 60);
        staying.commitSync(PATIENCE);
        try (KafkaConsumer<byte[], byte[]> leaving = groupReader("-leaving")) {
            read(leaving, 25);
            leaving.commitSync(PATIENCE);
        }
        System.out.println("{\"restart\": true}");
        new BufferedReader(new InputStreamReader(System.in)).readLine();
        produce(producer, numbers(60, 100), 1);
        List<String> carriedOn = values(read(staying, 40));
        check(carriedOn.equals(numbers(60, 100)), () -> "the consumer that stayed expected 60..99, got " + carriedOn);
        KafkaConsumer<byte[], byte[]> again = groupReader("-leaving");
        List<String> resumed = values(read(again, 75));
        check(resumed.equals(numbers(25, 100)), () -> "the new consumer expected 25..99, got " + resumed);
        staying.close();
        again.close();
        producer.close();
        return null;
    }

    static ConfigEntry topicConfig(String name) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, prefix);
        return get(admin.describeConfigs(List.of(topic)).all()).get(topic).get(name);
    }

    static long offset(TopicPartition partition, OffsetSpec spec) throws Exception {
        return get(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition)).offset();
    }

    static boolean groupListed() throws Exception {
        return Release.groups(admin).contains(prefix);
    }

    static ConsumerGroupDescription groupDescription() throws Exception {
        return get(admin.describeConsumerGroups(List.of(prefix)).all()).get(prefix);
    }

    static String administer() throws Exception {
        NewTopic topic = new NewTopic(prefix, 2, (short) 1).configs(Map.of("retention.ms", "123456", "cleanup.policy", "delete"));
        CreateTopicsResult created = createTopic(topic);
        check(get(created.config(prefix)).get("retention.ms").value().equals("123456"), () -> "the answer to CreateTopics holds the configs");
        check(topicConfig("retention.ms").value().equals("123456"), () -> "the created topic keeps its config");
        check(topicConfig("retention.ms").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, () -> "source of a topic's own value");
        check(topicConfig("max.message.bytes").isDefault(), () -> "max.message.bytes is at its default");
        get(admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, prefix), List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", null), AlterConfigOp.OpType.DELETE),
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
            new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000000"), AlterConfigOp.OpType.SET)))).all());
        waitFor(() -> topicConfig("max.message.bytes").value().equals("2000000"), () -> "altered config seen");
        check(topicConfig("retention.ms").isDefault() && topicConfig("cleanup.policy").value().equals("delete,compact"), () -> "deleted and appended configs");

        get(admin.createPartitions(Map.of(prefix, NewPartitions.increaseTo(4))).all());
        waitFor(() -> get(admin.describeTopics(List.of(prefix)).allTopicNames()).get(prefix).partitions().size() == 4, () -> "four partitions");

        DescribeClusterResult cluster = admin.describeCluster();
        check(!get(cluster.clusterId()).isEmpty() && get(cluster.controller()) != null && get(cluster.nodes()).size() == 1, () -> "the cluster");

        TopicPartition partition = new TopicPartition(prefix, 3);
        try (KafkaProducer<byte[], byte[]> producer = producer()) {
            for (long timestamp : new long[] {1_000_000, 2_000_000, 3_000_000}) {
                get(producer.send(new ProducerRecord<>(prefix, 3, timestamp, "k".getBytes(), "x".getBytes())));
            }
        }
        check(offset(partition, OffsetSpec.earliest()) == 0, () -> "earliest");
        check(offset(partition, OffsetSpec.latest()) == 3, () -> "latest");
        check(offset(partition, OffsetSpec.forTimestamp(1_500_000)) == 1, () -> "by time");
        check(offset(partition, OffsetSpec.maxTimestamp()) == 2, () -> "of the maximum time stamp");

        Member member = new Member();
        waitFor(() -> member.seen.size() == 3, () -> "three records read");
        check(groupListed(), () -> "the group is listed");
        ConsumerGroupDescription group = groupDescription();
        check(Release.state(group).equals("Stable"), () -> "state " + Release.state(group));
        MemberDescription described = group.members().iterator().next();
        check(described.clientId().equals("a-client") && described.assignment().topicPartitions().size() == 4, () -> "member " + described);
        member.leave();
        waitFor(() -> Release.state(groupDescription()).equals("Empty"), () -> "the group is empty");
        Callable<Long> committed = () -> get(admin.listConsumerGroupOffsets(prefix).partitionsToOffsetAndMetadata()).get(partition).offset();
        check(committed.call() == 3, () -> "committed offset");
        get(admin.alterConsumerGroupOffsets(prefix, Map.of(partition, new OffsetAndMetadata(1))).all());
        check(committed.call() == 1, () -> "altered committed offset");
        get(admin.deleteConsumerGroups(List.of(prefix)).all());
        waitFor(() -> !groupListed(), () -> "the group is gone");

        get(admin.deleteTopics(List.of(prefix)).all());
        waitFor(() -> !get(admin.listTopics().names()).contains(prefix), () -> "the topic is gone");
        return null;
    }

    /** Either transactions work, or the client stops with a clear error that it need not repeat. */
    static String transactional() throws Exception {
        createTopic(prefix, 1);
        try (KafkaProducer<byte[], byte[]> producer = producer("transactional.id", prefix, "max.block.ms", "25000")) {
            producer.initTransactions();
            producer.beginTransaction();
            get(producer.send(new ProducerRecord<>(prefix, "x".getBytes())));
            producer.commitTransaction();
        } catch (KafkaException refusal) {
            check(!(refusal instanceof RetriableException), () -> "the client would try for ever: " + refusal);
            return "refused: " + refusal;
        }
        readFromStart(prefix, 1, 1);
        return "transactions work";
    }

    static Exception refusal(Producer<byte[], byte[]> producer, byte[] value) throws Exception {
        try {
            get(producer.send(new ProducerRecord<>(prefix, value)));
            return null;
        } catch (KafkaException failure) {
            return failure;
        }
    }

    static String unknownTopic() throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer("max.block.ms", "4000")) {
            Exception refusal = refusal(producer, "x".getBytes());
            // The Java client waits for the topic to appear and says in the end that it did not.
            check(refusal instanceof org.apache.kafka.common.errors.TimeoutException && refusal.getMessage().contains("not present in metadata"), () -> "refused with " + refusal);
        }
        check(!get(admin.listTopics().names()).contains(prefix), () -> "the topic must not be created");
        return null;
    }

    static String tooLarge() throws Exception {
        createTopic(prefix, 1);
        try (KafkaProducer<byte[], byte[]> producer = producer("max.request.size", "10000000")) {
            Exception refusal = refusal(producer, new byte[2_000_000]);
            check(refusal instanceof RecordTooLargeException, () -> "refused with " + refusal);
            check(refusal(producer, "small".getBytes()) == null, () -> "the next record must go through");
        }
        return null;
    }

    private static final Map<String, Scenario> SCENARIOS = Map.ofEntries(
        Map.entry("codecs", Driver::codecs), Map.entry("idempotent", Driver::idempotent),
        Map.entry("group", () -> group(RangeAssignor.class, false)), Map.entry("group-cooperative", () -> group(CooperativeStickyAssignor.class, true)),
        Map.entry("group-static", Driver::groupStatic), Map.entry("restart", Driver::restart), Map.entry("admin", Driver::administer),
        Map.entry("admin-whole", AdminWhole::run), Map.entry("transactional", Driver::transactional),
        Map.entry("unknown-topic", Driver::unknownTopic), Map.entry("too-large", Driver::tooLarge));

    public static void main(String[] arguments) throws Exception {
        run(arguments, Release.version(), SCENARIOS);
    }
}
