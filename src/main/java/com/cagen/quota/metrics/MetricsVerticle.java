package com.cagen.quota.metrics;

import com.cagen.quota.storage.rows.IncreaseRows;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.rows.Utilization;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What no request counts: whether the database answers, how its connections are used, how many reservations are held, and how
 * full quotas are. Of the latter it shows the fullest roots and the fullest others; a quota that leaves these lists loses its series.
 */
public final class MetricsVerticle extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsVerticle.class);
    private static final long PING_MILLIS = 5_000;
    /** Roots, and others. */
    private static final int SHOWN_OF_EACH = 50;

    private static final long REFRESH_MILLIS = 15_000;

    /**
     * The queries read every quota and every held reservation; with this many times their duration in between they take 2 % of
     * one core at most.
     */
    private static final long PAUSE_FACTOR = 50;

    private final Database database;
    private final long refreshMillis;
    private final List<Shown> shown;
    private volatile double up;
    private volatile long reservationsHeld;
    private volatile long increasesPending;

    private record Shown(MultiGauge gauges, ToDoubleFunction<Utilization> value) {}

    public MetricsVerticle(Database database, MeterRegistry registry) {
        this(database, registry, REFRESH_MILLIS);
    }

    MetricsVerticle(Database database, MeterRegistry registry, long refreshMillis) {
        this.database = database;
        this.refreshMillis = refreshMillis;
        Gauge.builder("cagen.quota.database.up", () -> up)
                .description("Whether the database answered within the last seconds: 1 or 0")
                .register(registry);
        Gauge.builder("cagen.quota.reservations.held", () -> reservationsHeld)
                .description("Reservations that are held")
                .register(registry);
        Gauge.builder("cagen.quota.increases.pending", () -> increasesPending)
                .description("Requests for larger quotas that nobody has decided about")
                .register(registry);
        Gauge.builder("cagen.quota.database.connections.max", database::maxSize)
                .description("Connections that the pool may open")
                .register(registry);
        Gauge.builder("cagen.quota.database.connections.pending", database::waiting)
                .description("Transactions that wait for a connection")
                .register(registry);
        connections(registry, "in_use", () -> inUse(registry));
        connections(registry, "idle", () -> Math.max(0, database.size() - inUse(registry)));
        shown = List.of(
                show(
                        registry,
                        "utilization.ratio",
                        "Used, allocated and reserved over total, 0 to 1",
                        Utilization::ratio),
                show(registry, "used.megabytes", "What resources hold", Utilization::usedMb),
                show(registry, "allocated.megabytes", "What was cut off for children", Utilization::allocatedMb),
                show(registry, "reserved.megabytes", "What reservations hold", Utilization::reservedMb),
                show(registry, "total.megabytes", "The size of the quota", Utilization::totalMb));
    }

    private static void connections(MeterRegistry registry, String state, Supplier<Number> value) {
        Gauge.builder("cagen.quota.database.connections", value)
                .description("Open connections to the database")
                .tag("state", state)
                .register(registry);
    }

    /** As Vert.x counts it. */
    private static double inUse(MeterRegistry registry) {
        return registry.find("vertx.pool.in.use").tag("pool_type", "sql").gauges().stream()
                .mapToDouble(Gauge::value)
                .sum();
    }

    private static Shown show(
            MeterRegistry registry, String name, String description, ToDoubleFunction<Utilization> value) {
        return new Shown(
                MultiGauge.builder("cagen.quota." + name)
                        .description(description + "; of the fullest roots and the fullest other quotas")
                        .register(registry),
                value);
    }

    @Override
    public Future<?> start() {
        ping(0L);
        vertx.setPeriodic(PING_MILLIS, this::ping);
        refresh();
        return Future.succeededFuture();
    }

    private void ping(Long ignored) {
        database.ping().onComplete(result -> up = result.succeeded() ? 1 : 0);
    }

    private void refresh() {
        long began = System.nanoTime();
        Utilization.fullest(database, SHOWN_OF_EACH)
                .onSuccess(this::show)
                .compose(ignored -> database.transaction(SecurityScope.maintenance(), ReservationRows::countHeld))
                .onSuccess(count -> reservationsHeld = count)
                .compose(ignored -> database.transaction(SecurityScope.maintenance(), IncreaseRows::countPending))
                .onSuccess(count -> increasesPending = count)
                .onFailure(failure -> LOG.warn("figures for the metrics could not be read: {}", failure.getMessage()))
                .onComplete(ignored -> {
                    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                    vertx.setTimer(Math.max(refreshMillis, took * PAUSE_FACTOR), timer -> refresh());
                });
    }

    private void show(List<Utilization> fullest) {
        for (Shown each : shown) {
            List<MultiGauge.Row<?>> rows = fullest.stream()
                    .<MultiGauge.Row<?>>map(
                            quota -> MultiGauge.Row.of(Tags.of("quota_id", quota.quotaId()), quota, each.value))
                    .toList();
            each.gauges.register(rows, true);
        }
    }
}
