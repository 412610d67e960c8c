package com.cagen.quota.node;

import com.cagen.quota.audit.AuditVerticle;
import com.cagen.quota.auth.AuthVerticle;
import com.cagen.quota.auth.builtin.BuiltInAuthService;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.engine.QuotaVerticle;
import com.cagen.quota.entry.bridge.BridgeVerticle;
import com.cagen.quota.entry.bus.BusGateway;
import com.cagen.quota.entry.http.HealthRoutes;
import com.cagen.quota.entry.http.HttpVerticle;
import com.cagen.quota.entry.request.OpenApiContract;
import com.cagen.quota.messaging.Cluster;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.metrics.Meters;
import com.cagen.quota.metrics.MetricsVerticle;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.embedded.EmbeddedDatabase;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.schema.StartupChecks;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.upkeep.UpkeepVerticle;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Deployable;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
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
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
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
    private final Consumer<IOException> onDatabaseLost;
    private final PrometheusMeterRegistry metrics =
            Meters.registry(QuotaService.class.getPackage().getImplementationVersion());
    /** Held while starting and while stopping: what stops waits for the step that is under way. */
    private final ReentrantLock turn = new ReentrantLock();
    /** Deployment ids, in the order of starting. */
    private final List<String> deployments = new ArrayList<>();

    private volatile boolean stopping;
    private boolean stopped;
    private @Nullable EmbeddedDatabase embedded;
    private @Nullable Vertx vertx;
    private @Nullable Cluster cluster;
    private @Nullable InternalBus bus;
    /** Null when none of this node's roles needs one. */
    private @Nullable Database database;

    private @Nullable HealthRoutes health;
    private final List<HttpVerticle> http = new CopyOnWriteArrayList<>();
    private @Nullable BridgeVerticle bridges;

    /** As {@link #QuotaService(Config, Consumer)}, for who goes on without a database. */
    public QuotaService(Config config) {
        this(config, lost -> LOG.error(lost.getMessage()));
    }

    /**
     * Starts nothing yet: a shutdown hook that calls {@link #close} can be registered first.
     *
     * @param onDatabaseLost is told when the embedded PostgreSQL has ended and does not start any more; it may block, and
     *     call {@link #close}
     */
    public QuotaService(Config config, Consumer<IOException> onDatabaseLost) {
        this.config = config;
        this.onDatabaseLost = onDatabaseLost;
    }

    /**
     * Starts everything and returns when it answers. Stops what it has started when the rest does not start, or when
     * {@link #close} is called meanwhile.
     *
     * @throws IOException when the embedded PostgreSQL cannot start
     * @throws IllegalStateException when row-level security would not hold, or something does not start
     */
    public void start() throws IOException {
        turn.lock();
        try {
            if (config.usesDatabase()) {
                DatabaseUrl url = databaseUrl();
                goOn();
                Migrations.run(url, config.database().engine());
                goOn();
                Vertx vertx = startVertx();
                database = Database.open(
                        vertx,
                        url,
                        config.database(),
                        "quota",
                        config.database().poolSize());
                deployAll(vertx);
            } else {
                deployAll(startVertx());
            }
            goOn();
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        } finally {
            turn.unlock();
        }
    }

    /** Between two steps of the start: not after somebody has asked to stop. */
    private void goOn() {
        if (stopping) {
            throw new IllegalStateException("stopped while starting");
        }
    }

    private DatabaseUrl databaseUrl() throws IOException {
        if (config.databaseUrl() != null) {
            return DatabaseUrl.parse(config.databaseUrl().reveal());
        }
        goOn();
        embedded = EmbeddedDatabase.start(config.dataDir(), onDatabaseLost);
        return embedded.url();
    }

    private Vertx startVertx() {
        goOn();
        VertxOptions options = new VertxOptions().setEventLoopPoolSize(config.eventLoops());
        VertxBuilder builder = Meters.measured(Vertx.builder(), options, metrics);
        if (config.cluster() == null) {
            vertx = builder.build();
        } else {
            Cluster.Joined joined = await(Cluster.join(builder, options, config.cluster()));
            vertx = joined.vertx();
            cluster = joined.cluster();
        }
        return Objects.requireNonNull(vertx);
    }

    private void deployAll(Vertx vertx) {
        CurrentServices services = new CurrentServices(config, Operations.CATALOG.names());
        services.watch(vertx, metrics);
        Config.Routing routing = config.cluster() == null
                ? Config.Routing.LOCAL
                : config.cluster().routing();
        InternalBus bus = new InternalBus(
                vertx,
                Operations.CATALOG::commandType,
                config.lanes().count(),
                config.database().busTimeoutMillis(),
                routing,
                config.database().oneOrganizationATransaction(),
                cluster);
        this.bus = bus;
        Gauge.builder("cagen_quota_nodes", bus, InternalBus::nodes)
                .description("Nodes of the cluster: this one, and those heard in the last seconds")
                .register(metrics);
        FunctionCounter.builder("cagen_quota_audit_refusals_shed", bus, InternalBus::refusalsShed)
                .description("Refusals that were not recorded because too many came at once")
                .register(metrics);
        Map<String, Supplier<Future<Void>>> checks = new LinkedHashMap<>();
        Cluster cluster = this.cluster;
        if (cluster != null) {
            await(bus.join());
            checks.put("cluster", () -> cluster.membership().compose(ignored -> bus.lanesKnown()));
        }
        OpenApiContract contract = await(OpenApiContract.load(vertx));
        if (database != null) {
            checks.put("database", database::ping);
            deployOn(database, services, bus, contract, checks);
        }
        checks.put("bus", bus::ping);
        if (config.bridges().tcpPort() != null || config.bridges().sockJsPort() != null) {
            bridges = new BridgeVerticle(config, services, bus, contract, metrics);
            deploy(bridges);
        }
        HealthRoutes health = new HealthRoutes(vertx, checks);
        this.health = health;
        goOn();
        deployments.add(await(vertx.deployVerticle(
                () -> {
                    HttpVerticle instance = new HttpVerticle(config, services, bus, contract, metrics, health);
                    http.add(instance);
                    return instance;
                },
                new DeploymentOptions().setInstances(config.http().instances()))));
        if (cluster != null) {
            await(bus.open());
        }
    }

    /** What works on the database, as far as this node's roles go. */
    private void deployOn(
            Database database,
            CurrentServices services,
            InternalBus bus,
            OpenApiContract contract,
            Map<String, Supplier<Future<Void>>> checks) {
        await(StartupChecks.run(database));
        deploy(new MetricsVerticle(database, metrics));
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
            AuthVerticle auth = new AuthVerticle(config, bus, database, authServiceUrl, metrics);
            deploy(auth);
            checks.put("auth", auth::readiness);
        }
        if (config.does(Config.Role.QUOTA)) {
            checks.putIfAbsent("auth", bus::authKnown); // where this node does not ask the auth service itself
            for (int lane = 0; lane < config.lanes().count(); lane++) {
                deploy(new QuotaVerticle(config, bus, database, Operations.CATALOG, metrics, lane));
            }
            // The public addresses are served where the lanes are: one gateway for each node that has some.
            deploy(new BusGateway(services, bus, contract, metrics));
            deploy(new UpkeepVerticle(bus, database, Operations.CATALOG, metrics));
        }
    }

    private Future<Void> caughtUp(AuditVerticle audit) {
        return audit.lagMillis() <= config.audit().maxLagMillis()
                ? Future.succeededFuture()
                : Future.failedFuture(
                        new RefusalException(Refusal.of(ErrorCode.OVERLOADED, "The audit trail is behind.")));
    }

    private void deploy(Deployable verticle) {
        goOn();
        deployments.add(await(Objects.requireNonNull(vertx).deployVerticle(verticle)));
    }

    /** The port that HTTP listens on. */
    public int port() {
        return http.get(0).actualPort(); // the instances share it
    }

    /** What everything runs on: verticles of the same process reach the event bus through it. */
    public Vertx vertx() {
        return Objects.requireNonNull(vertx);
    }

    /** For tests; null when no bridge is configured. */
    @Nullable
    BridgeVerticle bridges() {
        return bridges;
    }

    /** Where it listens: one line. */
    public String address() {
        return "Cagen quota service listens on " + base() + ", health at " + base() + "/health";
    }

    /** What a newcomer wants to know first: the address, and in development how to begin. */
    public String greeting() {
        if (config.environment() == Config.Environment.PRODUCTION) {
            return address();
        }
        return address() + """

                A first call, in two steps: mint a credential for one request, then make a quota with it.
                  CREDENTIAL=$(curl -s %1$s/dev/credentials -H 'Content-Type: application/json' \\
                    -d '{"user_id":"alice","organization_id":"acme"}' | sed 's/.*"encrypted_data":"\\([^"]*\\)".*/\\1/')
                  curl -s %1$s/api/v1/quotas/create -H 'Content-Type: application/json' \\
                    -H "Authorization: Cagen %2$s:$CREDENTIAL" \\
                    -d '{"name":"Acme","type":"organization","total_mb":10000}'""".formatted(base(), config.serviceId());
    }

    private String base() {
        return "http://" + config.host() + ":" + port();
    }

    /**
     * Stops in the opposite order: requests in flight are finished, what is committed is sealed, the database goes last. A start
     * that is under way ends at its next step. Doing it twice does no harm.
     */
    @Override
    public void close() {
        stopping = true;
        boolean mine = awaitTurn();
        try {
            if (!stopped) {
                stopped = true;
                stopAll();
            }
        } finally {
            if (mine) {
                turn.unlock();
            }
        }
    }

    /** Every step of a start has its own time limit; should one hang all the same, stopping must not. */
    private boolean awaitTurn() {
        try {
            return turn.tryLock(START_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void stopAll() {
        if (embedded == null && vertx == null) {
            return; // nothing was started
        }
        LOG.info("stopping");
        if (health != null) {
            health.stop(); // not ready from now on
        }
        if (bus != null && cluster != null) {
            bus.leave(); // and no requests from other nodes
        }
        Vertx vertx = this.vertx;
        if (vertx != null) {
            for (int i = deployments.size() - 1; i >= 0; i--) {
                quietly(vertx.undeploy(deployments.get(i)));
            }
            if (bus != null) {
                quietly(bus.flushRefusals()); // a node with the role audit has done so before that role stopped
            }
            if (database != null) {
                quietly(database.close());
            }
            quietly(vertx.close());
        }
        if (embedded != null) {
            try {
                embedded.close();
            } catch (IOException e) {
                LOG.error("the embedded PostgreSQL did not stop", e);
            }
        }
        LOG.info("stopped");
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
