package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.cagen.quota.config.Config;
import com.cagen.quota.node.ServiceWithInternals;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Clients in another language against the bridges of a running service: the scripts in {@code src/test/node}. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BridgesIT {
    private static final Path SCRIPTS = Path.of("src", "test", "node");
    private static final Path FOLDER = Path.of("target", "node");
    private static final long SECONDS = 120;
    private static final List<String> BOTH = List.of(
            "usage allocated",
            "a refusal with code and figures",
            "a credential accepted once",
            "publishing, and addresses that are not public, refused",
            "nonsense answered, and the socket still good",
            "a refusal heard without asking for a reply",
            "no events without a fresh credential",
            "a registration confirmed",
            "events of one's own organization only",
            "no events after unregistering");
    private static final List<String> LIMITS = List.of("a frame of 64 KiB taken", "a larger frame closes the socket");

    private final ServiceWithInternals service;

    BridgesIT() throws IOException {
        service = new ServiceWithInternals(
                TestConfig.of(TestDatabase.create(), new Config.Bridges(0, "127.0.0.1", null, 0, 100, 1_000)));
    }

    @AfterAll
    void stop() {
        service.close();
    }

    private record Run(int exitCode, String output) {}

    @Test
    void thePublishedJavaScriptClientWorksOverSockJs() throws Exception {
        List<String> example = List.of("events heard with the documented code, and why they end");
        assertThat(seen("sockjs", service.sockJsBridgePort())).containsExactlyElementsOf(all(BOTH, example, LIMITS));
    }

    @Test
    void aPlainSocketWorksOverTcp() throws Exception {
        List<String> more = List.of("an impossible length closes the socket", "a ping answered");
        assertThat(seen("tcp", service.tcpBridgePort())).containsExactlyElementsOf(all(BOTH, LIMITS, more));
    }

    private static List<String> all(List<String> first, List<String> second, List<String> third) {
        return Stream.of(first, second, third).flatMap(List::stream).toList();
    }

    /** What the script saw; fails when it did not end well. */
    private static List<String> seen(String transport, int port) throws Exception {
        install();
        Run run = run(
                Map.of("QUOTA_PORT", Integer.toString(port), "QUOTA_KEY", TestConfig.KEY),
                "node",
                "bridge.js",
                transport);
        assertThat(run.exitCode()).as(run.output()).isZero();
        return run.output()
                .lines()
                .filter(line -> line.startsWith("saw: "))
                .map(line -> line.substring("saw: ".length()))
                .toList();
    }

    /** Skips the test, and says so, where there is no Node.js or no way to its packages. */
    private static void install() throws Exception {
        Files.createDirectories(FOLDER);
        try (Stream<Path> scripts = Files.list(SCRIPTS)) {
            for (Path script : scripts.filter(Files::isRegularFile).toList()) {
                Files.copy(script, FOLDER.resolve(script.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        assumeTrue(works("node", "--version"), "SKIPPED: there is no node on this machine");
        assumeTrue(works("npm", "--version"), "SKIPPED: there is no npm on this machine");
        if (!Files.isDirectory(FOLDER.resolve("node_modules"))) {
            assumeTrue(
                    works("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
                    "SKIPPED: npm could not install the packages of src/test/node");
        }
    }

    private static boolean works(String... command) throws InterruptedException {
        try {
            return run(Map.of(), command).exitCode() == 0;
        } catch (IOException e) {
            return false; // there is no such program
        }
    }

    private static Run run(Map<String, String> environment, String... command)
            throws IOException, InterruptedException {
        File output = Files.createTempFile(FOLDER, "run", ".log").toFile();
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(FOLDER.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output);
        builder.environment().putAll(environment);
        Process process = builder.start();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
        return new Run(process.exitValue(), Files.readString(output.toPath()));
    }
}
