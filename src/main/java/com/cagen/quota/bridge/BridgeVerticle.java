package com.cagen.quota.bridge;

import com.cagen.quota.api.Contract;
import com.cagen.quota.api.Intake;
import com.cagen.quota.api.RequestDecoder;
import com.cagen.quota.bus.Bus;
import com.cagen.quota.bus.PublicAddresses;
import com.cagen.quota.config.Config;
import com.cagen.quota.credential.Credentials;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
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
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Opens the configured bridges. Both kinds of socket get the same {@link Session}. */
public final class BridgeVerticle extends VerticleBase {
    private static final String SOCKJS_PATH = "/eventbus/*";
    private static final long SWEEP_MILLIS = 5_000;
    private static final long MAX_SILENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long REPLY_GRACE_MILLIS = 2_000;
    /** SockJS sends a frame as JSON text in a JSON array: quotes are escaped. */
    private static final int MAX_WEBSOCKET_BYTES = 2 * Session.MAX_FRAME_BYTES;

    private final Config config;
    private final Config.Bridges settings;
    private final Bus bus;
    private final Contract contract;
    private final MeterRegistry metrics;
    private final Set<Session> sessions = new LinkedHashSet<>();
    private volatile int open;
    private @Nullable Subscriptions subscriptions;
    private @Nullable PublicAddresses addresses;
    private @Nullable NetServer tcp;
    private @Nullable HttpServer sockJs;

    public BridgeVerticle(Config config, Bus bus, Contract contract, MeterRegistry metrics) {
        this.config = config;
        this.settings = config.bridges();
        this.bus = bus;
        this.contract = contract;
        this.metrics = metrics;
    }

    @Override
    public Future<?> start() {
        Gauge.builder("cagen.quota.bridge.sockets", () -> open)
                .description("Sockets of clients at the event-bus bridges")
                .register(metrics);
        Credentials credentials = new Credentials(
                config.serviceId(),
                Base64.getDecoder().decode(config.secretKey().reveal()));
        Intake intake =
                new Intake(credentials, new RequestDecoder(contract), bus::recordRefusal, metrics, Clock.systemUTC());
        Subscriptions heard = new Subscriptions(intake, bus.openChannel());
        subscriptions = heard;
        addresses = new PublicAddresses(vertx, config.database().busTimeoutMillis() + REPLY_GRACE_MILLIS);
        bus.onEvent(heard::deliver);
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> closeSilent());
        return openTcp().compose(ignored -> openSockJs());
    }

    private Future<?> openTcp() {
        Integer port = settings.tcpPort();
        if (port == null) {
            return Future.succeededFuture();
        }
        NetServerOptions options =
                new NetServerOptions().setHost(settings.tcpHost()).setPort(port);
        Config.ServerTls tls = settings.tls();
        if (tls != null) {
            BridgeTls.require(options, tls);
        }
        tcp = vertx.createNetServer(options).connectHandler(this::connected);
        return tcp.listen();
    }

    private void connected(NetSocket socket) {
        TcpLine line = new TcpLine(socket);
        Session session = begin(line, Dialect.TCP);
        if (session != null) {
            socket.closeHandler(ignored -> end(session));
            line.listen(session::take);
        }
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
        router.route().handler(new Origins(config.allowedOrigins()));
        router.route(SOCKJS_PATH)
                .subRouter(SockJSHandler.create(vertx, transport).socketHandler(this::connected));
        sockJs = vertx.createHttpServer(new HttpServerOptions()
                        .setHost(config.host())
                        .setPort(port)
                        .setIdleTimeout((int) TimeUnit.NANOSECONDS.toSeconds(MAX_SILENCE_NANOS))
                        .setHttp2ClearTextEnabled(false)
                        .setMaxWebSocketFrameSize(MAX_WEBSOCKET_BYTES)
                        .setMaxWebSocketMessageSize(MAX_WEBSOCKET_BYTES))
                .requestHandler(router);
        return sockJs.listen();
    }

    private void connected(SockJSSocket socket) {
        Session session = begin(new SockJsLine(socket), Dialect.SOCKJS);
        if (session != null) {
            socket.closeHandler(ignored -> end(session));
            socket.exceptionHandler(ignored -> session.close());
            socket.handler(frame -> {
                if (frame.length() > Session.MAX_FRAME_BYTES) {
                    session.close();
                } else {
                    session.take(frame.toString());
                }
            });
        }
    }

    /** Null when there are too many: the socket is closed at once. */
    private @Nullable Session begin(Line line, Dialect dialect) {
        if (sessions.size() >= settings.maxConnections()) {
            line.close();
            return null;
        }
        Session session = new Session(
                line,
                dialect,
                Objects.requireNonNull(addresses),
                Objects.requireNonNull(subscriptions),
                settings.messagesASecond());
        sessions.add(session);
        open = sessions.size();
        return session;
    }

    private void end(Session session) {
        session.ended();
        sessions.remove(session);
        open = sessions.size();
    }

    private void closeSilent() {
        long now = System.nanoTime();
        List.copyOf(sessions).stream()
                .filter(session -> now - session.lastHeardNanos() > MAX_SILENCE_NANOS)
                .forEach(Session::close);
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
        List.copyOf(sessions).forEach(Session::close);
        Future<?> tcpClosed = tcp == null ? Future.succeededFuture() : tcp.close();
        Future<?> sockJsClosed = sockJs == null ? Future.succeededFuture() : sockJs.close();
        return Future.join(tcpClosed, sockJsClosed);
    }
}
