package com.cagen.quota.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.Main;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a process of its own: what it prints, and what is left when it is told to stop. */
@Tag("engine-independent")
class ServeIT {
    /** 128 + SIGTERM, by which a JVM says that it was told to stop and did. */
    private static final int STOPPED = 143;

    private final List<Process> started = new ArrayList<>();

    @TempDir
    private Path folder;

    private Process start(Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                classPath(),
                Main.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment()
                .keySet()
                .removeIf(name -> name.matches("ENVIRONMENT|DATABASE_URL|DATA_DIR|LOG_.*|.*PORT"));
        builder.environment().put("DATA_DIR", folder.toString());
        builder.environment().put("PORT", "0");
        builder.environment().putAll(environment);
        Process process =
                builder.redirectError(folder.resolve("stderr").toFile()).start();
        started.add(process);
        return process;
    }

    /** Without the tests, whose logging is another one. */
    private static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(entry -> !entry.endsWith("test-classes"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @AfterEach
    void endWhatATestLeft() {
        started.forEach(Process::destroyForcibly);
    }

    private static int end(Process process) throws InterruptedException {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private List<Long> postgresProcesses() {
        try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
            return all.filter(process -> Stream.of(process.info().arguments().orElse(new String[0]))
                            .anyMatch(folder.resolve("postgres").toString()::equals))
                    .map(ProcessHandle::pid)
                    .toList();
        }
    }

    @Test
    void leavesNoPostgresqlBehindWhenItIsStoppedWhileStarting() throws Exception {
        Process service = start(Map.of());
        Path postmaster = folder.resolve("postgres/postmaster.pid");
        while (!Files.exists(postmaster)) {
            assertThat(service.waitFor(20, TimeUnit.MILLISECONDS)).isFalse();
        }
        service.destroy();
        assertThat(end(service)).isEqualTo(STOPPED);
        assertThat(postmaster).doesNotExist();
        assertThat(postgresProcesses()).isEmpty();
    }

    @Test
    void writesNothingButJsonLinesFromTheGreetingToTheLastWord() throws Exception {
        Process service = start(Map.of("LOG_FORMAT", "json"));
        List<String> messages = new ArrayList<>();
        try (BufferedReader output = service.inputReader(StandardCharsets.UTF_8)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                String message = new JsonObject(line).getString("formattedMessage");
                messages.add(message);
                if (message.startsWith("Cagen quota service listens on ")) {
                    assertThat(postgresProcesses()).isNotEmpty();
                    service.toHandle().destroy(); // unlike Process.destroy, leaves us what it still says
                }
            }
        }
        assertThat(end(service)).isEqualTo(STOPPED);
        assertThat(messages).last().isEqualTo("stopped");
        assertThat(messages).containsOnlyOnce("stopping");
        assertThat(postgresProcesses()).isEmpty();
    }

    @Test
    void saysInOneLineWhatMigrateDid() throws Exception {
        Map<String, String> environment =
                Map.of("DATABASE_URL", TestDatabase.createEmpty(), "CAGEN_QUOTA_SERVICE_SECRET_KEY", TestConfig.KEY);
        assertThat(migrate(environment)).matches("the schema is at version \\d+, [1-9]\\d* migrations applied\n");
        assertThat(migrate(environment)).matches("the schema is at version \\d+, 0 migrations applied\n");
    }

    private String migrate(Map<String, String> environment) throws Exception {
        Process process = start(environment, "migrate");
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(end(process)).isZero();
        assertThat(folder.resolve("stderr")).isEmptyFile();
        return output;
    }
}
