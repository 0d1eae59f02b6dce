package driver;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;

/** What the drivers in Java have in common: how a scenario is run and fails. Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public final class Scenarios {
    public interface Scenario {
        /** Returns a note for the table, or null. */
        String run() throws Exception;
    }

    public interface Condition {
        boolean holds() throws Exception;
    }

    public static final Duration PATIENCE = Duration.ofSeconds(40);
    /** What the command line says; a topic and a group are named after the prefix. */
    public static String bootstrap, prefix, records;
    /** A folder that is empty at first and gone afterwards. */
    public static Path scratch;
    public static Admin admin;

    public static void check(boolean holds, Supplier<String> what) {
        if (!holds) throw new AssertionError(what.get());
    }

    public static void waitFor(Condition condition, Supplier<String> what) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            check(System.nanoTime() < deadline, () -> "not within " + PATIENCE.toSeconds() + " s: " + what.get());
            Thread.sleep(20);
        }
    }

    private static String json(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + "\"";
    }

    /** Runs the scenario that the command line names, prints what came of it, and ends the process. */
    public static void run(String[] arguments, String version, Map<String, Scenario> scenarios) throws Exception {
        bootstrap = arguments[0];
        prefix = arguments[2];
        records = arguments[3];
        scratch = Files.createTempDirectory("driver");
        String outcome = "\"version\": " + json(String.valueOf(version));
        int status = 1;
        try (Admin client = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin = client;
            String note = scenarios.get(arguments[1]).run();
            System.out.println("{\"ok\": true, " + outcome + ", \"note\": " + json(Objects.requireNonNullElse(note, "")) + "}");
            status = 0;
        } catch (Throwable failure) {
            System.out.println("{\"ok\": false, " + outcome + ", \"error\": " + json(failure.toString()) + "}");
        }
        try (Stream<Path> files = Files.walk(scratch)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
        // What failed may still run, and some tools leave threads behind.
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }
}
