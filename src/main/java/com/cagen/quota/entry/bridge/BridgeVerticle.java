package com.cagen.quota.entry.bridge;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Config;
import com.cagen.quota.entry.request.CredentialAuthentication;
import com.cagen.quota.entry.request.OpenApiContract;
import com.cagen.quota.entry.request.RequestDecoder;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.PublicAddresses;
import com.cagen.quota.operations.Operations;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.util.internal.PlatformDependent;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.sockjs.SockJSHandler;
import io.vertx.ext.web.handler.sockjs.SockJSHandlerOptions;
import io.vertx.ext.web.handler.sockjs.SockJSSocket;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens the configured bridges. Both kinds of socket get the same {@link BridgeSession}. */
public final class BridgeVerticle extends VerticleBase {
    private static final String SOCKJS_PATH = "/eventbus/*";
    private static final Logger LOG = LoggerFactory.getLogger(BridgeVerticle.class);
    private static final long SWEEP_MILLIS = 1_000;
    private static final int HTTP_IDLE_SECONDS = 60;
    private static final long REPLY_GRACE_MILLIS = 2_000;
    private static final int TLS_HANDSHAKE_SECONDS = 5;
    /** A connection at the SockJS port is closed that has not become a WebSocket by then. */
    private static final long UPGRADE_MILLIS = 10_000;
    /** SockJS sends a frame as JSON text in a JSON array: quotes are escaped. */
    private static final int MAX_WEBSOCKET_BYTES = 2 * BridgeSession.MAX_FRAME_BYTES;
    /** What sessions may hold together, and what all connections' unfinished frames can take, as a part of the memory. */
    private static final int PART_OF_MEMORY = 8;

    private final Config config;
    private final Config.Bridges settings;
    private final Supplier<CallingServices> services;
    private final InternalBus bus;
    private final OpenApiContract contract;
    private final MeterRegistry metrics;
    private final int maxConnections;
    private final BridgeSessions sessions;
    private final Subscriptions subscriptions;
    /** At the SockJS port, each with the timer that closes it unless it becomes a WebSocket. */
    private final Map<HttpConnection, Long> httpConnections = new HashMap<>();

    private int tcpConnections;
    private volatile int open;
    private @Nullable CredentialClaim credentials;
    private @Nullable PublicAddresses addresses;
    private @Nullable NetServer tcp;
    private @Nullable HttpServer sockJs;

    public BridgeVerticle(
            Config config,
            Supplier<CallingServices> services,
            InternalBus bus,
            OpenApiContract contract,
            MeterRegistry metrics) {
        this.config = config;
        this.settings = config.bridges();
        this.services = services;
        this.bus = bus;
        this.contract = contract;
        this.metrics = metrics;
        long part = memoryBytes() / PART_OF_MEMORY;
        this.maxConnections = (int) Math.max(1, Math.min(settings.maxConnections(), part / MAX_WEBSOCKET_BYTES));
        this.sessions = new BridgeSessions(part);
        this.subscriptions = new Subscriptions(sessions, bus::ask, System::nanoTime);
    }

    /** What is written to sockets is copied from the heap to direct memory: the smaller one counts. */
    private static long memoryBytes() {
        return Math.min(Runtime.getRuntime().maxMemory(), PlatformDependent.estimateMaxDirectMemory());
    }

    @Override
    public Future<?> start() {
        if (maxConnections < settings.maxConnections()) {
            LOG.info("the bridges take {} connections at most: memory has no room for more", maxConnections);
        }
        Gauge.builder("cagen.quota.bridge.sockets", () -> open)
                .description("Sockets of clients at the event-bus bridges")
                .register(metrics);
        RequestReader reader = new RequestReader(
                new CredentialAuthentication(services, bus::recordRefusal, metrics, Clock.systemUTC()),
                new RequestDecoder(contract));
        credentials = new CredentialClaim(reader, bus.openChannel());
        addresses = new PublicAddresses(
                vertx, Operations.CATALOG.names(), config.database().busTimeoutMillis() + REPLY_GRACE_MILLIS);
        bus.onEvent(subscriptions::deliver);
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> closeOverdue());
        return openTcp().compose(ignored -> openSockJs());
    }

    private Future<?> openTcp() {
        Integer port = settings.tcpPort();
        if (port == null) {
            return Future.succeededFuture();
        }
        NetServerOptions options = new NetServerOptions()
                .setHost(settings.tcpHost())
                .setPort(port)
                .setSslHandshakeTimeout(TLS_HANDSHAKE_SECONDS);
        Config.ServerTls tls = settings.tls();
        if (tls != null) {
            BridgeTls.require(options, tls);
        }
        tcp = vertx.createNetServer(options).connectHandler(this::connected);
        return tcp.listen();
    }

    /** Of both bridges. */
    private boolean full() {
        return tcpConnections + httpConnections.size() >= maxConnections;
    }

    private void connected(NetSocket socket) {
        if (full()) {
            socket.close();
            return;
        }
        tcpConnections++;
        TcpConnection connection = new TcpConnection(vertx, socket);
        BridgeSession session = session(connection, BridgeProtocol.TCP);
        socket.closeHandler(ignored -> {
            tcpConnections--;
            end(session);
        });
        socket.exceptionHandler(ignored -> session.close());
        connection.listen(frame -> session.take(frame, System.nanoTime()));
    }

    private Future<?> openSockJs() {
        Integer port = settings.sockJsPort();
        if (port == null) {
            return Future.succeededFuture();
        }
        SockJSHandlerOptions transport = new SockJSHandlerOptions().setInsertJSESSIONID(false);
        // WebSockets only: the others keep what a client does not fetch.
        List.of("XHR", "EVENT_SOURCE", "HTML_FILE", "JSON_P").forEach(transport::addDisabledTransport);
        Router router = Router.router(vertx);
        // One request for each connection: else the answers to many would wait for a client that does not read.
        router.route().handler(context -> {
            context.addEndHandler(ignored -> context.request().connection().close());
            context.next();
        });
        router.route().handler(new Origins(config.allowedOrigins()));
        router.route(SOCKJS_PATH)
                .subRouter(SockJSHandler.create(vertx, transport).socketHandler(this::connected));
        HttpServer http = vertx.createHttpServer(new HttpServerOptions()
                        .setHost(config.host())
                        .setPort(port)
                        .setIdleTimeout(HTTP_IDLE_SECONDS)
                        .setHttp2ClearTextEnabled(false)
                        // What a client has compressed may be a thousand times as large.
                        .setPerFrameWebSocketCompressionSupported(false)
                        .setPerMessageWebSocketCompressionSupported(false)
                        .setMaxWebSocketFrameSize(MAX_WEBSOCKET_BYTES)
                        .setMaxWebSocketMessageSize(MAX_WEBSOCKET_BYTES))
                .requestHandler(router);
        sockJs = http;
        http.connectionHandler(this::connected);
        return http.listen();
    }

    private void connected(HttpConnection connection) {
        if (full()) {
            connection.close();
            return;
        }
        long timer = vertx.setTimer(UPGRADE_MILLIS, ignored -> SockJsConnection.abort(connection));
        httpConnections.put(connection, timer);
        connection.closeHandler(ignored -> {
            vertx.cancelTimer(timer);
            httpConnections.remove(connection);
        });
    }

    private void connected(SockJSSocket socket) {
        // Once it is a WebSocket it no longer tells its own end.
        HttpConnection connection = socket.routingContext().request().connection();
        Long timer = httpConnections.get(connection);
        if (timer != null) {
            vertx.cancelTimer(timer);
        }
        BridgeSession session = session(new SockJsConnection(vertx, socket), BridgeProtocol.SOCKJS);
        socket.closeHandler(ignored -> {
            httpConnections.remove(connection);
            end(session);
        });
        socket.exceptionHandler(ignored -> session.close());
        socket.handler(frame -> {
            if (frame.length() > BridgeSession.MAX_FRAME_BYTES) {
                session.close();
            } else {
                session.take(frame.toString(), System.nanoTime());
            }
        });
    }

    private BridgeSession session(BridgeConnection connection, BridgeProtocol protocol) {
        BridgeSession session = new BridgeSession(
                connection,
                protocol,
                Objects.requireNonNull(addresses),
                subscriptions,
                sessions,
                Objects.requireNonNull(credentials),
                settings.messagesASecond(),
                System.nanoTime());
        sessions.add(session);
        open = sessions.count();
        return session;
    }

    private void end(BridgeSession session) {
        session.ended();
        sessions.remove(session);
        open = sessions.count();
    }

    private void closeOverdue() {
        long now = System.nanoTime();
        sessions.all().stream().filter(session -> session.overdue(now)).forEach(ConnectedClient::close);
    }

    /** The port that the TCP bridge listens on; -1 when it is off. */
    public int tcpPort() {
        return tcp == null ? -1 : tcp.actualPort();
    }

    /** The port that the SockJS bridge listens on; -1 when it is off. */
    public int sockJsPort() {
        return sockJs == null ? -1 : sockJs.actualPort();
    }

    @Override
    public Future<?> stop() {
        sessions.all().forEach(ConnectedClient::close);
        Future<?> tcpClosed = tcp == null ? Future.succeededFuture() : tcp.close();
        Future<?> sockJsClosed = sockJs == null ? Future.succeededFuture() : sockJs.close();
        return Future.join(tcpClosed, sockJsClosed);
    }
}
