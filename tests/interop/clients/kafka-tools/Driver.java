import static driver.Scenarios.*;

import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.internals.AppInfoParser;
import org.apache.kafka.tools.*;
import org.apache.kafka.tools.consumer.ConsoleConsumer;
import org.apache.kafka.tools.consumer.group.ConsumerGroupCommand;
import org.apache.kafka.tools.reassign.ReassignPartitionsCommand;

/** Kafka's own command line tools, many in one process: Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public class Driver {
    interface Step {
        void run() throws Exception;
    }

    static final List<String> failed = new ArrayList<>();
    static int steps;

    /** Each step is judged by itself, so that one that fails does not hide the next. */
    static void step(String what, Step step) {
        steps++;
        try {
            step.run();
        } catch (AssertionError wrong) {
            failed.add(what + ": " + wrong.getMessage());
        } catch (Throwable failure) {
            failed.add(what + ": " + failure);
        }
    }

    /** Tries again until it holds: some answers of a broker follow its change a moment later. */
    static void eventually(Step step) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (true) {
            try {
                step.run();
                return;
            } catch (AssertionError notYet) {
                if (System.nanoTime() > deadline) throw notYet;
                Thread.sleep(50);
            }
        }
    }

    static Tool tool(Tool.Main main, String... arguments) throws Exception {
        return Tool.run(main, Stream.concat(Stream.of("--bootstrap-server", bootstrap), Stream.of(arguments)).toArray(String[]::new));
    }

    static Tool topics(String... arguments) throws Exception {
        return tool(TopicCommand::main, arguments);
    }

    static Tool configs(String... arguments) throws Exception {
        return tool(ConfigCommand::main, arguments);
    }

    static Tool groups(String... arguments) throws Exception {
        return tool(ConsumerGroupCommand::main, arguments);
    }

    static Tool offsets(String... arguments) throws Exception {
        return tool(GetOffsetShell::main, arguments);
    }

    static Tool consume(String... arguments) throws Exception {
        return tool(ConsoleConsumer::main, arguments);
    }

    static Path file(String name, String content) throws Exception {
        return Files.writeString(scratch.resolve(name), content);
    }

    static Producer<String, String> producer(String... options) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap));
        for (int i = 0; i < options.length; i += 2) config.put(options[i], options[i + 1]);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    /** The topic has three partitions with `count` records in each, keys k0.. and values v0... */
    static void fill(String topic, int count) throws Exception {
        topics("--create", "--topic", topic, "--partitions", "3", "--config", "retention.ms=-1").ok();
        eventually(() -> offsets("--topic", topic).ok().prints("^" + topic + ":2:0$"));
        try (Producer<String, String> producer = producer()) {
            for (int i = 0; i < 3 * count; i++) producer.send(new ProducerRecord<>(topic, i % 3, 1_000_000L + i, "k" + i, "v" + i));
        }
    }

    static void topicTools() throws Exception {
        step("topics --create", () -> {
            topics("--create", "--topic", prefix, "--partitions", "3", "--replication-factor", "1", "--config", "retention.ms=86400000").ok().prints("^Created topic " + prefix + "\\.$");
            topics("--create", "--topic", prefix, "--if-not-exists").ok();
            topics("--create", "--topic", prefix).ended(1).prints("already exists");
            topics("--create", "--topic", prefix + "-two", "--replication-factor", "2").ended(1).prints("replication factor (is|of) 2");
            topics("--create", "--topic", prefix + "-no", "--config", "no.such=1").ended(1).prints("Unknown topic config name: no.such");
        });
        step("topics --list and --describe", () -> {
            topics("--list").ok().prints("^" + prefix + "$");
            topics("--list", "--exclude-internal").ok().printsNo("^__consumer_offsets$");
            topics("--describe", "--topic", prefix).ok().prints(
                "^Topic: " + prefix + "\tTopicId: \\S{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: .*retention\\.ms=86400000",
                "^\tTopic: " + prefix + "\tPartition: 2\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \\s*\tLastKnownElr:");
            topics("--describe", "--topics-with-overrides").ok().prints("Topic: " + prefix);
            topics("--describe", "--unavailable-partitions").ok().printsNo(prefix);
            topics("--describe", "--under-replicated-partitions").ok().printsNo(prefix);
            topics("--describe", "--topic", prefix + "-unknown").ended(1).prints("does not exist as expected");
        });
        step("topics --alter", () -> {
            topics("--alter", "--topic", prefix, "--partitions", "4").ok();
            eventually(() -> topics("--describe", "--topic", prefix).ok().prints("PartitionCount: 4"));
            topics("--alter", "--topic", prefix, "--partitions", "2").ended(1).prints("2 (is|would) not (be )?an increase");
        });
        step("configs of a topic", () -> {
            configs("--alter", "--entity-type", "topics", "--entity-name", prefix, "--add-config", "max.message.bytes=2000000,cleanup.policy=[compact,delete]").ok().prints("^Completed updating config for topic " + prefix);
            eventually(() -> configs("--describe", "--entity-type", "topics", "--entity-name", prefix).ok().prints("^Dynamic configs for topic " + prefix + " are:$",
                "^  max\\.message\\.bytes=2000000 sensitive=false synonyms=\\{DYNAMIC_TOPIC_CONFIG:max\\.message\\.bytes=2000000, DEFAULT_CONFIG:message\\.max\\.bytes=1048588\\}$", "^  cleanup\\.policy=compact,delete "));
            configs("--alter", "--entity-type", "topics", "--entity-name", prefix, "--delete-config", "max.message.bytes,cleanup.policy").ok();
            eventually(() -> configs("--describe", "--entity-type", "topics", "--entity-name", prefix).ok().printsNo("max\\.message\\.bytes"));
            configs("--describe", "--all", "--topic", prefix).ok().prints("^  segment\\.bytes=1073741824 sensitive=false synonyms=\\{DEFAULT_CONFIG:log\\.segment\\.bytes=1073741824\\}$");
            configs("--alter", "--topic", prefix, "--add-config", "no.such=1").ended(1).prints("Unknown topic config name: no.such");
        });
        step("console-producer and console-consumer", () -> {
            String lines = IntStream.range(0, 100).mapToObj(i -> "k" + i + ":v" + i + "\n").collect(Collectors.joining());
            Tool.read(lines, ConsoleProducer::main, "--bootstrap-server", bootstrap, "--topic", prefix, "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", "--compression-codec", "zstd").ok();
            Tool all = consume("--topic", prefix, "--from-beginning", "--max-messages", "100", "--timeout-ms", "20000", "--formatter-property", "print.key=true", "--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true").ok();
            check(all.count("^Partition:[0-3]\tOffset:\\d+\tk(\\d+)\tv\\1$") == 100, () -> "records of console-consumer: " + all.output());
            consume("--topic", prefix, "--partition", "0", "--offset", "2", "--max-messages", "1", "--timeout-ms", "20000", "--formatter-property", "print.offset=true").ok().prints("^Offset:2\tv\\d+$");
        });
        step("get-offsets", () -> {
            Tool latest = offsets("--topic", prefix).ok();
            check(sum(latest) == 100 && latest.count("^" + prefix + ":[0-3]:\\d+$") == 4, () -> "latest offsets: " + latest.output());
            check(sum(offsets("--topic", prefix, "--time", "earliest").ok()) == 0, () -> "earliest offsets");
            offsets("--topic-partitions", prefix + ":1-3", "--time", "-3").ok().prints("^" + prefix + ":1:\\d+$").printsNo("^" + prefix + ":3:");
            check(sum(offsets("--topic", prefix, "--time", "1").ok()) == 0, () -> "offsets by time");
            offsets("--topic", prefix + "-unknown").ended(1).prints("Could not match any topic-partitions");
        });
        step("delete-records", () -> {
            Path file = file("delete.json", "{\"version\": 1, \"partitions\": [{\"topic\": \"" + prefix + "\", \"partition\": 0, \"offset\": 3}, {\"topic\": \"" + prefix + "\", \"partition\": 1, \"offset\": 100000}]}");
            tool(DeleteRecordsCommand::main, "--offset-json-file", file.toString()).ok().prints("^partition: " + prefix + "-0\tlow_watermark: 3$", "^partition: " + prefix + "-1\terror: .*OffsetOutOfRangeException");
            offsets("--topic", prefix, "--time", "-2").ok().prints("^" + prefix + ":0:3$", "^" + prefix + ":1:0$");
        });
        step("log-dirs", () -> logDirectory(prefix));
        step("leader-election", () -> tool(LeaderElectionCommand::main, "--election-type", "preferred", "--topic", prefix, "--partition", "0").ok().prints("Valid replica already elected for partitions"));
        step("reassign-partitions", () -> {
            Path topic = file("topics.json", "{\"version\": 1, \"topics\": [{\"topic\": \"" + prefix + "\"}]}");
            Tool plan = tool(ReassignPartitionsCommand::main, "--generate", "--broker-list", "1", "--topics-to-move-json-file", topic.toString()).ok().prints("^Proposed partition reassignment configuration$");
            Path file = file("plan.json", plan.output().strip().lines().reduce("", (first, last) -> last));
            tool(ReassignPartitionsCommand::main, "--execute", "--reassignment-json-file", file.toString()).ok().prints("^Successfully started partition reassignments for " + prefix + "-0," + prefix + "-1,");
            eventually(() -> tool(ReassignPartitionsCommand::main, "--verify", "--reassignment-json-file", file.toString()).ok().prints("^Reassignment of partition " + prefix + "-3 is completed\\.$"));
            tool(ReassignPartitionsCommand::main, "--list").ok().prints("^No partition reassignments found\\.$");
            file("elsewhere.json", Files.readString(file).replace("\"replicas\":[1]", "\"replicas\":[4711]"));
            tool(ReassignPartitionsCommand::main, "--execute", "--reassignment-json-file", scratch.resolve("elsewhere.json").toString()).ended(1).prints("Unknown broker id 4711");
        });
        step("topics --delete", () -> {
            topics("--delete", "--topic", prefix).ok();
            eventually(() -> topics("--list").ok().printsNo("^" + prefix + "$"));
            topics("--delete", "--topic", prefix).ended(1).prints("does not exist as expected");
        });
    }

    static long sum(Tool offsets) {
        return offsets.output().lines().map(line -> line.split(":")).filter(fields -> fields.length == 3).mapToLong(fields -> Long.parseLong(fields[2])).sum();
    }

    /** The directory of the broker's data, as log-dirs says. */
    static Path logDirectory(String topic) throws Exception {
        Tool described = tool(LogDirsCommand::main, "--describe", "--topic-list", topic).ok().prints("\"partition\":\"" + topic + "-0\",\"size\":[1-9]\\d*,\"offsetLag\":0,\"isFuture\":false");
        Matcher directory = Pattern.compile("\"logDir\":\"([^\"]+)\"").matcher(described.output());
        check(directory.find(), () -> "no directory in " + described.output());
        return Path.of(directory.group(1));
    }

    static void groupTools() throws Exception {
        fill(prefix, 100);
        step("consumer-groups --describe", () -> {
            consume("--topic", prefix, "--group", prefix, "--from-beginning", "--max-messages", "250", "--timeout-ms", "20000").ok();
            groups("--describe", "--group", prefix).ok().prints("Consumer group '" + prefix + "' has no active members\\.", "^" + prefix + "\\s+" + prefix + "\\s+[0-2]\\s+\\d+\\s+100\\s+\\d+\\s+-\\s+-\\s+-");
            groups("--describe", "--group", prefix, "--state").ok().prints("^" + prefix + "\\s+\\S+:\\d+\\s+\\(1\\)\\s+-\\s+Empty\\s+0\\s*$");
            groups("--list").ok().prints("^" + prefix + "$");
            groups("--list", "--state", "Empty").ok().prints("^" + prefix + "\\s+Empty");
            groups("--list", "--type", "classic").ok().prints("^" + prefix + "\\s+Classic");
            groups("--describe", "--group", prefix + "-unknown").prints("GroupIdNotFoundException");
        });
        step("groups --list", () -> {
            tool(GroupsCommand::main, "--list", "--group-type", "classic").ok().prints("^" + prefix + "\\s+Classic\\s+consumer");
            tool(GroupsCommand::main, "--list", "--consumer").ok().prints("^" + prefix + "\\s+Classic\\s+consumer");
        });
        step("consumer-groups --reset-offsets", () -> {
            reset("--all-topics", "--to-earliest", "--dry-run").prints("^" + prefix + "\\s+" + prefix + "\\s+2\\s+0\\s*$");
            groups("--describe", "--group", prefix).ok().printsNo("^" + prefix + "\\s+" + prefix + "\\s+0\\s+0\\s");
            reset("--topic", prefix, "--to-earliest", "--execute").prints("\\s0\\s+0\\s*$", "\\s1\\s+0\\s*$", "\\s2\\s+0\\s*$");
            reset("--topic", prefix + ":0,1", "--shift-by", "30", "--execute").prints("\\s0\\s+30\\s*$", "\\s1\\s+30\\s*$").printsNo("\\s2\\s+30\\s*$");
            groups("--describe", "--group", prefix).ok().prints("^" + prefix + "\\s+" + prefix + "\\s+0\\s+30\\s+100\\s+70\\s", "^" + prefix + "\\s+" + prefix + "\\s+2\\s+0\\s+100\\s+100\\s");
            reset("--topic", prefix, "--to-offset", "1000", "--execute").prints("\\s0\\s+100\\s*$");
            // Records are 3 ms apart in a partition and begin at 00:16:40 of 1970.
            reset("--topic", prefix + ":0", "--to-datetime", "1970-01-01T00:16:40.031", "--execute").prints("\\s0\\s+11\\s*$");
            reset("--topic", prefix + ":0", "--to-latest", "--execute").prints("\\s0\\s+100\\s*$");
            reset("--topic", prefix + ":0", "--by-duration", "P1D", "--execute").prints("\\s0\\s+100\\s*$");
            reset("--all-topics", "--to-current", "--execute").prints("\\s1\\s+100\\s*$");
        });
        step("consumer-groups --export and --from-file", () -> {
            Tool exported = groups("--reset-offsets", "--group", prefix, "--topic", prefix, "--to-offset", "42", "--dry-run", "--export").ok().prints("^\"?" + prefix + "\"?,1,42$");
            reset("--from-file", file("offsets.csv", exported.output()).toString(), "--execute").prints("\\s1\\s+42\\s*$");
        });
        step("console-consumer of a group goes on where it was", () -> {
            Tool rest = consume("--topic", prefix, "--group", prefix, "--max-messages", "174", "--timeout-ms", "20000").ok();
            check(rest.count("^v\\d+$") == 174 && rest.count("^v125$") == 0 && rest.count("^v126$") == 1, () -> "records after 42: " + rest.output());
        });
        step("a group with a member", () -> {
            try (KafkaConsumer<String, String> member = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", prefix, "client.id", "a-client", "group.instance.id", "one"), new StringDeserializer(), new StringDeserializer())) {
                member.subscribe(List.of(prefix));
                while (member.assignment().size() < 3) member.poll(Duration.ofMillis(100));
                groups("--describe", "--group", prefix, "--members", "--verbose").ok().prints("^" + prefix + "\\s+one-\\S+\\s+one\\s+/127\\.0\\.0\\.1\\s+a-client\\s+3\\s.*" + prefix + "\\(0,1,2\\)|^" + prefix + "\\s+one-\\S+\\s+one\\s+/127\\.0\\.0\\.1\\s+a-client\\s+3\\s.*" + prefix + ":0,1,2");
                groups("--describe", "--group", prefix, "--state").ok().prints("\\s+range\\s+Stable\\s+1\\s*$");
                groups("--reset-offsets", "--group", prefix, "--all-topics", "--to-earliest", "--execute").prints("Assignments can only be reset if the group '" + prefix + "' is inactive, but the current state is Stable");
                groups("--delete", "--group", prefix).prints("Group '" + prefix + "' could not be deleted due to:.*GroupNotEmptyException");
                groups("--delete-offsets", "--group", prefix, "--topic", prefix).prints("GroupSubscribedToTopicException|actively subscribed");
            }
        });
        step("console-consumer reads __consumer_offsets", () -> {
            Tool read = consume("--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "4000", "--formatter", "org.apache.kafka.tools.consumer.OffsetsMessageFormatter");
            read.prints("\"group\":\"" + prefix + "\",\"topic\":\"" + prefix + "\",\"partition\":1\\}.*\"offset\":42");
            Tool members = consume("--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "4000", "--formatter", "org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter");
            members.prints("\"group\":\"" + prefix + "\".*\"groupInstanceId\":\"one\"");
        });
        step("consumer-groups --delete-offsets and --delete", () -> {
            // A static member stays in the group when its consumer is closed.
            admin.removeMembersFromConsumerGroup(prefix, new RemoveMembersFromConsumerGroupOptions()).all().get();
            groups("--delete-offsets", "--group", prefix, "--topic", prefix + ":0").ok().prints("Request succeeded for deleting offsets from group " + prefix, "^" + prefix + "\\s+0\\s+Successful");
            groups("--describe", "--group", prefix).ok().prints("^" + prefix + "\\s+" + prefix + "\\s+1\\s+").printsNo("^" + prefix + "\\s+" + prefix + "\\s+0\\s+\\d");
            groups("--delete", "--group", prefix).ok().prints("Deletion of requested consumer groups \\('" + prefix + "'\\) was successful\\.");
            groups("--list").ok().printsNo("^" + prefix + "$");
        });
    }

    static Tool reset(String... arguments) throws Exception {
        return groups(Stream.concat(Stream.of("--reset-offsets", "--group", prefix), Stream.of(arguments)).toArray(String[]::new)).ok();
    }

    static void performanceTools() throws Exception {
        topics("--create", "--topic", prefix, "--partitions", "3").ok();
        step("producer-perf-test", () -> tool(ProducerPerformance::main, "--topic", prefix, "--num-records", "50000", "--record-size", "200", "--throughput", "-1", "--command-property", "acks=all", "compression.type=lz4").ok()
            .prints("^50000 records sent, [\\d.,]+ records/sec"));
        step("consumer-perf-test", () -> tool(ConsumerPerformance::main, "--topic", prefix, "--num-records", "50000").ok()
            .prints("^start\\.time, end\\.time, data\\.consumed\\.in\\.MB, MB\\.sec, data\\.consumed\\.in\\.nMsg", ", 9\\.5367, [\\d.]+, 50000, "));
        step("e2e-latency", () -> Tool.run(EndToEndLatency::main, "--bootstrap-server", bootstrap, "--topic", prefix, "--num-records", "100", "--producer-acks", "all", "--record-size", "100").ok().prints("^Avg latency: [\\d.,]+ ms", "Percentiles: 50th = \\d+"));
    }

    static void clusterTools() throws Exception {
        fill(prefix, 1);
        step("features describe", () -> tool(FeatureCommand::main, "describe").ok().prints("^Feature: metadata\\.version\\s+SupportedMinVersion: \\S+\\s+SupportedMaxVersion: \\S+\\s+FinalizedVersionLevel: \\S+\\s+Epoch: \\d+"));
        step("features upgrade --dry-run", () -> {
            tool(FeatureCommand::main, "upgrade", "--feature", "metadata.version=1000", "--dry-run").ended(1).prints("Can not upgrade metadata\\.version to 1000");
            tool(FeatureCommand::main, "upgrade", "--feature", "no.such=1", "--dry-run").ended(1).prints("no\\.such");
        });
        step("metadata-quorum describe --status", () -> tool(MetadataQuorumCommand::main, "describe", "--status").ok().prints("^ClusterId: +\\S{22}$", "^LeaderId: +1$", "^LeaderEpoch: +\\d+$", "^HighWatermark: +[1-9]\\d*$", "^MaxFollowerLag: +0$", "^CurrentVoters: +\\[\\{\"id\": 1", "^CurrentObservers: +\\[\\]$"));
        step("metadata-quorum describe --replication", () -> tool(MetadataQuorumCommand::main, "describe", "--replication").ok().prints("^NodeId\\s+DirectoryId\\s+LogEndOffset\\s+Lag", "^1\\s+\\S{22}\\s+\\d+\\s+0\\s+\\d+\\s+\\d+\\s+Leader"));
        step("broker-api-versions", () -> tool(BrokerApiVersionsCommand::main).ok().prints("^\\S+:\\d+ \\(id: 1 rack: null isFenced: false\\) -> \\($", "^\tProduce\\(0\\): 0 to \\d+ \\[usable: \\d+\\],$", "^\tFetch\\(1\\): 4 to 18 \\[usable: 18\\],$").printsNo("ERROR"));
        step("cluster cluster-id and list-endpoints", () -> {
            Tool.run(ClusterTool::main, "cluster-id", "--bootstrap-server", bootstrap).ok().prints("^Cluster ID: \\S{22}$");
            Tool.run(ClusterTool::main, "list-endpoints", "--bootstrap-server", bootstrap).ok().prints("^1\\s+127\\.0\\.0\\.1\\s+\\d+\\s");
        });
        step("configs of the broker", () -> {
            configs("--describe", "--entity-type", "brokers", "--entity-name", "1", "--all").ok().prints("^All configs for broker 1 are:$", "^  log\\.retention\\.hours=168 sensitive=false synonyms=\\{DEFAULT_CONFIG:log\\.retention\\.hours=168\\}$");
            configs("--alter", "--entity-type", "brokers", "--entity-default", "--add-config", "max.connections=1000000").ok();
            eventually(() -> configs("--describe", "--entity-type", "brokers", "--entity-default").ok().prints("^Default configs for brokers in the cluster are:$", "^  max\\.connections=1000000 "));
            configs("--alter", "--entity-type", "brokers", "--entity-default", "--delete-config", "max.connections").ok();
        });
        step("configs of clients and users: quotas", () -> {
            configs("--alter", "--entity-type", "clients", "--entity-name", prefix, "--add-config", "producer_byte_rate=1000000,consumer_byte_rate=2000000").ok();
            configs("--alter", "--entity-type", "users", "--entity-name", prefix, "--entity-type", "clients", "--entity-default", "--add-config", "request_percentage=50").ok();
            eventually(() -> configs("--describe", "--entity-type", "clients", "--entity-name", prefix).ok().prints("^Quota configs for client-id '" + prefix + "' are (producer_byte_rate=1000000\\.0, consumer_byte_rate=2000000\\.0|consumer_byte_rate=2000000\\.0, producer_byte_rate=1000000\\.0)$"));
            eventually(() -> configs("--describe", "--entity-type", "users", "--entity-name", prefix, "--entity-type", "clients", "--entity-default").ok().prints("^Quota configs for user-principal '" + prefix + "', the default client-id are request_percentage=50\\.0$"));
            configs("--alter", "--entity-type", "clients", "--entity-name", prefix, "--delete-config", "producer_byte_rate,consumer_byte_rate").ok();
            configs("--alter", "--entity-type", "users", "--entity-name", prefix, "--entity-type", "clients", "--entity-default", "--delete-config", "request_percentage").ok();
            eventually(() -> configs("--describe", "--entity-type", "clients", "--entity-name", prefix).ok().printsNo("byte_rate"));
        });
        step("configs of a group", () -> {
            configs("--alter", "--entity-type", "groups", "--entity-name", prefix, "--add-config", "consumer.heartbeat.interval.ms=6000").ok();
            eventually(() -> configs("--describe", "--entity-type", "groups", "--entity-name", prefix).ok().prints("^  consumer\\.heartbeat\\.interval\\.ms=6000 "));
            configs("--alter", "--entity-type", "groups", "--entity-name", prefix, "--delete-config", "consumer.heartbeat.interval.ms").ok();
        });
        step("client-metrics", () -> {
            tool(ClientMetricsCommand::main, "--alter", "--name", prefix, "--metrics", "org.apache.kafka.consumer.", "--interval", "60000").ok().prints("^Altered client metrics config for " + prefix);
            eventually(() -> tool(ClientMetricsCommand::main, "--describe", "--name", prefix).ok().prints("^  interval\\.ms=60000$", "^  metrics=org\\.apache\\.kafka\\.consumer\\.$"));
            tool(ClientMetricsCommand::main, "--list").ok().prints("^" + prefix + "$");
            tool(ClientMetricsCommand::main, "--delete", "--name", prefix).ok();
            eventually(() -> tool(ClientMetricsCommand::main, "--list").ok().printsNo("^" + prefix + "$"));
        });
        step("transactions describe-producers", () -> Tool.run(TransactionsCommand::main, "--bootstrap-server", bootstrap, "describe-producers", "--topic", prefix, "--partition", "0").ok().prints("^ProducerId\\s+ProducerEpoch\\s+LatestCoordinatorEpoch\\s+LastSequence\\s+LastTimestamp\\s+CurrentTransactionStartOffset", "^\\d+\\s+0\\s+-1\\s+0\\s+\\d+\\s+None"));
        step("acls without an authorizer", () -> tool(AclCommand::main, "--list").ended(1).prints("SecurityDisabledException"));
    }

    /**
     * What DumpLogSegments prints about a file. It takes the zeros at the end of a preallocated segment for a damaged record, after all
     * that it has printed: Kafka preallocates with `preallocate=true`, as the topic here is made, and Naru always.
     */
    static Tool dump(Path file, String... arguments) throws Exception {
        Tool dumped = Tool.run(DumpLogSegments::main, Stream.concat(Stream.of("--files", file.toString()), Stream.of(arguments)).toArray(String[]::new));
        boolean zeros = dumped.failure() instanceof CorruptRecordException && dumped.failure().getMessage().startsWith("Found record size 0 ");
        if (!zeros) dumped.ok();
        return dumped.printsNo("isvalid: false|invalid bytes|mismatches|Index search|not monotonically|out of order|no offset index|could not|Could not");
    }

    static List<Path> files(Path folder, String suffix) throws Exception {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(f -> f.toString().endsWith(suffix)).sorted().toList();
        }
    }

    static void dumpTools() throws Exception {
        topics("--create", "--topic", prefix, "--partitions", "1", "--config", "segment.bytes=1048576", "--config", "index.interval.bytes=1000", "--config", "retention.ms=-1", "--config", "preallocate=true").ok();
        try (Producer<String, String> producer = producer("linger.ms", "20", "compression.type", "lz4", "batch.size", "4000")) {
            for (int i = 0; i < 40_000; i++) producer.send(new ProducerRecord<>(prefix, 0, 1_000_000L + i, "k" + i, UUID.randomUUID().toString()));
        }
        consume("--topic", prefix, "--group", prefix, "--from-beginning", "--max-messages", "10", "--timeout-ms", "20000").ok();
        Path data = logDirectory(prefix), folder = data.resolve(prefix + "-0");
        List<Path> segments = files(folder, ".log");
        step("dump-log of segments", () -> {
            check(segments.size() >= 2, () -> "segments " + segments);
            long records = 0;
            for (Path segment : segments) {
                Tool dumped = dump(segment, "--deep-iteration", "--print-data-log", "--skip-record-metadata").prints("^Log starting offset: \\d+$", "^baseOffset: \\d+ lastOffset: \\d+ count: \\d+ baseSequence: \\d+ lastSequence: \\d+ producerId: \\d+ producerEpoch: 0 partitionLeaderEpoch: \\d+ isTransactional: false isControl: false .*compresscodec: lz4 crc: \\d+ isvalid: true");
                records += dumped.count("^\\| .*key: k\\d+ payload: \\S{36}|^\\| offset: .*");
            }
            long found = records;
            check(found == 40_000, () -> "records in the segments: " + found);
        });
        step("dump-log of indexes", () -> {
            // The last segment is in use and preallocated, and so are its indexes in Kafka: only the sealed ones are whole.
            for (String kind : List.of(".index", ".timeindex")) {
                List<Path> indexes = files(folder, kind);
                for (Path index : indexes) dump(index);
                dump(indexes.get(0), "--index-sanity-check").ok().prints("passed sanity check");
            }
            dump(files(folder, ".index").get(0)).ok().prints("^offset: [1-9]\\d* position: [1-9]\\d*$");
            dump(files(folder, ".timeindex").get(0)).ok().prints("^timestamp: 1\\d{6} offset: [1-9]\\d*$");
        });
        step("dump-log of a producer snapshot", () -> {
            List<Path> snapshots = files(folder, ".snapshot");
            check(!snapshots.isEmpty(), () -> "no snapshot in " + folder);
            for (Path snapshot : snapshots) dump(snapshot).prints("producerId: \\d+ producerEpoch: 0 coordinatorEpoch: -1 currentTxnFirstOffset: (None|OptionalLong\\.empty) .*firstSequence: \\d+ lastSequence: \\d+ lastOffset: \\d+");
        });
        step("dump-log --offsets-decoder", () -> {
            StringBuilder all = new StringBuilder();
            try (Stream<Path> folders = Files.list(data)) {
                for (Path offsets : folders.filter(f -> f.getFileName().toString().startsWith("__consumer_offsets-")).toList()) {
                    for (Path segment : files(offsets, ".log")) all.append(dump(segment, "--offsets-decoder").output());
                }
            }
            new Tool("the dump of __consumer_offsets", 0, all.toString(), null).prints("key: \\{\"type\":\"1\",\"data\":\\{\"group\":\"" + prefix + "\",\"topic\":\"" + prefix + "\",\"partition\":0\\}\\} payload: \\{\"version\":\"\\d+\",\"data\":\\{\"offset\":10,", "key: \\{\"type\":\"2\",\"data\":\\{\"group\":\"" + prefix + "\"\\}\\} payload:.*\"protocolType\":\"consumer\"");
        });
        step("dump-log --cluster-metadata-decoder", () -> {
            StringBuilder all = new StringBuilder();
            for (Path segment : files(data.resolve("__cluster_metadata-0"), ".log")) all.append(dump(segment, "--cluster-metadata-decoder").output());
            new Tool("the dump of __cluster_metadata", 0, all.toString(), null).prints("payload: \\{\"type\":\"TOPIC_RECORD\",\"version\":0,\"data\":\\{\"name\":\"" + prefix + "\",\"topicId\":", "payload: \\{\"type\":\"PARTITION_RECORD\"", "payload: \\{\"type\":\"CONFIG_RECORD\",.*\"resourceName\":\"" + prefix + "\",\"name\":\"segment.bytes\",\"value\":\"1048576\"");
        });
    }

    /** Runs the steps and tells how many there were, or what each failed one said. */
    static Scenario all(Step scenario) {
        return () -> {
            scenario.run();
            check(failed.isEmpty(), () -> failed.size() + " of " + steps + " steps failed: " + failed.stream().map(f -> f.substring(0, Math.min(f.length(), 700))).collect(Collectors.joining("; ")));
            return steps + " steps";
        };
    }

    public static void main(String[] arguments) throws Exception {
        run(arguments, AppInfoParser.getVersion(), Map.of(
            "tools-topics", all(Driver::topicTools), "tools-groups", all(Driver::groupTools), "tools-performance", all(Driver::performanceTools),
            "tools-cluster", all(Driver::clusterTools), "tools-dump", all(Driver::dumpTools)));
    }
}
