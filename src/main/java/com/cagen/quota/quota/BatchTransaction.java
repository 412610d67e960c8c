package com.cagen.quota.quota;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.Decision;
import com.cagen.quota.domain.HoldingKey;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.OperationKey;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaKey;
import com.cagen.quota.domain.RecordedOperation;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.UsageBatch;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.OutboxRows;
import com.cagen.quota.storage.QuotaRows;
import com.cagen.quota.storage.RequestRows;
import com.cagen.quota.storage.Scope;
import com.cagen.quota.storage.Session;
import com.cagen.quota.storage.UsageRows;
import com.cagen.quota.storage.Write;
import io.vertx.core.Future;
import io.vertx.pgclient.PgException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The hot path: up to a few hundred usage operations and reads, on any quotas of any organizations, in one transaction of
 * two pipelined round trips. The first locks and loads, then everything is decided in memory, the second writes and
 * commits. Used once.
 */
final class BatchTransaction {
    private final Database database;
    private final KnownOrganizations organizations;
    private final List<Pending> batch;
    private final boolean replays;
    private final Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    private final UUID batchId = Ids.operation();
    private final Set<String> newOrganizations = new LinkedHashSet<>();

    // What the second round trip writes.
    private final List<Step> steps = new ArrayList<>();
    private final Map<QuotaKey, Quota> changedQuotas = new LinkedHashMap<>();
    private Map<HoldingKey, Long> heldBefore = Map.of();
    private final Map<HoldingKey, Long> changedHoldings = new LinkedHashMap<>();
    private final List<UsageRows.LedgerEntry> ledger = new ArrayList<>();
    private final List<RequestRows.NewOperation> operations = new ArrayList<>();
    private final Map<String, List<AuditEntry>> audit = new LinkedHashMap<>();
    /** An operation whose audit entry shows, after a lost COMMIT, whether the batch is there. */
    private @Nullable Pending evidence;

    /** @param replays whether there may be used credentials among them; without, one of them fails the batch with 23505 */
    BatchTransaction(Database database, KnownOrganizations organizations, List<Pending> batch, boolean replays) {
        this.database = database;
        this.organizations = organizations;
        this.batch = batch;
        this.replays = replays;
    }

    /**
     * @param lockTimeoutMillis how long to wait for a lock that another transaction holds
     * @param skipsLocked organizations whose locked quotas are not waited for: their requests end as {@link Step.Locked}
     * @return one step for each request, in order, once committed; fails, with nothing done, as {@link Database} does, and
     *     with the {@link PgException} itself when a lock was waited for too long
     */
    Future<List<Step>> run(long lockTimeoutMillis, Predicate<String> skipsLocked) {
        return database.connection().compose(connection -> onConnection(connection, lockTimeoutMillis, skipsLocked)
                .eventually(connection::close));
    }

    private Future<List<Step>> onConnection(Session connection, long lockTimeoutMillis, Predicate<String> skipsLocked) {
        return lockAndLoad(connection, lockTimeoutMillis, skipsLocked)
                .map(loaded -> {
                    decide(loaded);
                    return loaded;
                })
                .recover(failure -> rollback(connection, failure))
                .compose(ignored -> writeAndCommit(connection))
                .map(ignored -> {
                    organizations.add(newOrganizations);
                    batch.forEach(pending -> pending.nonceClaimed = true);
                    return steps;
                });
    }

    /** Whether it has written audit entries. */
    boolean audited() {
        return !audit.isEmpty();
    }

    /** @param skipped quotas that are there, but locked by another transaction: their rows are as they were read */
    private record Loaded(Set<RequestRows.NonceKey> claimed, UsageBatch.Locked locked, Set<QuotaKey> skipped) {}

    private Future<Loaded> lockAndLoad(Session connection, long lockTimeoutMillis, Predicate<String> skipsLocked) {
        Set<QuotaKey> quotas = new HashSet<>();
        Set<QuotaKey> toLock = new HashSet<>();
        Set<QuotaKey> toLockIfFree = new HashSet<>();
        Set<QuotaKey> toRead = new HashSet<>();
        Set<HoldingKey> holdings = new HashSet<>();
        Set<OperationKey> keys = new HashSet<>();
        Set<RequestRows.NonceKey> nonces = new HashSet<>();
        for (Pending pending : batch) {
            QuotaKey quota = pending.quotaKey();
            quotas.add(quota);
            if (!organizations.contains(quota.organizationId())) {
                newOrganizations.add(quota.organizationId());
            }
            // A quota that cannot exist is not looked for, so it is not found; its request's nonce is claimed all the
            // same.
            if (quota.canExist() && pending.operation() instanceof Operation.Usage usage) {
                (skipsLocked.test(quota.organizationId()) ? toLockIfFree : toLock).add(quota);
                holdings.add(new HoldingKey(quota.organizationId(), quota.quotaId(), usage.resourceId()));
            } else if (quota.canExist()) {
                toRead.add(quota);
            }
            if (pending.operationKey() != null) {
                keys.add(pending.operationKey());
            }
            if (!pending.nonceClaimed) {
                nonces.add(RequestRows.NonceKey.of(pending.request));
            }
        }
        toRead.removeAll(toLock);
        toRead.removeAll(toLockIfFree);

        // All sent at once; PostgreSQL runs them one after the other, each seeing what the locks before it settled.
        Future<?> begun = connection.begin(Scope.batch(quotas), lockTimeoutMillis);
        Future<?> known = newOrganizations.isEmpty()
                ? Future.succeededFuture()
                : RequestRows.ensureOrganizations(connection, newOrganizations);
        Future<Set<RequestRows.NonceKey>> claimed =
                replays ? RequestRows.claim(connection, nonces) : RequestRows.claimAll(connection, nonces);
        Future<Map<QuotaKey, Quota>> locked = QuotaRows.lock(connection, toLock);
        // After those that are waited for: whoever waits must not hold a lock that comes later in the order.
        Future<Map<QuotaKey, Quota>> free = QuotaRows.lockIfFree(connection, toLockIfFree);
        Future<Map<QuotaKey, Quota>> read = QuotaRows.find(connection, toRead);
        Future<Map<HoldingKey, Long>> held = UsageRows.findHeld(connection, holdings);
        Future<Map<OperationKey, RecordedOperation>> recorded = RequestRows.findOperations(connection, keys);
        return Future.all(List.of(begun, known, claimed, locked, free, read, held, recorded))
                .compose(ignored -> {
                    toLockIfFree.removeAll(free.result().keySet());
                    return QuotaRows.find(connection, toLockIfFree);
                })
                .map(skipped -> {
                    Map<QuotaKey, Quota> found = new HashMap<>(locked.result());
                    found.putAll(free.result());
                    found.putAll(read.result());
                    found.putAll(skipped);
                    return new Loaded(
                            new HashSet<>(claimed.result()),
                            new UsageBatch.Locked(found, held.result(), recorded.result()),
                            skipped.keySet());
                });
    }

    private void decide(Loaded loaded) {
        List<UsageBatch.Item> items = new ArrayList<>(batch.size());
        List<Pending> decided = new ArrayList<>(batch.size());
        for (Pending pending : batch) {
            // Removing it: of two requests with one credential in a batch, the second is the replay.
            boolean accepted =
                    pending.nonceClaimed || loaded.claimed().remove(RequestRows.NonceKey.of(pending.request));
            // A replay is refused whatever its quota is, so it need not wait for the lock.
            if (accepted && isSkipped(pending, loaded.skipped())) {
                continue;
            }
            decided.add(pending);
            items.add(new UsageBatch.Item(pending.request, accepted, pending.grants, pending.fingerprint));
        }
        List<Decision> decisions = UsageBatch.decide(loaded.locked(), items, now);
        for (int i = 0; i < decisions.size(); i++) {
            steps.add(settle(decided.get(i), decisions.get(i), loaded.locked()));
        }
        heldBefore = loaded.locked().heldMb();
        if (decided.size() < batch.size()) {
            addSkipped(decided);
        }
    }

    private static boolean isSkipped(Pending pending, Set<QuotaKey> skipped) {
        return !skipped.isEmpty()
                && pending.operation() instanceof Operation.Usage
                && skipped.contains(pending.quotaKey());
    }

    /** Puts a step for each request that was not decided at its place among the others. */
    private void addSkipped(List<Pending> decided) {
        int next = 0;
        for (int i = 0; i < batch.size(); i++) {
            if (next < decided.size() && decided.get(next) == batch.get(i)) {
                next++;
            } else {
                steps.add(i, new Step.Locked());
            }
        }
    }

    private Step settle(Pending pending, Decision decision, UsageBatch.Locked locked) {
        Quota known = locked.quotas().get(pending.quotaKey());
        if (decision instanceof Decision.Usage usage) {
            return new Step.Settled(apply(pending, usage));
        } else if (decision instanceof Decision.Read read) {
            return new Step.Settled(new Answer.Success("Quota found.", Render.quota(read.quota()), false));
        } else if (decision instanceof Decision.Replay replay) {
            return new Step.Settled(replay.answer());
        } else if (decision instanceof Decision.SameAs same) {
            Answer.Success first = (Answer.Success) ((Step.Settled) steps.get(same.item())).answer();
            return new Step.Settled(new Answer.Success(first.message(), first.data(), true));
        } else if (decision instanceof Decision.NeedsGrant && known != null) {
            return new Step.Ask(List.of(known));
        } else if (decision instanceof Refusal refusal) {
            AuditEntry entry = Entries.refused(pending.id, pending.request, known, refusal, now);
            if (entry != null && pending.records(entry)) {
                record(pending, entry);
            }
            return new Step.Settled(refusal);
        }
        throw new IllegalStateException("no step for " + decision);
    }

    private void record(Pending pending, AuditEntry entry) {
        audit.computeIfAbsent(pending.organizationId(), ignored -> new ArrayList<>())
                .add(entry);
        if (evidence == null && LostCommit.canWaitFor(pending)) {
            evidence = pending;
        }
    }

    private Answer apply(Pending pending, Decision.Usage decision) {
        Operation.Usage usage = (Operation.Usage) pending.operation();
        Quota after = decision.after();
        changedQuotas.put(pending.quotaKey(), after);
        changedHoldings.put(new HoldingKey(after.organizationId(), after.id(), usage.resourceId()), decision.heldMb());
        ledger.add(new UsageRows.LedgerEntry(
                after.organizationId(),
                after.id(),
                after.version(),
                pending.id,
                usage.resourceId(),
                Render.verb(usage),
                usage.usageMb(),
                pending.request.caller().userId(),
                pending.request.caller().serviceId(),
                usage.reason(),
                after.usedMb(),
                decision.heldMb(),
                now));
        record(pending, Entries.usage(pending.id, pending.request, decision, now));
        Answer.Success answer = new Answer.Success(
                usage instanceof Operation.AllocateUsage ? "Usage allocated." : "Usage deallocated.",
                Render.usage(pending.id, usage, decision, now),
                false);
        OperationKey key = pending.operationKey();
        if (key != null && pending.fingerprint != null) {
            operations.add(new RequestRows.NewOperation(key, new RecordedOperation(pending.fingerprint, answer)));
        }
        return answer;
    }

    private Future<Void> writeAndCommit(Session connection) {
        List<Write> writes = new ArrayList<>();
        if (!changedQuotas.isEmpty()) {
            writes.add(QuotaRows.figures(changedQuotas.values(), now));
            writes.addAll(UsageRows.held(heldBefore, changedHoldings, now));
            writes.add(UsageRows.ledger(ledger));
        }
        if (!operations.isEmpty()) {
            writes.add(RequestRows.operations(operations, now));
        }
        List<OutboxRows.OutboxRow> rows = new ArrayList<>();
        audit.forEach((organization, entries) -> rows.add(new OutboxRows.OutboxRow(organization, batchId, entries)));
        List<Write> outbox = OutboxRows.entries(rows);
        writes.addAll(outbox.subList(0, Math.min(1, outbox.size())));
        Future<Void> written = connection.write(writes);
        if (outbox.size() > 1) {
            Future<Void> more = connection.writeInTurn(outbox.subList(1, outbox.size()));
            written = Future.join(written, more).mapEmpty();
        }
        return commit(connection, written);
    }

    private Future<Void> commit(Session connection, Future<Void> written) {
        return connection
                .commit(written)
                .recover(failure -> connection.commitSent() ? outcome(written) : rollback(connection, failure));
    }

    private static <T> Future<T> rollback(Session connection, Throwable failure) {
        return connection.rollback().transform(ignored -> Future.failedFuture(asFailure(failure)));
    }

    private static Throwable asFailure(Throwable failure) {
        return Database.lockTimeout(failure) ? failure : Database.asRefusal(failure);
    }

    /**
     * A statement that PostgreSQL refused turned COMMIT into a rollback. Anything else leaves the outcome unknown: the
     * database is asked, on another connection, whether the batch is there.
     */
    private Future<Void> outcome(Future<Void> written) {
        if (written.cause() instanceof PgException refused) {
            return Future.failedFuture(asFailure(refused));
        }
        return evidence == null
                ? Future.failedFuture(LostCommit.notDone())
                : LostCommit.settle(database, evidence, batchId);
    }
}
