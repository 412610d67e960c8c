package com.cagen.quota.entry.http;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Config;
import com.cagen.quota.entry.request.CredentialAuthentication;
import com.cagen.quota.entry.request.OpenApiContract;
import com.cagen.quota.entry.request.RequestDecoder;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.protocol.CredentialCipher;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.util.internal.PlatformDependent;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Clock;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP front door. Several instances share one port, each on its own event loop. A node without the role http has it as well,
 * for health and metrics alone.
 */
public final class HttpVerticle extends VerticleBase {
    /** A credential in a query string needs more than the usual 4 KiB. */
    private static final int MAX_LINE_BYTES = 16 * 1024;

    private static final int MAX_HEADER_BYTES = 16 * 1024;
    private static final long DRAIN_SECONDS = 10;
    /** An eighth of the memory is for requests that are not answered and answers that are not read. */
    private static final int BUFFERED_SHARE = 8;

    private final Config config;
    private final Supplier<CallingServices> services;
    private final InternalBus bus;
    private final OpenApiContract contract;
    private final PrometheusMeterRegistry metrics;
    private final HealthRoutes health;
    private @Nullable HttpServer server;

    /** All arguments may be shared by several instances. */
    public HttpVerticle(
            Config config,
            Supplier<CallingServices> services,
            InternalBus bus,
            OpenApiContract contract,
            PrometheusMeterRegistry metrics,
            HealthRoutes health) {
        this.config = config;
        this.services = services;
        this.bus = bus;
        this.contract = contract;
        this.metrics = metrics;
        this.health = health;
    }

    @Override
    public Future<?> start() {
        Clock clock = Clock.systemUTC();
        CredentialCipher credentials = new CredentialCipher(config.serviceId(), config.key());
        RequestDecoder decoder = new RequestDecoder(contract);
        RequestReader reader =
                new RequestReader(new CredentialAuthentication(services, bus::recordRefusal, metrics, clock), decoder);
        BodyHandler bodies = BodyHandler.create(false).setBodyLimit(JsonBody.MAX_BYTES);

        Router router = Router.router(vertx);
        HttpServerOptions options = options();
        ConnectionLimits limits = limits(options);
        RequestLifecycle lifecycle = new RequestLifecycle(vertx, config.http().requestTimeoutMillis(), metrics, limits);
        lifecycle.mount(router);
        new Cors(config.allowedOrigins()).mount(router);
        Future<Void> ready = Future.succeededFuture();
        if (config.does(Config.Role.HTTP)) {
            RequestChannel channel = bus.openChannel();
            ready = channel.ready();
            new OperationRoutes(router, bodies, reader, decoder, channel).mount();
            new AuditKeyRoute(vertx, config).mount(router);
        }
        health.mount(router);
        new DocumentRoutes(contract, metrics).mount(router);
        if (config.does(Config.Role.HTTP) && config.environment() == Config.Environment.DEVELOPMENT) {
            new DevRoutes(credentials, reader, decoder, clock).mount(router, bodies);
        }
        RequestLifecycle.mountLast(router);

        HttpServer http = vertx.createHttpServer(options)
                .requestHandler(router)
                .invalidRequestHandler(lifecycle::refuseUnreadable)
                .connectionHandler(limits::accept);
        server = http;
        limits.start(vertx);
        return ready.compose(ignored -> http.listen());
    }

    private HttpServerOptions options() {
        return new HttpServerOptions()
                .setHost(config.host())
                // Below zero: a free port, the same one for all instances.
                .setPort(config.port() == 0 ? -1 : config.port())
                .setMaxInitialLineLength(MAX_LINE_BYTES)
                .setMaxHeaderSize(MAX_HEADER_BYTES)
                .setHttp2ClearTextEnabled(false)
                // No WebSockets here: each request would ask for their extensions.
                .setPerFrameWebSocketCompressionSupported(false)
                .setPerMessageWebSocketCompressionSupported(false);
    }

    /** Of this instance: it has its share of what the process may hold. */
    private ConnectionLimits limits(HttpServerOptions options) {
        Config.Http http = config.http();
        // Answers are copied out of the heap before the socket takes them. Unless the JVM was told otherwise, both are
        // equal.
        long memory = Math.min(Runtime.getRuntime().maxMemory(), PlatformDependent.maxDirectMemory());
        return new ConnectionLimits(
                options,
                metrics,
                Math.max(1, http.maxConnections() / http.instances()),
                memory / BUFFERED_SHARE / http.instances(),
                http.requestTimeoutMillis(),
                TimeUnit.SECONDS.toMillis(http.idleTimeoutSeconds()));
    }

    /** The port that the started verticle listens on. */
    public int actualPort() {
        return server == null ? -1 : server.actualPort();
    }

    /** Takes no more connections and lets the requests in flight finish. */
    @Override
    public Future<?> stop() {
        return server == null ? Future.succeededFuture() : server.shutdown(DRAIN_SECONDS, TimeUnit.SECONDS);
    }
}
