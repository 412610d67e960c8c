package com.cagen.quota;

import com.cagen.quota.api.Contract;
import com.cagen.quota.audit.AuditVerticle;
import com.cagen.quota.auth.AuthVerticle;
import com.cagen.quota.auth.BuiltInAuthService;
import com.cagen.quota.bus.Bus;
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
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    private final Vertx vertx = Vertx.vertx();
    private final PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Database database;
    /** Deployment ids, in the order of starting. */
    private final List<String> deployments = new ArrayList<>();

    private @Nullable Health health;
    private @Nullable HttpVerticle http;

    private QuotaService(Config config, @Nullable EmbeddedDatabase embedded, DatabaseUrl url) {
        this.config = config;
        this.embedded = embedded;
        this.database = Database.open(
                vertx, url, config.database(), "quota", config.database().poolSize());
    }

    /**
     * Starts everything and returns when it answers.
     *
     * @throws IOException when the embedded PostgreSQL cannot start
     * @throws IllegalStateException when row-level security would not hold, or something does not start
     */
    public static QuotaService start(Config config) throws IOException {
        EmbeddedDatabase embedded = config.databaseUrl() == null ? EmbeddedDatabase.start(config.dataDir()) : null;
        DatabaseUrl url = config.databaseUrl() == null
                ? java.util.Objects.requireNonNull(embedded).url()
                : DatabaseUrl.parse(config.databaseUrl().reveal());
        QuotaService service = new QuotaService(config, embedded, url);
        try {
            Migrations.run(url);
            service.deployAll();
            return service;
        } catch (RuntimeException e) {
            service.close();
            throw e;
        }
    }

    private void deployAll() {
        await(StartupChecks.run(database));
        Bus bus = new Bus(vertx, config.lanes().count(), config.database().busTimeoutMillis());

        AuditVerticle audit = new AuditVerticle(config, bus, database, metrics);
        deploy(audit);

        String authServiceUrl = config.authServiceUrl();
        if (authServiceUrl == null) {
            BuiltInAuthService builtIn = new BuiltInAuthService(config, database);
            deploy(builtIn);
            authServiceUrl = builtIn.url();
        }
        AuthVerticle auth = new AuthVerticle(config, bus, database, authServiceUrl);
        deploy(auth);

        for (int lane = 0; lane < config.lanes().count(); lane++) {
            deploy(new QuotaVerticle(config, bus, database, metrics, lane));
        }

        Map<String, Supplier<Future<Void>>> checks = new LinkedHashMap<>();
        checks.put("database", database::ping);
        checks.put("auth", auth::readiness);
        checks.put("bus", bus::ping);
        checks.put("audit", () -> caughtUp(audit));
        Contract contract = await(Contract.load(vertx));
        deploy(new BusGateway(config, bus, contract, metrics));
        health = new Health(vertx, checks);
        http = new HttpVerticle(config, bus, contract, metrics, health);
        deploy(http);
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
        return java.util.Objects.requireNonNull(http).actualPort();
    }

    /** What everything runs on: verticles of the same process reach the event bus through it. */
    public Vertx vertx() {
        return vertx;
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
        for (int i = deployments.size() - 1; i >= 0; i--) {
            quietly(vertx.undeploy(deployments.get(i)));
        }
        quietly(database.close());
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
