package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.FreePorts;
import com.cagen.quota.testing.TestConfig;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One node of the service: a JVM that runs the jar, or what was compiled where there is no jar yet. */
final class Node implements AutoCloseable {
    /** What the nodes call this machine; not localhost, which Hazelcast takes for itself. */
    private static final String HOST = "quota-node.test";

    private static final Path JAR = Path.of("target", "cagen-quota.jar").toAbsolutePath();
    private static final Path FOLDER = Path.of("target", "cluster").toAbsolutePath();
    private static final HttpClient CLIENT = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build();

    final String name;
    final int httpPort = FreePorts.next();
    final int clusterPort = FreePorts.next();
    final int busPort = FreePorts.next();
    /** Between this node and the others, when the test wants to cut it off. */
    private final @Nullable PortRelay clusterRelay;

    private final @Nullable PortRelay busRelay;
    private final Path log;
    private @Nullable Process process;

    Node(String name, boolean relayed) {
        this.name = name;
        this.clusterRelay = relayed ? new PortRelay(clusterPort) : null;
        this.busRelay = relayed ? new PortRelay(busPort) : null;
        this.log = FOLDER.resolve(name + ".log");
    }

    /** Where other nodes find this one. */
    String address() {
        return "127.0.0.1:" + (clusterRelay == null ? clusterPort : clusterRelay.port());
    }

    /** The same by a host name. */
    String member() {
        return address().replace("127.0.0.1", HOST);
    }

    static String clusterName(List<Node> all) {
        return "test-" + all.get(0).clusterPort;
    }

    /** @param settings over the usual ones */
    void start(String databaseUrl, List<Node> all, Map<String, String> settings) throws IOException {
        Path folder = Files.createDirectories(FOLDER.resolve(name));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dhazelcast.wait.seconds.before.join=1"));
        Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.1 localhost " + HOST + "\n");
        command.add("-Djdk.net.hosts.file=" + hosts.toAbsolutePath());
        if (clusterRelay != null && busRelay != null) {
            command.add("-Dhazelcast.local.publicAddress=" + address());
            command.add("-Dcagen.cluster.public-bus-port=" + busRelay.port());
        }
        if (Files.exists(JAR)) {
            command.addAll(List.of("-jar", JAR.toString()));
        } else {
            String path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
            command.addAll(List.of("-cp", path, "com.cagen.quota.Main"));
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        Map<String, String> environment = builder.environment();
        environment.putAll(new HashMap<>(Map.of(
                "PORT",
                Integer.toString(httpPort),
                "DATABASE_ENGINE",
                TestConfig.ENGINE.name(),
                "DATABASE_URL",
                databaseUrl,
                "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                TestConfig.KEY,
                "CLUSTER",
                "on",
                "CLUSTER_NAME",
                "test-" + all.get(0).clusterPort,
                "CLUSTER_HOST",
                "127.0.0.1",
                "CLUSTER_PORT",
                Integer.toString(clusterPort),
                "CLUSTER_BUS_PORT",
                Integer.toString(busPort),
                "CLUSTER_MEMBERS",
                String.join(",", all.stream().map(Node::member).toList()))));
        environment.putAll(settings);
        process = builder.start();
    }

    private Process running() {
        if (process == null) {
            throw new IllegalStateException(name + " was not started");
        }
        return process;
    }

    boolean runs() {
        return process != null && process.isAlive();
    }

    /** Waits until the node says that it is ready. */
    void awaitReady() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (!ready()) {
            boolean ended = running().waitFor(50, TimeUnit.MILLISECONDS);
            if (ended || System.nanoTime() > deadline) {
                signal("-QUIT"); // its threads, into its log
                running().waitFor(500, TimeUnit.MILLISECONDS);
                throw new AssertionError(name + (ended ? " ended: " : " is not ready: ") + tail());
            }
        }
    }

    /** Waits until the node says that it is not ready; it keeps its answer for a second. */
    void awaitNotReady() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (ready()) {
            assertThat(System.nanoTime()).as(name + " is ready still").isLessThan(deadline);
            assertThat(running().waitFor(50, TimeUnit.MILLISECONDS))
                    .as(name + " ended")
                    .isFalse();
        }
    }

    boolean ready() throws InterruptedException {
        return status("/health/ready") == 200;
    }

    /** Of a GET; -1 when nobody answers. */
    int status(String path) throws InterruptedException {
        try {
            HttpRequest request = HttpRequest.newBuilder(uri(path))
                    .timeout(Duration.ofSeconds(5))
                    .build();
            return CLIENT.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            return -1;
        }
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + httpPort + path);
    }

    private String tail() throws IOException {
        List<String> lines = Files.readAllLines(log);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 30), lines.size()));
    }

    /** SIGTERM, and waits for the end. */
    void terminate() throws InterruptedException {
        running().destroy();
        if (!running().waitFor(60, TimeUnit.SECONDS)) {
            throw new AssertionError(name + " did not stop");
        }
    }

    /** SIGKILL. */
    void kill() throws InterruptedException {
        running().destroyForcibly().waitFor();
    }

    void freeze() throws Exception {
        signal("-STOP");
    }

    void thaw() throws Exception {
        signal("-CONT");
    }

    private void signal(String signal) throws Exception {
        int status = new ProcessBuilder("kill", signal, Long.toString(running().pid()))
                .start()
                .waitFor();
        if (status != 0 && running().isAlive()) {
            throw new AssertionError("kill " + signal + " ended with " + status);
        }
    }

    /** Cuts this node off from all others; clients and the database still reach it. */
    void cutOff() {
        relays().forEach(PortRelay::cut);
    }

    void mend() {
        relays().forEach(PortRelay::mend);
    }

    private List<PortRelay> relays() {
        return clusterRelay == null || busRelay == null ? List.of() : List.of(clusterRelay, busRelay);
    }

    @Override
    public void close() throws Exception {
        if (process != null) {
            kill();
        }
        for (PortRelay relay : relays()) {
            relay.close();
        }
    }
}
