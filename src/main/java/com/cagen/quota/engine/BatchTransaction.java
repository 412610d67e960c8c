package com.cagen.quota.engine;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.engine.operation.Tally;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlStates;
import io.vertx.core.Future;
import io.vertx.pgclient.PgException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Runs requests, from one to a few hundred, in one transaction of two pipelined round trips. The first locks and loads the
 * union of the rows they need; then everything is decided in memory; the second writes and commits. Used once.
 */
final class BatchTransaction {
    private final Database database;
    private final KnownOrganizations organizations;
    private final List<QueuedRequest> batch;
    private final boolean expectReplays;
    private final long claimMillis;
    private final @Nullable SystemOperation<?> endOfReservations;
    private final UUID batchId = Ids.operation();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final BatchWrites writes = new BatchWrites(batchId);
    private final Map<Tally, Integer> tallies = new EnumMap<>(Tally.class);

    /**
     * @param batch requests of {@link RowOperation}s
     * @param claimMillis how long a grant or revocation may take from its first decision to its record
     * @param expectReplays whether used credentials are likely; otherwise one of them fails the batch with 23505
     * @param endOfReservations as {@link com.cagen.quota.engine.operation.Catalog#endOfReservations}
     */
    BatchTransaction(
            Database database,
            KnownOrganizations organizations,
            List<QueuedRequest> batch,
            boolean expectReplays,
            long claimMillis,
            @Nullable SystemOperation<?> endOfReservations) {
        this.database = database;
        this.organizations = organizations;
        this.batch = batch;
        this.expectReplays = expectReplays;
        this.claimMillis = claimMillis;
        this.endOfReservations = endOfReservations;
    }

    /**
     * @param lockTimeoutMillis how long to wait for a lock that another transaction holds
     * @param skipsLocked organizations whose locked quotas are not waited for: their requests end as {@link Outcome.Locked}
     * @return one outcome for each request, in order, once committed; fails, with nothing done, as {@link Database} does, and
     *     with the {@link PgException} itself when a lock was waited for too long
     */
    Future<List<Outcome>> run(long lockTimeoutMillis, Predicate<String> skipsLocked) {
        return database.connection().compose(connection -> onConnection(connection, lockTimeoutMillis, skipsLocked)
                .eventually(connection::close));
    }

    private Future<List<Outcome>> onConnection(
            DatabaseSession connection, long lockTimeoutMillis, Predicate<String> skipsLocked) {
        RowLoader loader = new RowLoader(organizations, batch, expectReplays);
        return loader.load(connection, lockTimeoutMillis, skipsLocked)
                .compose(loaded -> decide(connection, loaded).map(loaded))
                .recover(failure -> rollback(connection, failure))
                .compose(loaded -> commit(connection, writes.write(connection, loaded)))
                .map(ignored -> {
                    organizations.add(loader.newOrganizations());
                    batch.forEach(queued -> queued.nonceClaimed = true);
                    return outcomes;
                });
    }

    /** Whether it has left messages for the auth service. */
    boolean leavesAuthMessages() {
        return writes.leavesAuthMessages();
    }

    /** Whether it has written audit entries. */
    boolean audited() {
        return writes.audited();
    }

    /** What it has done that is counted for metrics. */
    Map<Tally, Integer> tallies() {
        return tallies;
    }

    private Future<Void> decide(DatabaseSession connection, RowLoader.Loaded loaded) {
        List<QueuedRequest> decided = new ArrayList<>(batch.size());
        List<BatchItem> items = new ArrayList<>(batch.size());
        for (QueuedRequest expiry : expiries(loaded.rows().due())) {
            decided.add(expiry);
            items.add(item(expiry, true));
        }
        int first = items.size();
        Set<QuotaKey> unfinished = unfinished(loaded.rows().due());
        Map<QueuedRequest, Outcome> undecided = new HashMap<>(0);
        for (QueuedRequest queued : batch) {
            // Removes it: of two requests with one credential in a batch, the second is the replay.
            boolean accepted = queued.nonceClaimed || loaded.claimed().remove(RequestRows.NonceKey.of(queued.request));
            // A replay is refused whatever its quota is, so it need not wait.
            if (accepted && locksAny(queued, loaded.skipped())) {
                undecided.put(queued, new Outcome.Locked());
            } else if (accepted && !unfinished.isEmpty() && (batch.size() == 1 || locksAny(queued, unfinished))) {
                undecided.put(queued, new Outcome.Again());
            } else {
                decided.add(queued);
                items.add(item(queued, accepted));
            }
        }
        Instant now = loaded.moment().now();
        List<Decision> decisions = BatchDecision.decide(loaded.rows(), items, now, Ids::quota);
        for (int i = 0; i < first; i++) {
            outcomes.add(settle(decided.get(i), decisions.get(i), loaded));
        }
        if (batch.size() == 1 && undecided.isEmpty()) {
            Decision decision = decisions.get(first);
            return tellOrRecord(connection, batch.get(0), decision)
                    .onSuccess(outcome -> {
                        outcomes.clear();
                        outcomes.add(outcome != null ? outcome : settle(batch.get(0), decision, loaded));
                    })
                    .mapEmpty();
        }
        for (int i = first; i < decisions.size(); i++) {
            outcomes.add(settle(decided.get(i), decisions.get(i), loaded));
        }
        outcomes.subList(0, first).clear();
        if (!undecided.isEmpty()) {
            addUndecided(undecided);
        }
        return Future.succeededFuture();
    }

    /** The system's requests to end what has expired. */
    private List<QueuedRequest> expiries(Map<QuotaKey, DueReservations> due) {
        List<QueuedRequest> expiries = new ArrayList<>(0);
        due.forEach((quota, found) -> {
            if (!found.reservations().isEmpty()) {
                SystemOperation<?> operation = Objects.requireNonNull(endOfReservations);
                expiries.add(new QueuedRequest(operation.request(quota), operation));
            }
        });
        return expiries;
    }

    /** Quotas of which more has expired than this transaction ends. */
    private static Set<QuotaKey> unfinished(Map<QuotaKey, DueReservations> due) {
        Set<QuotaKey> unfinished = new HashSet<>(0);
        due.forEach((quota, found) -> {
            if (!found.complete()) {
                unfinished.add(quota);
            }
        });
        return unfinished;
    }

    private static BatchItem item(QueuedRequest queued, boolean nonceAccepted) {
        return new BatchItem(
                queued.id,
                queued.request,
                queued.operation,
                nonceAccepted,
                queued.grants,
                queued.fingerprint,
                queued.told == QueuedRequest.Told.CONFIRMED);
    }

    private static boolean locksAny(QueuedRequest queued, Set<QuotaKey> quotas) {
        if (quotas.isEmpty()) {
            return false;
        }
        return queued.needs().locked().stream().anyMatch(quotas::contains);
    }

    /** Puts an outcome for each request that was not decided at its place among the others. */
    private void addUndecided(Map<QueuedRequest, Outcome> undecided) {
        for (int i = 0; i < batch.size(); i++) {
            Outcome outcome = undecided.get(batch.get(i));
            if (outcome != null) {
                outcomes.add(i, outcome);
            }
        }
    }

    /**
     * A change that the auth service must confirm takes two transactions. The first one claims the target's grants. Then the
     * auth service is told, with no transaction open. The second one decides anew and ends the claim along with its record,
     * only while the claim holds. A claim that does not end like this has the auth service told again what is recorded ({@link
     * AuthOutboxRows}).
     *
     * @return null for every other decision
     */
    private Future<@Nullable Outcome> tellOrRecord(
            DatabaseSession connection, QueuedRequest queued, Decision decision) {
        if (decision instanceof Decision.TellAuth tell) {
            return AuthOutboxRows.beginChange(connection, tell.change(), queued.operationKey(), claimMillis)
                    .map(claimed -> {
                        if (!claimed) {
                            return new Outcome.WaitForChange();
                        }
                        queued.authChange = tell.change();
                        queued.claimed = true;
                        return new Outcome.TellAuth();
                    });
        }
        if (decision instanceof Decision.Done && queued.authChange != null) {
            return AuthOutboxRows.endChange(connection, queued.authChange)
                    .map(ended -> ended
                            ? null
                            : new Outcome.Settled(Refusal.of(
                                    ErrorCode.AUTH_UNAVAILABLE, "Telling the auth service took too long; try again.")));
        }
        return Future.succeededFuture(null);
    }

    private Outcome settle(QueuedRequest queued, Decision decision, RowLoader.Loaded loaded) {
        if (decision instanceof Decision.Done done) {
            Answer.Success answer =
                    writes.add(queued, done.change(), loaded.moment().now());
            refuseParts(queued, done.change(), loaded);
            done.change().tallies().forEach((tally, count) -> tallies.merge(tally, count, Integer::sum));
            return new Outcome.Settled(answer);
        } else if (decision instanceof Decision.Read read) {
            return new Outcome.Settled(read.answer());
        } else if (decision instanceof Decision.Refused refused) {
            return new Outcome.Settled(refuse(queued, refused.refusal(), loaded));
        } else if (decision instanceof Decision.Replay replay) {
            return new Outcome.Settled(replay.answer());
        } else if (decision instanceof Decision.SameAs same) {
            Answer.Success first = (Answer.Success) ((Outcome.Settled) outcomes.get(same.item())).answer();
            return new Outcome.Settled(new Answer.Success(first.message(), first.data(), true));
        } else if (decision instanceof Decision.AskAuth ask) {
            return new Outcome.AskAuth(ask.quotaIds().stream()
                    .map(id -> Objects.requireNonNull(
                            loaded.rows().quotas().get(new QuotaKey(queued.organizationId(), id)), id))
                    .toList());
        }
        throw new IllegalStateException("no outcome for " + decision);
    }

    private Refusal refuse(QueuedRequest queued, Refusal refusal, RowLoader.Loaded loaded) {
        Quota quota = refusedQuota(queued, queued.operation, refusal, loaded);
        AuditEntry entry = AuditEntries.refused(
                queued.id,
                queued.request,
                queued.operation,
                quota,
                refusal,
                loaded.moment().now());
        if (entry != null && queued.records(entry)) {
            writes.audit(queued, entry);
        }
        return refusal;
    }

    private void refuseParts(QueuedRequest queued, Change change, RowLoader.Loaded loaded) {
        if (change.refusals().isEmpty()) {
            return;
        }
        int index = change.entries().size();
        for (Refusal refusal : change.refusals()) {
            Quota quota = refusedQuota(queued, queued.operation, refusal, loaded);
            UUID id = AuditEntry.idOf(queued.id, index++);
            AuditEntry entry = AuditEntries.refused(
                    id,
                    queued.id,
                    queued.request,
                    queued.operation,
                    quota,
                    refusal,
                    loaded.moment().now());
            if (entry != null) {
                writes.audit(queued, entry);
            }
        }
    }

    private static <C extends Input> @Nullable Quota refusedQuota(
            QueuedRequest queued, Operation<C> operation, Refusal refusal, RowLoader.Loaded loaded) {
        C command = operation.commandType().cast(queued.request.command());
        String id = operation.refusedQuotaId(command, refusal);
        return id == null ? null : loaded.rows().quotas().get(new QuotaKey(queued.organizationId(), id));
    }

    private Future<Void> commit(DatabaseSession connection, Future<Void> written) {
        return connection
                .commit(written)
                .recover(failure -> connection.commitSent() ? outcome(written) : rollback(connection, failure));
    }

    private static <T> Future<T> rollback(DatabaseSession connection, Throwable failure) {
        return connection.rollback().transform(ignored -> Future.failedFuture(asFailure(failure)));
    }

    private static Throwable asFailure(Throwable failure) {
        return SqlStates.lockTimeout(failure) ? failure : Database.asRefusal(failure);
    }

    /**
     * A statement that PostgreSQL refused turned COMMIT into a rollback. Anything else leaves the outcome unknown: the
     * database is asked, on another connection, whether the batch is there.
     */
    private Future<Void> outcome(Future<Void> written) {
        if (written.cause() instanceof PgException refused) {
            return Future.failedFuture(Database.asRefusal(refused));
        }
        QueuedRequest evidence = writes.evidence();
        return evidence == null
                ? Future.failedFuture(LostCommit.notDone())
                : LostCommit.settle(database, evidence, batchId);
    }
}
