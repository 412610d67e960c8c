package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.config.Config;
import com.cagen.quota.node.ServiceWithInternals;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.UpgradeRejectedException;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who gets at the bridges' sockets, and how many. */
@Tag("engine-independent")
@Timeout(120)
class BridgeLimitsIT {
    private static final Buffer PING = frame(new JsonObject().put("type", "ping"));

    private static final JsonObject PONG = new JsonObject().put("type", "pong");

    private final Vertx vertx = Vertx.vertx();
    private final Queue<NetClient> clients = new ConcurrentLinkedQueue<>();
    private final List<AutoCloseable> running = new ArrayList<>();

    @TempDir
    Path folder;

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable each : running) {
            each.close();
        }
        vertx.close().await();
    }

    private ServiceWithInternals service(Config.Bridges bridges) throws IOException {
        ServiceWithInternals service = new ServiceWithInternals(TestConfig.of(TestDatabase.create(), bridges));
        running.add(service);
        return service;
    }

    private static Buffer frame(JsonObject message) {
        Buffer json = message.toBuffer();
        return Buffer.buffer().appendInt(json.length()).appendBuffer(json);
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(20, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("nothing came in time", e);
        }
    }

    /** A new socket's answer to a ping; empty when it was closed instead. */
    private Future<Optional<JsonObject>> ping(NetClientOptions options, int port) {
        Promise<Optional<JsonObject>> answer = Promise.promise();
        // On an event loop from the start: the socket may be closed before another thread could listen for that.
        vertx.runOnContext(ignored -> client(options)
                .connect(port, "127.0.0.1")
                .compose(BridgeLimitsIT::ping)
                .onComplete(answer));
        return answer.future();
    }

    /** Kept until the end: a client that is garbage collected closes its sockets. */
    private NetClient client(NetClientOptions options) {
        NetClient client = vertx.createNetClient(options);
        clients.add(client);
        return client;
    }

    private Optional<JsonObject> pingOrRefusal(NetClientOptions options, int port) {
        return await(ping(options, port).otherwise(Optional.empty()));
    }

    private static Future<Optional<JsonObject>> ping(NetSocket socket) {
        Promise<Optional<JsonObject>> answer = Promise.promise();
        socket.handler(bytes -> answer.tryComplete(
                Optional.of(bytes.getBuffer(4, bytes.length()).toJsonObject())));
        socket.closeHandler(ignored -> answer.tryComplete(Optional.empty()));
        socket.exceptionHandler(answer::tryFail);
        socket.write(PING);
        return answer.future();
    }

    @Test
    void closesSocketsBeyondTheLimitUntilOthersEnd() throws Exception {
        int port =
                service(new Config.Bridges(0, "127.0.0.1", null, null, 2, 100)).tcpBridgePort();
        NetSocket first = await(client(new NetClientOptions()).connect(port, "127.0.0.1"));
        assertThat(await(ping(first))).contains(PONG);
        assertThat(await(ping(new NetClientOptions(), port))).contains(PONG);
        assertThat(pingOrRefusal(new NetClientOptions(), port)).isEmpty();
        await(first.close());
        Optional<JsonObject> answer = Optional.empty();
        while (answer.isEmpty()) { // the service hears of the end a moment later
            answer = pingOrRefusal(new NetClientOptions(), port);
        }
        assertThat(answer).contains(PONG);
    }

    @Test
    void countsWebSocketsAndForgetsThoseThatEnded() throws Exception {
        int port =
                service(new Config.Bridges(null, "127.0.0.1", null, 0, 1, 100)).sockJsBridgePort();
        for (int i = 0; i < 20; i++) {
            Optional<PlainWebSocket> socket = Optional.empty();
            while (socket.isEmpty()) { // the service hears of the end of the one before a moment later
                socket = PlainWebSocket.connect(port);
            }
            assertThat(PlainWebSocket.connect(port)).isEmpty();
            assertThat(socket.get().answer("{\"type\":\"publish\",\"address\":\"a\"}"))
                    .contains("access_denied");
            socket.get().close();
        }
    }

    /**
     * The JDK's: the one of Vert.x 5.0.7 never says how a connection went that the server closed before the handshake.
     */
    private record PlainWebSocket(WebSocket socket, BlockingQueue<String> frames) {

        /** Empty when the service closed the connection instead. */
        static Optional<PlainWebSocket> connect(int port) throws Exception {
            BlockingQueue<String> frames = new LinkedBlockingQueue<>();
            WebSocket.Listener listener = new WebSocket.Listener() {
                @Override
                public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
                    frames.add(text.toString());
                    socket.request(1);
                    return null;
                }
            };
            try {
                return Optional.of(new PlainWebSocket(
                        java.net.http.HttpClient.newHttpClient()
                                .newWebSocketBuilder()
                                .buildAsync(URI.create("ws://127.0.0.1:" + port + "/eventbus/websocket"), listener)
                                .get(20, TimeUnit.SECONDS),
                        frames));
            } catch (ExecutionException e) {
                assertThat(e)
                        .hasCauseInstanceOf(IOException.class)
                        .cause()
                        .isNotInstanceOf(WebSocketHandshakeException.class);
                return Optional.empty();
            }
        }

        String answer(String frame) throws InterruptedException {
            socket.sendText(frame, true);
            return Objects.requireNonNull(frames.poll(20, TimeUnit.SECONDS), "no answer came in time");
        }

        void close() throws Exception {
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void answersOneRequestOnlyOnAConnectionThatIsNoWebSocket() throws Exception {
        int port =
                service(new Config.Bridges(null, "127.0.0.1", null, 0, 10, 100)).sockJsBridgePort();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(20_000);
            String requests = "GET /eventbus/info HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3);
            socket.getOutputStream().write(requests.getBytes(StandardCharsets.US_ASCII));
            String answers = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertThat(answers).startsWith("HTTP/1.1 200 OK").containsOnlyOnce("HTTP/1.1 ");
        }
    }

    @Test
    void letsInBrowsersFromConfiguredOriginsOnly() throws Exception {
        int port =
                service(new Config.Bridges(null, "127.0.0.1", null, 0, 10, 100)).sockJsBridgePort();
        WebSocketConnectOptions fromElsewhere = new WebSocketConnectOptions()
                .setPort(port)
                .setHost("127.0.0.1")
                .setURI("/eventbus/websocket")
                .addHeader("Origin", "https://evil.example");
        WebSocketClient client = vertx.createWebSocketClient();
        assertThatThrownBy(() -> await(client.connect(fromElsewhere)))
                .isInstanceOfSatisfying(UpgradeRejectedException.class, refused -> assertThat(refused.getStatus())
                        .isEqualTo(403));
        await(client.close()); // not before: garbage collected, it would close its connections
        // Polling is off: it would keep what a client does not fetch.
        HttpClient http = vertx.createHttpClient();
        int status = await(http.request(HttpMethod.POST, port, "127.0.0.1", "/eventbus/000/session/xhr")
                .compose(request -> request.send("").map(response -> response.statusCode())));
        assertThat(status).isEqualTo(404);
        await(http.close());
    }

    @Test
    void asksForTlsAndForAClientsCertificateWhereConfigured() throws Exception {
        Pem server = Pem.selfSigned(folder, "server");
        Pem known = Pem.selfSigned(folder, "known");
        Pem stranger = Pem.selfSigned(folder, "stranger");
        int port = service(new Config.Bridges(
                        0,
                        "127.0.0.1",
                        new Config.ServerTls(server.certificate(), server.key(), known.certificate()),
                        null,
                        10,
                        100))
                .tcpBridgePort();
        assertThat(await(ping(tls(server, known), port))).contains(PONG);
        assertThat(pingOrRefusal(new NetClientOptions(), port)).as("no TLS").isEmpty();
        // With TLS 1.2 the handshake fails, with 1.3 what comes after it.
        assertThat(pingOrRefusal(tls(server, stranger), port))
                .as("an unknown client")
                .isEmpty();
        assertThat(pingOrRefusal(tls(server, null), port))
                .as("no client certificate")
                .isEmpty();
    }

    private static NetClientOptions tls(Pem server, @Nullable Pem client) {
        NetClientOptions options = new NetClientOptions()
                .setSsl(true)
                .setHostnameVerificationAlgorithm("")
                .setTrustOptions(
                        new PemTrustOptions().addCertPath(server.certificate().toString()));
        if (client != null) {
            options.setKeyCertOptions(new PemKeyCertOptions()
                    .setCertPath(client.certificate().toString())
                    .setKeyPath(client.key().toString()));
        }
        return options;
    }
}
