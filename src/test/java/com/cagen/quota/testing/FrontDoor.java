package com.cagen.quota.testing;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.Secret;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.entry.bus.BusGateway;
import com.cagen.quota.entry.http.HealthRoutes;
import com.cagen.quota.entry.http.HttpVerticle;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Both front doors, HTTP and bus, on a free port, with a lane behind them that does as the test says. */
public final class FrontDoor implements AutoCloseable {
    public static final String SERVICE = "svc_test";
    public static final String ORIGIN = "https://console.example";
    private static final int INSTANCES = 2;
    private static final byte[] KEY = new byte[32];

    /** What the lane answers; it starts with an empty success. */
    public volatile Function<Request, Future<Answer>> lane =
            request -> Future.succeededFuture(new Answer.Success("Done.", "{\"a\":1}", false));

    public final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    public final BlockingQueue<AuditEntry> refusals = new LinkedBlockingQueue<>();
    /** Checks by name: a test replaces one to bring it down. */
    public final Map<String, Supplier<Future<Void>>> checks = new ConcurrentHashMap<>();

    public final Vertx vertx = Vertx.vertx();
    public final PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    public final HealthRoutes health;
    public final String httpDeployment;
    public final int port;
    private final CredentialCipher credentials = new CredentialCipher(SERVICE, KEY);

    public FrontDoor(Config.Environment environment, long busTimeoutMillis, long httpTimeoutMillis) throws Exception {
        this(environment, busTimeoutMillis, httpTimeoutMillis, 30);
    }

    public FrontDoor(
            Config.Environment environment, long busTimeoutMillis, long httpTimeoutMillis, int idleTimeoutSeconds)
            throws Exception {
        InternalBus bus = new InternalBus(vertx, Operations.CATALOG::commandType, 1, busTimeoutMillis);
        bus.serveLane(0, request -> {
            requests.add(request);
            return lane.apply(request);
        });
        bus.onRefusals((entries, again) -> {
            refusals.addAll(entries);
            return Future.succeededFuture();
        });
        checks.put("database", Future::succeededFuture);
        checks.put("auth", Future::succeededFuture);
        health = new HealthRoutes(
                vertx,
                Map.of(
                        "database", () -> check("database"),
                        "auth", () -> check("auth")));
        Config config = config(environment, httpTimeoutMillis, idleTimeoutSeconds);
        CallingServices calling = CallingServices.of(config);
        Supplier<CallingServices> services = () -> calling;
        List<HttpVerticle> instances = new CopyOnWriteArrayList<>();
        httpDeployment = vertx.deployVerticle(
                        () -> {
                            HttpVerticle http =
                                    new HttpVerticle(config, services, bus, Contracts.contract(), metrics, health);
                            instances.add(http);
                            return http;
                        },
                        new DeploymentOptions().setInstances(INSTANCES))
                .await();
        vertx.deployVerticle(new BusGateway(services, bus, Contracts.contract(), metrics))
                .await();
        Set<Integer> ports = instances.stream().map(HttpVerticle::actualPort).collect(Collectors.toSet());
        if (ports.size() != 1) {
            throw new IllegalStateException("the instances do not share one port: " + ports);
        }
        port = ports.iterator().next();
    }

    private Future<Void> check(String name) {
        Supplier<Future<Void>> check = checks.get(name);
        return check == null ? Future.failedFuture("no check") : check.get();
    }

    private static Config config(Config.Environment environment, long httpTimeoutMillis, int idleTimeoutSeconds) {
        return new Config(
                environment,
                "127.0.0.1",
                0,
                Path.of("target"),
                null,
                null,
                SERVICE,
                Config.Services.of(new Secret(Base64.getEncoder().encodeToString(KEY))),
                Config.LogLevel.INFO,
                Config.LogFormat.TEXT,
                List.of(ORIGIN),
                Set.of(Config.Role.values()),
                2,
                new Config.Http(INSTANCES, httpTimeoutMillis, idleTimeoutSeconds, 1_000),
                new Config.Lanes(1, 300, 1_000, 4),
                // There is no engine; these deadlines must only be below the one of HTTP.
                new Config.Database(Config.Engine.POSTGRESQL, 4, 10, 20, 30),
                new Config.Auth(20),
                new Config.Audit(250, 60_000, null),
                TestConfig.NO_BRIDGES,
                null);
    }

    public synchronized String seal(long agoMillis) {
        return credentials.seal(
                new Caller("org_1", "user_1", SERVICE, List.of("team_dev")), System.currentTimeMillis() - agoMillis);
    }

    @Override
    public void close() {
        vertx.close().await();
    }
}
