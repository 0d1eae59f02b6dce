import static driver.Scenarios.*;

import java.nio.file.*;
import java.util.*;
import java.util.concurrent.TimeUnit;
import java.util.stream.*;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.connect.cli.ConnectStandalone;
import org.apache.kafka.connect.runtime.AbstractStatus;
import org.apache.kafka.connect.runtime.Connect;
import org.apache.kafka.connect.runtime.standalone.StandaloneHerder;
import org.apache.kafka.connect.util.FutureCallback;

/** A standalone worker of Kafka Connect, its REST server included: Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public class Driver {
    static Connect<StandaloneHerder> startWorker() {
        return new ConnectStandalone().startConnect(new HashMap<>(Map.of(
            "bootstrap.servers", bootstrap, "listeners", "http://127.0.0.1:0", "plugin.discovery", "service_load",
            "key.converter", "org.apache.kafka.connect.storage.StringConverter", "value.converter", "org.apache.kafka.connect.storage.StringConverter",
            "offset.storage.file.filename", scratch.resolve("offsets").toString(), "offset.flush.interval.ms", "500")));
    }

    static void startConnector(Connect<StandaloneHerder> worker, String name, Map<String, String> options) throws Exception {
        Map<String, String> config = new HashMap<>(options);
        config.putAll(Map.of("name", name, "tasks.max", "1"));
        FutureCallback<org.apache.kafka.connect.runtime.Herder.Created<org.apache.kafka.connect.runtime.rest.entities.ConnectorInfo>> created = new FutureCallback<>();
        worker.herder().putConnectorConfig(name, config, false, created);
        created.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    static void startConnectors(Connect<StandaloneHerder> worker) throws Exception {
        startConnector(worker, prefix + "-source", Map.of("connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector", "topic", prefix, "file", scratch.resolve("in").toString()));
        startConnector(worker, prefix + "-sink", Map.of("connector.class", "org.apache.kafka.connect.file.FileStreamSinkConnector", "topics", prefix, "file", scratch.resolve("out").toString()));
        for (String name : List.of(prefix + "-source", prefix + "-sink")) {
            waitFor(() -> {
                var status = worker.herder().connectorStatus(name);
                return status.tasks().size() == 1 && status.tasks().get(0).state().equals(AbstractStatus.State.RUNNING.name());
            }, () -> name + " runs: " + worker.herder().connectorStatus(name).tasks());
        }
    }

    static void append(int from, int to) throws Exception {
        Files.writeString(scratch.resolve("in"), lines(from, to).stream().map(line -> line + "\n").collect(Collectors.joining()), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    static List<String> lines(int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> "line " + i).toList();
    }

    static void waitForOutput(int count) throws Exception {
        Path out = scratch.resolve("out");
        waitFor(() -> Files.exists(out) && Files.readAllLines(out).size() >= count, () -> count + " lines in the sink's file");
        List<String> written = Files.readAllLines(out);
        check(written.equals(lines(0, count)), () -> "the sink's file: " + written.size() + " lines instead of " + count + ", or out of order");
    }

    /** The source's position is in a file of the worker, the sink's in a group: both must outlive the worker. */
    static String files() throws Exception {
        append(0, 500);
        Connect<StandaloneHerder> worker = startWorker();
        startConnectors(worker);
        waitForOutput(500);
        append(500, 600);
        waitForOutput(600);
        worker.stop();
        worker.awaitStop();

        append(600, 700);
        worker = startWorker();
        startConnectors(worker);
        waitForOutput(700);
        worker.stop();
        worker.awaitStop();

        TopicPartition partition = new TopicPartition(prefix, 0);
        long end = admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition).get().offset();
        check(end == 700, () -> "the topic has " + end + " records instead of 700");
        var committed = admin.listConsumerGroupOffsets("connect-" + prefix + "-sink").partitionsToOffsetAndMetadata().get();
        check(committed.containsKey(partition) && committed.get(partition).offset() == 700, () -> "committed by the sink: " + committed);
        return null;
    }

    public static void main(String[] arguments) throws Exception {
        run(arguments, AppInfoParser.getVersion(), Map.of("connect-files", Driver::files));
    }
}
