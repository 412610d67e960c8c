package com.cagen.quota.audit;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.json.JsonObject;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the audit trail: takes entries of the journal that have no place yet, gives each its place in its organization's chain,
 * and publishes what changed. Sweeps over the organizations that wait, again and again until a whole sweep found nothing to do; then rests
 * until a notification comes or the time is over. Any number of nodes may do so at once.
 */
public final class AuditVerticle extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(AuditVerticle.class);
    private static final int ORGANIZATIONS_A_TRANSACTION = 100;
    /** After a sweep that sealed fewer entries than {@link #FEW} it waits so long for more. */
    private static final long SHORT_PAUSE_MILLIS = 50;
    /** The same after one that sealed fewer than {@link #MUCH}: under load, larger seals cost less. */
    private static final long LONG_PAUSE_MILLIS = 250;

    private static final int FEW = 100;
    private static final int MUCH = 4_000;
    private static final long RETRY_MILLIS = 250;
    private static final long CHECKPOINT_MILLIS = 60_000;

    private final Config config;
    private final InternalBus bus;
    private final Database database;
    private final Sealing sealing;
    private final AuditLag lag = new AuditLag();
    private final Counter sealed;
    private final Counter checkpointFailures;
    private final Checkpoints checkpoints;

    private boolean working;
    private boolean rung;
    private boolean stopping;
    /** The sweep goes on after this organization; empty at its beginning. */
    private String sweptTo = "";

    private int sealedInSweep;
    /** How often the limits of a transaction are halved: once more after each step that failed, once less after others. */
    private int halvings;

    private Promise<Void> rest = Promise.promise();

    /** @param metrics gets the lag, and what was sealed */
    public AuditVerticle(Config config, InternalBus bus, Database database, MeterRegistry metrics) {
        this.config = config;
        this.bus = bus;
        this.database = database;
        this.sealing = new Sealing(database, this::publish);
        this.checkpoints = new Checkpoints(config, database);
        Gauge.builder("cagen_quota_audit_lag_seconds", () -> lagMillis() / 1_000.0)
                .description("Age of the oldest audit entry that is not sealed yet")
                .register(metrics);
        this.sealed = Counter.builder("cagen_quota_audit_sealed")
                .description("Audit entries sealed")
                .register(metrics);
        this.checkpointFailures = Counter.builder("cagen_quota_audit_checkpoint_failures")
                .description("Times that checkpoints of the audit chains could not be written")
                .register(metrics);
    }

    @Override
    public Future<?> start() {
        bus.onAuditNotification(this::ring);
        bus.onRefusals(
                (entries, again) -> RefusalStore.store(database, entries, again).onSuccess(ignored -> ring()));
        vertx.setPeriodic(config.audit().drainIntervalMillis(), ignored -> {
            bus.publishAuditLag(lagMillis());
            ring();
        });
        vertx.setPeriodic(CHECKPOINT_MILLIS, ignored -> checkpoint());
        return checkpoints.prepare(vertx).otherwise(failure -> {
            checkpointsFailed(failure);
            return null;
        });
    }

    /** Ends when everything that was committed is sealed and has its checkpoint, or the database cannot be reached. */
    @Override
    public Future<?> stop() {
        Context own = vertx.getOrCreateContext();
        Promise<Void> flushed = Promise.promise();
        // Whatever became of them: what could not be stored is in the log. They end on the context of whoever sent
        // them.
        bus.flushRefusals().onComplete(ignored -> own.runOnContext(go -> flushed.complete()));
        return flushed.future()
                .compose(ignored -> {
                    ring(); // for the last time
                    stopping = true;
                    return rest.future();
                })
                .compose(ignored -> checkpoint());
    }

    /** A file that cannot be written stops nothing: the trail itself is complete without it. */
    private Future<Void> checkpoint() {
        return checkpoints.write(vertx).otherwise(failure -> {
            checkpointsFailed(failure);
            return null;
        });
    }

    private void checkpointsFailed(Throwable failure) {
        checkpointFailures.increment();
        LOG.error("audit checkpoints cannot be written to {}: {}", Checkpoints.path(config), failure.toString());
    }

    /** Age of the oldest entry that is not sealed, in milliseconds. */
    public long lagMillis() {
        return lag.millis();
    }

    private void ring() {
        if (stopping) {
            return;
        }
        rung = true;
        if (!working) {
            working = true;
            rest = Promise.promise();
            work();
        }
    }

    private void work() {
        if (sweptTo.isEmpty()) {
            rung = false; // the sweep that begins sees what rang
        }
        step().onComplete(result -> {
            halvings = result.succeeded() ? Math.max(0, halvings - 1) : Math.min(Sealing.MAX_HALVINGS, halvings + 1);
            if (result.failed()) {
                LOG.warn("the audit trail waits: {}", result.cause().getMessage());
                sweptTo = "";
                // A notification does not shorten the retry delay: more attempts would only add load.
                vertx.timer(RETRY_MILLIS, TimeUnit.MILLISECONDS).onComplete(ignored -> workOrRest());
            } else if (!sweptTo.isEmpty() || sealedInSweep >= MUCH) {
                work();
            } else if (sealedInSweep > 0 || rung) {
                vertx.timer(pauseMillis(), TimeUnit.MILLISECONDS).onComplete(ignored -> work());
            } else {
                rest();
            }
        });
    }

    private long pauseMillis() {
        return stopping ? 1 : sealedInSweep < FEW ? SHORT_PAUSE_MILLIS : LONG_PAUSE_MILLIS;
    }

    private void workOrRest() {
        if (rung) {
            work();
        } else {
            rest();
        }
    }

    private void rest() {
        working = false;
        rest.complete();
    }

    private Future<Void> step() {
        return look().compose(this::sealSome);
    }

    private Future<List<ChainRows.WaitingOrganization>> look() {
        if (sweptTo.isEmpty()) {
            lag.lookBegins();
            sealedInSweep = 0;
        }
        return database.transaction(
                        SecurityScope.maintenance(),
                        connection ->
                                ChainRows.organizationsWaiting(connection, sweptTo, ORGANIZATIONS_A_TRANSACTION + 1))
                .onSuccess(waiting -> {
                    waiting.forEach(each -> lag.saw(each.ageMillis()));
                    if (waiting.size() <= ORGANIZATIONS_A_TRANSACTION) {
                        lag.lookEnds();
                    }
                });
    }

    private Future<Void> sealSome(List<ChainRows.WaitingOrganization> waiting) {
        boolean last = waiting.size() <= ORGANIZATIONS_A_TRANSACTION;
        List<ChainRows.WaitingOrganization> some = last ? waiting : waiting.subList(0, ORGANIZATIONS_A_TRANSACTION);
        // The oldest first: a transaction may reach its limit before the last organization, which is then the first one
        // of the next transaction.
        List<String> organizations = some.stream()
                .sorted(Comparator.comparingLong(ChainRows.WaitingOrganization::ageMillis)
                        .reversed())
                .map(ChainRows.WaitingOrganization::organizationId)
                .toList();
        return seal(organizations, halvings).map(count -> {
            sealedInSweep += count;
            sweptTo = last ? "" : some.get(some.size() - 1).organizationId();
            return null;
        });
    }

    /**
     * When it fails, each half of the organizations is sealed by itself, so that one that cannot be sealed delays no other;
     * and of a single organization half as much is taken, down to its oldest row.
     */
    private Future<Integer> seal(List<String> organizations, int halvings) {
        if (organizations.isEmpty()) {
            return Future.succeededFuture(0);
        }
        if (organizations.size() > 1 && config.database().oneOrganizationATransaction()) {
            return sealHalves(organizations, halvings);
        }
        return sealing.run(organizations, halvings).onSuccess(sealed::increment).recover(failure -> {
            if (failure instanceof RefusalException) {
                return Future.failedFuture(failure);
            }
            if (organizations.size() > 1) {
                return sealHalves(organizations, halvings);
            }
            if (halvings == Sealing.MAX_HALVINGS) {
                LOG.error("the audit entries of organization {} cannot be sealed", organizations.get(0), failure);
                return Future.succeededFuture(0);
            }
            return seal(organizations, halvings + 1);
        });
    }

    private Future<Integer> sealHalves(List<String> organizations, int halvings) {
        int half = organizations.size() / 2;
        return seal(organizations.subList(0, half), halvings)
                .compose(first -> seal(organizations.subList(half, organizations.size()), halvings)
                        .map(second -> first + second));
    }

    private void publish(List<AuditEntry> entries) {
        for (AuditEntry entry : entries) {
            if (entry.quotaVersion() != null) {
                Future<Void> published = bus.publishEvent(event(entry));
                if (published.failed()) {
                    return; // nobody listens: the others need not be made
                }
            }
        }
    }

    private static JsonObject event(AuditEntry entry) {
        JsonObject data = new JsonObject(entry.details());
        // Whoever knows the key of another's request could find out its answer, or make a repeat of it fail.
        data.remove("idempotency_key");
        return new JsonObject()
                .put("event_id", entry.auditId().toString())
                .put("operation_id", entry.operationId().toString())
                .put("type", entry.action())
                .put("organization_id", entry.organizationId())
                .put("quota_id", entry.quotaId())
                .put("version", entry.quotaVersion())
                .put("occurred_at", entry.createdAt().toString())
                .put("actor", entry.actorUserId())
                .put("data", data);
    }
}
