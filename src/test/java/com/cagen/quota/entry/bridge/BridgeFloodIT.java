package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.config.Settings;
import com.cagen.quota.testing.FreePorts;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sockets without a credential that send as fast as they can and read nothing, against a service with 256 MB of heap: its
 * process goes on, and answers others meanwhile.
 */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(240)
class BridgeFloodIT {
    private static final int SOCKETS = 30;
    private static final int FRAMES = 280_000;
    private static final int CHUNK_FRAMES = 10_000;
    private static final int MAX_OUTPUT = 5_000;
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final int httpPort = FreePorts.next();
    private final int tcpPort = FreePorts.next();
    private final int sockJsPort = FreePorts.next();
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @TempDir
    static Path folder;

    private Process service;

    @BeforeAll
    void start() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        classPath(),
                        "com.cagen.quota.Main")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log().toFile());
        builder.environment().keySet().removeAll(Settings.NAMES);
        builder.environment()
                .putAll(Map.of(
                        "PORT", Integer.toString(httpPort),
                        "DATABASE_URL", TestDatabase.create(),
                        "CAGEN_QUOTA_SERVICE_SECRET_KEY", TestConfig.KEY,
                        "BRIDGE_TCP_PORT", Integer.toString(tcpPort),
                        "BRIDGE_SOCKJS_PORT", Integer.toString(sockJsPort)));
        service = builder.start();
        RunningService.until(90, "the service answers", () -> lives() || !service.isAlive());
        assertThat(service.isAlive()).as(output()).isTrue();
    }

    @AfterAll
    void stop() throws InterruptedException {
        service.destroyForcibly().waitFor();
    }

    /** The one that this test runs on, whoever started it. */
    private static String classPath() {
        return BridgeFloodIT.class.getClassLoader() instanceof URLClassLoader loader
                ? Stream.of(loader.getURLs()).map(URL::getPath).collect(Collectors.joining(File.pathSeparator))
                : System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static Path log() {
        return folder.resolve("service.log");
    }

    /** The end of what the service has printed. */
    private static String output() {
        try {
            String all = Files.readString(log());
            return all.substring(Math.max(0, all.length() - MAX_OUTPUT));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private boolean lives() {
        HttpRequest get = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + httpPort + "/health/live"))
                .timeout(PATIENCE)
                .build();
        try {
            return client.send(get, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Of the TCP bridge: four bytes of length, then so many of text. */
    private static byte[] tcpFrame(String text) {
        byte[] json = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(4 + json.length)
                .putInt(json.length)
                .put(json)
                .array();
    }

    /** Of a WebSocket: final, masked with zeros, shorter than 126 bytes. */
    private static byte[] webSocketFrame(int opcode, String text) {
        byte[] json = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(6 + json.length)
                .put((byte) (0x80 | opcode))
                .put((byte) (0x80 | json.length))
                .putInt(0)
                .put(json)
                .array();
    }

    private static byte[] times(byte[] frame, int count) {
        ByteArrayOutputStream all = new ByteArrayOutputStream(frame.length * count);
        for (int i = 0; i < count; i++) {
            all.writeBytes(frame);
        }
        return all.toByteArray();
    }

    private Socket tcp() throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), tcpPort);
    }

    private Socket webSocket() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), sockJsPort);
        assertThat(handshake(socket)).startsWith("HTTP/1.1 101 ");
        return socket;
    }

    /** Becomes a WebSocket, and returns what the service says to that. */
    private static String handshake(Socket socket) throws IOException {
        socket.getOutputStream().write("""
                GET /eventbus/websocket HTTP/1.1\r
                Host: localhost\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Extensions: permessage-deflate, x-webkit-deflate-frame\r
                \r
                """.getBytes(StandardCharsets.US_ASCII));
        InputStream in = socket.getInputStream();
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            assertThat(next).as(head.toString()).isNotNegative();
            head.append((char) next);
        }
        return head.toString();
    }

    @FunctionalInterface
    private interface Connecting {
        Socket connect() throws IOException;
    }

    /** Sends the frame again and again on many sockets, reads nothing before the end, and asks for the health meanwhile. */
    private void survives(Connecting door, byte[] frame) throws Exception {
        byte[] chunk = times(frame, CHUNK_FRAMES);
        AtomicInteger closed = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < SOCKETS; i++) {
            Socket socket = door.connect();
            sockets.add(socket);
            Thread sender = new Thread(() -> {
                try {
                    for (int sent = 0; sent < FRAMES; sent += CHUNK_FRAMES) {
                        socket.getOutputStream().write(chunk);
                    }
                    socket.setSoTimeout((int) PATIENCE.toMillis());
                    socket.getInputStream().transferTo(OutputStream.nullOutputStream());
                    closed.incrementAndGet();
                } catch (SocketTimeoutException e) {
                    // It is still open.
                } catch (IOException e) {
                    closed.incrementAndGet();
                } finally {
                    ended.incrementAndGet();
                }
            });
            sender.setDaemon(true);
            sender.start();
        }
        int asked = 0;
        while (ended.get() < SOCKETS || asked < 20) {
            assertThat(lives())
                    .as("answer %s while %s of %s sockets send: %s", asked, SOCKETS - ended.get(), SOCKETS, output())
                    .isTrue();
            asked++;
        }
        assertThat(closed.get()).as("sockets that the service closed").isEqualTo(SOCKETS);
        for (Socket socket : sockets) {
            socket.close();
        }
        assertThat(service.isAlive()).isTrue();
        assertThat(log()).content().doesNotContain("OutOfMemoryError");
    }

    @Test
    void survivesBadFramesOverTcp() throws Exception {
        survives(this::tcp, tcpFrame("{}"));
    }

    @Test
    void survivesBadFramesOverWebSockets() throws Exception {
        survives(this::webSocket, webSocketFrame(1, "{}"));
    }

    @Test
    void survivesRefusedRequestsOverTcp() throws Exception {
        survives(
                this::tcp,
                tcpFrame("{\"type\":\"send\",\"address\":\"cagen.quota.v1.quota.get\",\"replyAddress\":\"r\"}"));
    }

    @Test
    void survivesPingsOfWebSockets() throws Exception {
        survives(this::webSocket, webSocketFrame(9, ""));
    }

    @Test
    void agreesToNoCompressionOfWebSockets() throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), sockJsPort)) {
            assertThat(handshake(socket).toLowerCase(Locale.ROOT))
                    .startsWith("http/1.1 101 ")
                    .doesNotContain("sec-websocket-extensions");
        }
    }
}
