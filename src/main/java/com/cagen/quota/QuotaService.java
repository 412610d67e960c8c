package com.cagen.quota;

import com.cagen.quota.api.Contract;
import com.cagen.quota.audit.AuditVerticle;
import com.cagen.quota.auth.AuthVerticle;
import com.cagen.quota.auth.BuiltInAuthService;
import com.cagen.quota.bus.Bus;
import com.cagen.quota.bus.Cluster;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.gateway.BusGateway;
import com.cagen.quota.http.Health;
import com.cagen.quota.http.HttpVerticle;
import com.cagen.quota.quota.QuotaVerticle;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.DatabaseUrl;
import com.cagen.quota.storage.EmbeddedDatabase;
import com.cagen.quota.storage.Migrations;
import com.cagen.quota.storage.StartupChecks;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Deployable;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running node: what is started, in which order, and how it stops, in the opposite one. Called from threads that may
 * block, never from an event loop.
 */
public final class QuotaService implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(QuotaService.class);
    private static final long START_SECONDS = 60;
    private static final long STOP_SECONDS = 20;

    private final Config config;
    private final @Nullable EmbeddedDatabase embedded;
    private final Vertx vertx;
    private final @Nullable Cluster cluster;
    private final PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    /** Null when none of this node's roles needs one. */
    private final @Nullable Database database;
    /** Deployment ids, in the order of starting. */
    private final List<String> deployments = new ArrayList<>();

    private @Nullable Health health;
    private @Nullable Bus bus;
    private final List<HttpVerticle> http = new CopyOnWriteArrayList<>();

    private QuotaService(Config config, @Nullable EmbeddedDatabase embedded, @Nullable DatabaseUrl url) {
        this.config = config;
        this.embedded = embedded;
        if (config.cluster() == null) {
            this.vertx = Vertx.vertx();
            this.cluster = null;
        } else {
            Cluster.Joined joined = await(Cluster.join(Vertx.builder(), new VertxOptions(), config.cluster()));
            this.vertx = joined.vertx();
            this.cluster = joined.cluster();
        }
        this.database = url == null
                ? null
                : Database.open(
                        vertx,
                        url,
                        config.database(),
                        "quota",
                        config.database().poolSize());
    }

    /**
     * Starts everything and returns when it answers.
     *
     * @throws IOException when the embedded PostgreSQL cannot start
     * @throws IllegalStateException when row-level security would not hold, or something does not start
     */
    public static QuotaService start(Config config) throws IOException {
        DatabaseUrl url = null;
        EmbeddedDatabase embedded = null;
        if (config.usesDatabase()) {
            embedded = config.databaseUrl() == null ? EmbeddedDatabase.start(config.dataDir()) : null;
            url = embedded == null
                    ? DatabaseUrl.parse(
                            Objects.requireNonNull(config.databaseUrl()).reveal())
                    : embedded.url();
        }
        QuotaService service = new QuotaService(config, embedded, url);
        try {
            if (url != null) {
                Migrations.run(url);
            }
            service.deployAll();
            return service;
        } catch (RuntimeException e) {
            service.close();
            throw e;
        }
    }

    private void deployAll() {
        Config.Routing routing = config.cluster() == null
                ? Config.Routing.LOCAL
                : config.cluster().routing();
        Bus bus = new Bus(vertx, config.lanes().count(), config.database().busTimeoutMillis(), routing);
        this.bus = bus;
        Map<String, Supplier<Future<Void>>> checks = new LinkedHashMap<>();
        if (cluster != null) {
            await(bus.join());
            checks.put("cluster", () -> cluster.membership().compose(ignored -> bus.lanesKnown()));
        }
        Contract contract = await(Contract.load(vertx));
        if (database != null) {
            checks.put("database", database::ping);
            deployOn(database, bus, contract, checks);
        }
        checks.put("bus", bus::ping);
        Health health = new Health(vertx, checks);
        this.health = health;
        deployments.add(await(vertx.deployVerticle(
                () -> {
                    HttpVerticle instance = new HttpVerticle(config, bus, contract, metrics, health);
                    http.add(instance);
                    return instance;
                },
                new DeploymentOptions().setInstances(config.http().instances()))));
        if (cluster != null) {
            await(bus.open());
        }
    }

    /** What works on the database, as far as this node's roles go. */
    private void deployOn(Database database, Bus bus, Contract contract, Map<String, Supplier<Future<Void>>> checks) {
        await(StartupChecks.run(database));
        if (config.does(Config.Role.AUDIT)) {
            AuditVerticle audit = new AuditVerticle(config, bus, database, metrics);
            deploy(audit);
            checks.put("audit", () -> caughtUp(audit));
        }
        if (config.does(Config.Role.AUTH)) {
            String authServiceUrl = config.authServiceUrl();
            if (authServiceUrl == null) {
                BuiltInAuthService builtIn = new BuiltInAuthService(config, database);
                deploy(builtIn);
                authServiceUrl = builtIn.url();
            }
            AuthVerticle auth = new AuthVerticle(config, bus, database, authServiceUrl);
            deploy(auth);
            checks.put("auth", auth::readiness);
        }
        if (config.does(Config.Role.QUOTA)) {
            for (int lane = 0; lane < config.lanes().count(); lane++) {
                deploy(new QuotaVerticle(config, bus, database, metrics, lane));
            }
            // The public addresses are served where the lanes are: one gateway for each node that has some.
            deploy(new BusGateway(config, bus, contract, metrics));
        }
    }

    private Future<Void> caughtUp(AuditVerticle audit) {
        return audit.lagMillis() <= config.audit().maxLagMillis()
                ? Future.succeededFuture()
                : Future.failedFuture(
                        new RefusalException(Refusal.of(ErrorCode.OVERLOADED, "The audit trail is behind.")));
    }

    private void deploy(Deployable verticle) {
        deployments.add(await(vertx.deployVerticle(verticle)));
    }

    /** The port that HTTP listens on. */
    public int port() {
        return http.get(0).actualPort(); // the instances share it
    }

    /** What a newcomer wants to know first. */
    public String greeting() {
        String base = "http://" + config.host() + ":" + port();
        String listening = "Cagen quota service listens on " + base + ", health at " + base + "/health";
        if (config.environment() == Config.Environment.PRODUCTION) {
            return listening;
        }
        return listening + """

                A first call, in two steps: mint a credential for one request, then make a quota with it.
                  CREDENTIAL=$(curl -s %1$s/dev/credentials -H 'Content-Type: application/json' \\
                    -d '{"user_id":"alice","organization_id":"acme"}' | sed 's/.*"encrypted_data":"\\([^"]*\\)".*/\\1/')
                  curl -s %1$s/api/v1/quotas/create -H 'Content-Type: application/json' \\
                    -H "Authorization: Cagen %2$s:$CREDENTIAL" \\
                    -d '{"name":"Acme","type":"organization","total_mb":10000}'""".formatted(base, config.serviceId());
    }

    /** Stops in the opposite order: requests in flight are finished, the outbox is sealed, the database goes last. */
    @Override
    public void close() {
        LOG.info("stopping");
        if (health != null) {
            health.stop(); // not ready from now on
        }
        if (bus != null && cluster != null) {
            bus.leave(); // and no requests from other nodes
        }
        for (int i = deployments.size() - 1; i >= 0; i--) {
            quietly(vertx.undeploy(deployments.get(i)));
        }
        if (database != null) {
            quietly(database.close());
        }
        quietly(vertx.close());
        if (embedded != null) {
            try {
                embedded.close();
            } catch (IOException e) {
                LOG.error("the embedded PostgreSQL did not stop", e);
            }
        }
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(START_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new IllegalStateException("did not start within " + START_SECONDS + " seconds", e);
        }
    }

    private static void quietly(Future<?> future) {
        try {
            future.await(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | RuntimeException e) {
            LOG.warn("while stopping: {}", e.getMessage());
        }
    }
}
