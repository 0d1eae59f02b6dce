import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.regex.Pattern;
import org.apache.kafka.common.utils.internals.Exit;

/** What one of Kafka's command line tools printed, the status it ended with, and the exception it threw, if any. */
record Tool(String command, int status, String output, Exception failure) {
    interface Main {
        void run(String... arguments) throws Exception;
    }

    /** Thrown where the tool would end the process. */
    static class Exited extends Error {
        Exited() {
            super("the end of the tool", null, false, false);
        }
    }

    /** The first status counts: some tools catch what is thrown at their exit and exit once more. */
    private static Integer exited;

    static {
        Exit.setExitProcedure((status, message) -> {
            if (exited == null) {
                exited = status;
                if (message != null) System.err.println(message);
            }
            throw new Exited();
        });
    }

    /** Runs a tool with what it would read and collects all that it prints. */
    static Tool read(String input, Main main, String... arguments) {
        PrintStream out = System.out, err = System.err;
        InputStream in = System.in;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream both = new PrintStream(printed, true, StandardCharsets.UTF_8);
        exited = null;
        Exception failure = null;
        try {
            System.setOut(both);
            System.setErr(both);
            System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
            main.run(arguments);
        } catch (Exited end) {
            // Its status is kept.
        } catch (Exception thrown) {
            failure = thrown;
        } finally {
            System.setOut(out);
            System.setErr(err);
            System.setIn(in);
        }
        return new Tool(String.join(" ", arguments), exited == null ? 0 : exited, printed.toString(StandardCharsets.UTF_8), failure);
    }

    static Tool run(Main main, String... arguments) {
        return read("", main, arguments);
    }

    /** The tool must have succeeded. */
    Tool ok() {
        return ended(0);
    }

    Tool ended(int expected) {
        if (failure != null) throw new AssertionError(command + " threw " + failure, failure);
        if (status != expected) throw new AssertionError(command + " ended with status " + status + ": " + output);
        return this;
    }

    /** Each pattern must be found in the output; `^` and `$` stand for the ends of lines. */
    Tool prints(String... patterns) {
        for (String pattern : patterns) {
            if (!Pattern.compile(pattern, Pattern.MULTILINE).matcher(output).find()) throw new AssertionError(command + " does not print " + pattern + ": " + output);
        }
        return this;
    }

    Tool printsNo(String pattern) {
        if (Pattern.compile(pattern, Pattern.MULTILINE).matcher(output).find()) throw new AssertionError(command + " prints " + pattern + ": " + output);
        return this;
    }

    long count(String pattern) {
        return Pattern.compile(pattern, Pattern.MULTILINE).matcher(output).results().count();
    }
}
