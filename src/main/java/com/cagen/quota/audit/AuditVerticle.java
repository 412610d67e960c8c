package com.cagen.quota.audit;

import com.cagen.quota.bus.Bus;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.SealedEntry;
import com.cagen.quota.storage.AuditRows;
import com.cagen.quota.storage.ChainRows;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.OutboxRows;
import com.cagen.quota.storage.RequestRows;
import com.cagen.quota.storage.Scope;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.SqlConnection;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the audit trail: takes entries out of the outbox, gives each its place in its organization's chain, and publishes
 * what changed. Any number of nodes may try at once; the lock on the chain's head lets one at a time through.
 */
public final class AuditVerticle extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(AuditVerticle.class);
    private static final int ORGANIZATIONS_A_ROUND = 100;
    private static final int OUTBOX_ROWS_A_ROUND = 64;
    private static final int MAX_REFUSALS = 10_000;
    private static final int REFUSALS_A_TRANSACTION = 500;

    private final Config config;
    private final Bus bus;
    private final Database database;
    private final Counter sealed;
    private final Counter shed;
    private final Deque<AuditEntry> refusals = new ArrayDeque<>();
    private Future<Void> draining = Future.succeededFuture();
    private boolean again;
    private volatile long lagMillis;

    /** @param metrics gets the lag, and what was sealed and shed */
    public AuditVerticle(Config config, Bus bus, Database database, MeterRegistry metrics) {
        this.config = config;
        this.bus = bus;
        this.database = database;
        Gauge.builder("cagen_quota_audit_lag_seconds", () -> lagMillis / 1_000.0)
                .description("Age of the oldest audit entry that is not sealed yet")
                .register(metrics);
        this.sealed = Counter.builder("cagen_quota_audit_sealed")
                .description("Audit entries sealed")
                .register(metrics);
        this.shed = Counter.builder("cagen_quota_audit_refusals_shed")
                .description("Refusals that were not recorded because too many came at once")
                .register(metrics);
    }

    @Override
    public Future<?> start() {
        bus.onAuditBell(this::ring);
        bus.onRefusals(this::accept);
        vertx.setPeriodic(config.audit().drainIntervalMillis(), ignored -> ring());
        return Future.succeededFuture();
    }

    /** Ends when everything that was in the outbox is sealed, or the database cannot be reached. */
    @Override
    public Future<?> stop() {
        return draining.otherwiseEmpty().compose(ignored -> drain()).otherwiseEmpty();
    }

    /** Age of the oldest unsealed entry when last looked, in milliseconds. */
    public long lagMillis() {
        return lagMillis;
    }

    private void accept(List<AuditEntry> entries) {
        for (AuditEntry entry : entries) {
            if (refusals.size() < MAX_REFUSALS) {
                refusals.add(entry);
            } else {
                shed.increment();
            }
        }
        ring();
    }

    private void ring() {
        if (!draining.isComplete()) {
            again = true;
            return;
        }
        again = false;
        draining = drain().onComplete(result -> {
            if (result.failed()) {
                LOG.warn("the audit trail waits: {}", result.cause().getMessage());
            } else if (again) {
                ring();
            }
        });
    }

    private Future<Void> drain() {
        return storeRefusals().compose(ignored -> drainRound());
    }

    private Future<Void> drainRound() {
        return database.transaction(
                        Scope.maintenance(),
                        connection -> ChainRows.organizationsWaiting(connection, ORGANIZATIONS_A_ROUND))
                .compose(organizations -> {
                    Future<Void> done = Future.succeededFuture();
                    for (String organization : organizations) {
                        done = done.compose(ignored -> sealSome(organization));
                    }
                    // In each round, as under load there is always a next one.
                    Future<Void> measured = done.compose(ignored -> measureLag());
                    return organizations.isEmpty() ? measured : measured.compose(ignored -> drainRound());
                });
    }

    private Future<Void> sealSome(String organization) {
        return database.transaction(
                Scope.organization(organization), connection -> ChainRows.lock(connection, organization)
                        // A statement after the lock, so that it sees what the lock's last holder did.
                        .compose(head -> ChainRows.waiting(connection, organization, OUTBOX_ROWS_A_ROUND)
                                .compose(waiting -> seal(connection, organization, head, waiting))));
    }

    private Future<Void> seal(
            SqlConnection connection, String organization, ChainRows.Head head, ChainRows.Waiting waiting) {
        if (waiting.rows().isEmpty()) {
            return Future.succeededFuture();
        }
        Chain chain = new Chain(head.seq(), head.hash().getBytes());
        List<SealedEntry> entries = new ArrayList<>();
        waiting.rows().values().forEach(row -> row.forEach(entry -> entries.add(chain.seal(entry))));
        return AuditRows.insert(connection, entries)
                .compose(ignored -> ChainRows.forget(connection, organization, waiting))
                .compose(ignored -> ChainRows.advance(
                        connection, organization, new ChainRows.Head(chain.seq(), Buffer.buffer(chain.hash()))))
                .onSuccess(ignored -> {
                    // Before the commit: the changes themselves are committed facts, and a node that dies right now
                    // leaves the rows to be sealed and published again. At least once, then, never not at all.
                    entries.forEach(this::publish);
                    sealed.increment(entries.size());
                });
    }

    private void publish(SealedEntry item) {
        AuditEntry entry = item.entry();
        if (entry.quotaVersion() != null) {
            bus.publishEvent(new JsonObject()
                    .put("event_id", entry.auditId().toString())
                    .put("type", entry.action())
                    .put("organization_id", entry.organizationId())
                    .put("quota_id", entry.quotaId())
                    .put("version", entry.quotaVersion())
                    .put("occurred_at", entry.createdAt().toString())
                    .put("actor", entry.actorUserId())
                    .put("data", new JsonObject(entry.details())));
        }
    }

    private Future<Void> storeRefusals() {
        if (refusals.isEmpty()) {
            return Future.succeededFuture();
        }
        Map<String, List<AuditEntry>> byOrganization = new LinkedHashMap<>();
        List<AuditEntry> taken = new ArrayList<>();
        while (taken.size() < REFUSALS_A_TRANSACTION && !refusals.isEmpty()) {
            AuditEntry entry = refusals.poll();
            taken.add(entry);
            byOrganization
                    .computeIfAbsent(entry.organizationId(), ignored -> new ArrayList<>())
                    .add(entry);
        }
        UUID batchId = taken.get(0).auditId();
        List<OutboxRows.OutboxRow> rows = new ArrayList<>();
        byOrganization.forEach(
                (organization, entries) -> rows.add(new OutboxRows.OutboxRow(organization, batchId, entries)));
        Scope scope = Scope.claims(
                byOrganization.keySet().stream().map(Scope::organizationKey).toList());
        return database.transaction(
                        scope, connection -> RequestRows.ensureOrganizations(connection, byOrganization.keySet())
                                .<Void>compose(ignored ->
                                        OutboxRows.insert(connection, rows).mapEmpty()))
                .onFailure(ignored -> putBack(taken))
                .compose(ignored -> storeRefusals());
    }

    private void putBack(List<AuditEntry> taken) {
        for (int i = taken.size() - 1; i >= 0; i--) {
            refusals.addFirst(taken.get(i));
        }
    }

    private Future<Void> measureLag() {
        return database.transaction(Scope.maintenance(), ChainRows::lagMillis).map(millis -> {
            lagMillis = millis;
            bus.publishAuditLag(millis);
            return null;
        });
    }
}
