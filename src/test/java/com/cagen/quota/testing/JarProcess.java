package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.config.Settings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** {@code java -jar cagen-quota.jar} as a process of its own, in a folder of its own; {@link #close} leaves nothing running. */
public final class JarProcess implements AutoCloseable {
    private static final Path JAR = Path.of("target", "cagen-quota.jar").toAbsolutePath();
    private static final long PATIENCE_SECONDS = 90;
    private static final String LAST_LINE_OF_GREETING = "\"total_mb\":10000";

    private final Process process;
    private final Path folder;
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final Thread reader;

    /**
     * Starts it.
     *
     * @param javaHome of the Java to run it with
     * @param folder its working directory, with the data folder below it
     * @param settings its environment; no others of the service's settings are passed on
     * @param arguments a command and its options; none to serve
     */
    public JarProcess(Path javaHome, Path folder, Map<String, String> settings, String... arguments)
            throws IOException {
        assertThat(JAR).as("mvn package makes it").exists();
        List<String> command = new ArrayList<>();
        command.add(javaHome.resolve("bin").resolve("java").toString());
        // Processes of a few seconds are not worth the second compiler's work, nor a collector with threads of its own.
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", JAR.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().keySet().removeAll(Settings.NAMES);
        builder.environment().putAll(settings);
        this.folder = folder;
        this.process = builder.start();
        this.reader = new Thread(this::read, "output of " + process.pid());
        reader.start();
    }

    /** A service on a free port and on whatever is in {@code folder}, once it has greeted. */
    public static JarProcess serve(Path javaHome, Path folder) throws IOException {
        JarProcess service = new JarProcess(javaHome, folder, Map.of("PORT", "0"));
        try {
            RunningService.until(
                    PATIENCE_SECONDS,
                    "the service has greeted",
                    () -> service.lines.stream().anyMatch(line -> line.contains(LAST_LINE_OF_GREETING))
                            || !service.process.isAlive());
            assertThat(service.process.isAlive()).as(service.output()).isTrue();
            return service;
        } catch (AssertionError e) {
            service.close();
            throw new AssertionError(service.output(), e);
        }
    }

    /** The Java that runs the tests. */
    public static Path ownJava() {
        return Path.of(System.getProperty("java.home"));
    }

    private void read() {
        try (BufferedReader out = process.inputReader()) {
            out.lines().forEach(lines::add);
        } catch (UncheckedIOException | IOException e) {
            lines.add("(output ended: " + e.getMessage() + ")");
        }
    }

    /** Everything printed so far, standard output and error. */
    public String output() {
        return String.join("\n", lines);
    }

    /** The lines of the greeting that are meant to be run. */
    public String greetedCommands() {
        int first = 0;
        while (!lines.get(first).startsWith("A first call")) {
            first++;
        }
        int last = first;
        while (!lines.get(last).contains(LAST_LINE_OF_GREETING)) {
            last++;
        }
        return String.join("\n", lines.subList(first + 1, last + 1)) + "\n";
    }

    /** {@code http://host:port} as greeted. */
    public String base() {
        String listens = lines.stream()
                .filter(line -> line.contains("listens on http://"))
                .findFirst()
                .orElseThrow();
        return listens.replaceFirst(".*listens on (http://[^,]+),.*", "$1");
    }

    /** Asks it to stop, as Ctrl-C, Docker and systemd do. */
    public void terminate() {
        process.destroy();
    }

    /** {@code kill -9} */
    public void kill() {
        process.destroyForcibly();
    }

    /** Its exit status, once it has ended and all it printed was read. */
    public int awaitExit() throws InterruptedException {
        boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly();
        }
        assertThat(ended).as("ends: %s", output()).isTrue();
        reader.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        return process.exitValue();
    }

    /** The PostgreSQL that works in the data folder, if one does. */
    public Optional<ProcessHandle> postgres() throws IOException {
        Path record = folder.resolve("data").resolve("postgres").resolve("postmaster.pid");
        if (!Files.exists(record)) {
            return Optional.empty();
        }
        List<String> lines = Files.readAllLines(record);
        return lines.stream()
                .findFirst() // there is none while the file is being written
                .flatMap(pid -> ProcessHandle.of(Long.parseLong(pid.strip())))
                .filter(ProcessHandle::isAlive)
                .filter(handle -> handle.info().command().orElse("").endsWith("postgres"));
    }

    @Override
    public void close() throws IOException {
        try {
            process.destroy();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
        postgres().ifPresent(ProcessHandle::destroyForcibly);
    }
}
