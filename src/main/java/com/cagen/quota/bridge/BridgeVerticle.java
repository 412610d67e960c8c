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
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Opens the configured bridges. Both kinds of socket get the same {@link Session}. */
public final class BridgeVerticle extends VerticleBase {
    private static final String SOCKJS_PATH = "/eventbus/*";
    private static final long SWEEP_MILLIS = 5_000;
    private static final int HTTP_IDLE_SECONDS = 60;
    private static final long REPLY_GRACE_MILLIS = 2_000;
    /** SockJS sends a frame as JSON text in a JSON array: quotes are escaped. */
    private static final int MAX_WEBSOCKET_BYTES = 2 * Session.MAX_FRAME_BYTES;

    private final Config config;
    private final Config.Bridges settings;
    private final Bus bus;
    private final Contract contract;
    private final MeterRegistry metrics;
    private final Set<Session> sessions = new LinkedHashSet<>();
    private final Subscriptions subscriptions = new Subscriptions();
    /** At the SockJS port, whether they have become a WebSocket or not. */
    private final Set<HttpConnection> connections = new HashSet<>();

    private volatile int open;
    private @Nullable SpendCredential credentials;
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
        Credentials key = new Credentials(
                config.serviceId(),
                Base64.getDecoder().decode(config.secretKey().reveal()));
        Intake intake = new Intake(key, new RequestDecoder(contract), bus::recordRefusal, metrics, Clock.systemUTC());
        credentials = new SpendCredential(intake, bus.openChannel());
        addresses = new PublicAddresses(vertx, config.database().busTimeoutMillis() + REPLY_GRACE_MILLIS);
        bus.onEvent(subscriptions::deliver);
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> closeOverdue());
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
        Session session = session(line, Dialect.TCP);
        socket.closeHandler(ignored -> end(session));
        socket.exceptionHandler(ignored -> session.close());
        line.listen(frame -> session.take(frame, System.nanoTime()));
        admit(session);
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
        HttpServer http = vertx.createHttpServer(new HttpServerOptions()
                        .setHost(config.host())
                        .setPort(port)
                        .setIdleTimeout(HTTP_IDLE_SECONDS)
                        .setHttp2ClearTextEnabled(false)
                        .setMaxWebSocketFrameSize(MAX_WEBSOCKET_BYTES)
                        .setMaxWebSocketMessageSize(MAX_WEBSOCKET_BYTES))
                .requestHandler(router);
        sockJs = http;
        http.connectionHandler(connection -> {
            if (connections.size() >= settings.maxConnections()) {
                connection.close();
            } else {
                connections.add(connection);
                connection.closeHandler(ignored -> connections.remove(connection));
            }
        });
        return http.listen();
    }

    private void connected(SockJSSocket socket) {
        // Once it is a WebSocket it no longer tells its own end.
        HttpConnection connection = socket.routingContext().request().connection();
        Session session = session(new SockJsLine(socket), Dialect.SOCKJS);
        socket.closeHandler(ignored -> {
            connections.remove(connection);
            end(session);
        });
        socket.exceptionHandler(ignored -> session.close());
        socket.handler(frame -> {
            if (frame.length() > Session.MAX_FRAME_BYTES) {
                session.close();
            } else {
                session.take(frame.toString(), System.nanoTime());
            }
        });
        admit(session);
    }

    private Session session(Line line, Dialect dialect) {
        return new Session(
                line,
                dialect,
                Objects.requireNonNull(addresses),
                subscriptions,
                Objects.requireNonNull(credentials),
                settings.messagesASecond(),
                System.nanoTime());
    }

    private void admit(Session session) {
        if (sessions.size() >= settings.maxConnections()) {
            session.close();
        } else {
            sessions.add(session);
            open = sessions.size();
        }
    }

    private void end(Session session) {
        session.ended();
        sessions.remove(session);
        open = sessions.size();
    }

    private void closeOverdue() {
        long now = System.nanoTime();
        List.copyOf(sessions).stream().filter(session -> session.overdue(now)).forEach(Session::close);
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
