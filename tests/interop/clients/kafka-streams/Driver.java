import static driver.Scenarios.*;

import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.internals.AppInfoParser;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.*;

/** Applications of Kafka Streams, at_least_once: Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public class Driver {
    static final int PARTITIONS = 3;
    static final Duration WINDOW = Duration.ofSeconds(10);

    static void createTopics(String... names) throws Exception {
        admin.createTopics(Stream.of(names).map(name -> new NewTopic(name, PARTITIONS, (short) 1)).toList()).all().get();
        for (String name : names) waitFor(() -> ends(name, OffsetSpec.latest()) != null, () -> "all partitions of " + name + " answer");
    }

    /** The sum of an offset over the partitions of a topic, or null while one does not answer. */
    static Long ends(String topic, OffsetSpec spec) throws Exception {
        var wanted = IntStream.range(0, PARTITIONS).boxed().collect(Collectors.toMap(p -> new TopicPartition(topic, p), p -> spec));
        try {
            return admin.listOffsets(wanted).all().get().values().stream().mapToLong(ListOffsetsResult.ListOffsetsResultInfo::offset).sum();
        } catch (ExecutionException notYet) {
            return null;
        }
    }

    /** Line `i` goes to partition `i % 3` and has a time stamp `i * millis` after a fixed one. */
    static void produce(String topic, List<String> values, long start, long millis) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "linger.ms", 20);
        try (Producer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < values.size(); i++) sent.add(producer.send(new ProducerRecord<>(topic, i % PARTITIONS, start + i * millis, null, values.get(i))));
            for (Future<RecordMetadata> one : sent) one.get();
        }
    }

    static List<String> readAll(String topic, int atLeast) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
        List<String> got = new ArrayList<>();
        try (Consumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(IntStream.range(0, PARTITIONS).mapToObj(p -> new TopicPartition(topic, p)).toList());
            consumer.seekToBeginning(consumer.assignment());
            waitFor(() -> {
                consumer.poll(Duration.ofMillis(100)).forEach(r -> got.add(r.key() + "=" + r.value()));
                return got.size() >= atLeast;
            }, () -> topic + " has " + got.size() + " of " + atLeast + " records");
        }
        return got;
    }

    static KafkaStreams start(StreamsBuilder builder, StateRestoreListener listener) throws Exception {
        Properties config = new Properties();
        config.putAll(Map.of("application.id", prefix, "bootstrap.servers", bootstrap, "processing.guarantee", "at_least_once", "state.dir", scratch.toString(),
            "commit.interval.ms", "100", "repartition.purge.interval.ms", "200", "num.stream.threads", "2", "statestore.cache.max.bytes", "0",
            "default.key.serde", Serdes.StringSerde.class, "default.value.serde", Serdes.StringSerde.class));
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        if (listener != null) streams.setGlobalStateRestoreListener(listener);
        streams.start();
        waitFor(() -> streams.state() == KafkaStreams.State.RUNNING, () -> "the application runs, it is " + streams.state());
        return streams;
    }

    /** A member that is not coming back leaves its group: otherwise the next instance waits for the end of its session. */
    static void close(KafkaStreams streams) {
        check(streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP).withTimeout(PATIENCE)), () -> "the application closes");
    }

    /** Lines are split into words, some filtered out, and the rest branched to two topics. Nothing is remembered. */
    static String stateless() throws Exception {
        createTopics(prefix + "-lines", prefix + "-short", prefix + "-long");
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(prefix + "-lines")
            .flatMapValues(line -> List.of(line.split(" ")))
            .filterNot((key, word) -> word.equals("skipped"))
            .map((key, word) -> KeyValue.pair(word.substring(0, 1), word.toUpperCase(Locale.ROOT)))
            .split()
            .branch((key, word) -> word.length() < 6, Branched.withConsumer(words -> words.to(prefix + "-short")))
            .defaultBranch(Branched.withConsumer(words -> words.to(prefix + "-long")));
        List<String> lines = IntStream.range(0, 3000).mapToObj(i -> "w" + i + " skipped longer" + i).toList();
        KafkaStreams streams = start(builder, null);
        produce(prefix + "-lines", lines, System.currentTimeMillis(), 1);
        for (String kind : List.of("short", "long")) {
            List<String> expected = IntStream.range(0, 3000).mapToObj(i -> kind.equals("short") ? "w=W" + i : "l=LONGER" + i).sorted().toList();
            List<String> got = readAll(prefix + "-" + kind, 3000).stream().sorted().toList();
            check(got.equals(expected), () -> kind + " words: " + got.size() + " records, or other ones");
        }
        close(streams);
        return null;
    }

    static StreamsBuilder windowedCount() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(prefix + "-lines")
            .flatMapValues(line -> List.of(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("words"))
            .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, Duration.ofHours(1)))
            .count(Materialized.as("counts"))
            .toStream((windowed, count) -> windowed.key() + "@" + windowed.window().start())
            .to(prefix + "-counts", Produced.with(Serdes.String(), Serdes.Long()));
        return builder;
    }

    /** How often the word was counted, or -1 while the store moves between threads. */
    static long count(KafkaStreams streams, String word, long window) {
        try {
            ReadOnlyWindowStore<String, Long> store = streams.store(StoreQueryParameters.fromNameAndType("counts", QueryableStoreTypes.windowStore()));
            return Objects.requireNonNullElse(store.fetch(word, window), 0L);
        } catch (InvalidStateStoreException moving) {
            return -1;
        }
    }

    static void waitForCounts(KafkaStreams streams, long start, long each) throws Exception {
        waitFor(() -> {
            for (int word = 0; word < 10; word++) {
                for (int window = 0; window < 3; window++) if (count(streams, "word" + word, start + window * WINDOW.toMillis()) != each) return false;
            }
            return true;
        }, () -> "every word counted " + each + " times in every window; word0 is counted " + count(streams, "word0", start));
    }

    static String config(String topic, String key) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(List.of(resource)).all().get().get(resource).get(key).value();
    }

    /**
     * Words are counted in windows of ten seconds. Counting needs a repartition topic, whose records are deleted when they
     * have been read, and a changelog, from which a second instance with an empty disk has the counts.
     */
    static String windowed() throws Exception {
        createTopics(prefix + "-lines", prefix + "-counts");
        String repartition = prefix + "-words-repartition", changelog = prefix + "-counts-changelog";
        long now = System.currentTimeMillis(), start = now - now % WINDOW.toMillis() - 5 * WINDOW.toMillis();
        List<String> lines = IntStream.range(0, 3000).mapToObj(i -> "word" + i % 10).toList();
        KafkaStreams first = start(windowedCount(), null);
        produce(prefix + "-lines", lines, start, 10);
        waitForCounts(first, start, 100);
        check(config(repartition, "cleanup.policy").equals("delete") && config(repartition, "retention.ms").equals("-1"), () -> "configs of the repartition topic");
        check(Set.of(config(changelog, "cleanup.policy").split(",")).equals(Set.of("compact", "delete")), () -> "configs of the changelog");
        check(readAll(prefix + "-counts", 3000).size() == 3000, () -> "one record for every count");
        waitFor(() -> ends(repartition, OffsetSpec.earliest()) == 3000 && ends(repartition, OffsetSpec.latest()) == 3000, () -> "the repartition topic was purged");
        close(first);

        first.cleanUp();
        AtomicLong restored = new AtomicLong();
        KafkaStreams second = start(windowedCount(), new StateRestoreListener() {
            @Override
            public void onRestoreStart(TopicPartition partition, String store, long from, long to) {}

            @Override
            public void onBatchRestored(TopicPartition partition, String store, long end, long count) {
                restored.addAndGet(count);
            }

            @Override
            public void onRestoreEnd(TopicPartition partition, String store, long total) {}
        });
        waitForCounts(second, start, 100);
        check(restored.get() >= 3000, () -> "records restored from the changelog: " + restored);
        produce(prefix + "-lines", lines, start, 10);
        waitForCounts(second, start, 200);
        waitFor(() -> ends(repartition, OffsetSpec.earliest()) == 6000, () -> "the repartition topic was purged again");
        close(second);
        return restored + " records restored";
    }

    public static void main(String[] arguments) throws Exception {
        run(arguments, AppInfoParser.getVersion(), Map.of("streams-stateless", Driver::stateless, "streams-windowed", Driver::windowed));
    }
}
