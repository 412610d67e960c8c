package com.cagen.quota.engine;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlStates;
import io.vertx.core.Future;
import io.vertx.pgclient.PgException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
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
    private final Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    private final UUID batchId = Ids.operation();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final BatchWrites writes = new BatchWrites(batchId, now);

    /**
     * @param batch requests of {@link RowOperation}s
     * @param claimMillis how long a grant or revocation may take from its first decision to its record
     * @param expectReplays whether used credentials are likely; otherwise one of them fails the batch with 23505
     */
    BatchTransaction(
            Database database,
            KnownOrganizations organizations,
            List<QueuedRequest> batch,
            boolean expectReplays,
            long claimMillis) {
        this.database = database;
        this.organizations = organizations;
        this.batch = batch;
        this.expectReplays = expectReplays;
        this.claimMillis = claimMillis;
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

    private Future<Void> decide(DatabaseSession connection, RowLoader.Loaded loaded) {
        List<BatchItem> items = new ArrayList<>(batch.size());
        List<QueuedRequest> decided = new ArrayList<>(batch.size());
        for (QueuedRequest queued : batch) {
            // Removes it: of two requests with one credential in a batch, the second is the replay.
            boolean accepted = queued.nonceClaimed || loaded.claimed().remove(RequestRows.NonceKey.of(queued.request));
            // A replay is refused whatever its quota is, so it need not wait for the lock.
            if (accepted && isSkipped(queued, loaded.skipped())) {
                continue;
            }
            decided.add(queued);
            items.add(new BatchItem(
                    queued.id,
                    queued.request,
                    queued.operation,
                    accepted,
                    queued.grants,
                    queued.fingerprint,
                    queued.told == QueuedRequest.Told.CONFIRMED));
        }
        List<Decision> decisions = BatchDecision.decide(loaded.rows(), items, now, Ids::quota);
        Map<QuotaKey, Quota> quotas = loaded.rows().quotas();
        if (batch.size() == 1 && !decided.isEmpty()) {
            return tellOrRecord(connection, batch.get(0), decisions.get(0))
                    .onSuccess(outcome ->
                            outcomes.add(outcome != null ? outcome : settle(batch.get(0), decisions.get(0), quotas)))
                    .mapEmpty();
        }
        for (int i = 0; i < decisions.size(); i++) {
            outcomes.add(settle(decided.get(i), decisions.get(i), quotas));
        }
        if (decided.size() < batch.size()) {
            addSkipped(decided);
        }
        return Future.succeededFuture();
    }

    private static boolean isSkipped(QueuedRequest queued, Set<QuotaKey> skipped) {
        if (skipped.isEmpty()) {
            return false;
        }
        Needs needs = new Needs();
        RowLoader.need(queued.operation, queued, needs);
        return needs.locked().stream().anyMatch(skipped::contains);
    }

    /** Puts an outcome for each request that was not decided at its place among the others. */
    private void addSkipped(List<QueuedRequest> decided) {
        int next = 0;
        for (int i = 0; i < batch.size(); i++) {
            if (next < decided.size() && decided.get(next) == batch.get(i)) {
                next++;
            } else {
                outcomes.add(i, new Outcome.Locked());
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

    private Outcome settle(QueuedRequest queued, Decision decision, Map<QuotaKey, Quota> quotas) {
        if (decision instanceof Decision.Done done) {
            return new Outcome.Settled(writes.add(queued, done.change()));
        } else if (decision instanceof Decision.Read read) {
            return new Outcome.Settled(read.answer());
        } else if (decision instanceof Decision.Refused refused) {
            return new Outcome.Settled(refuse(queued, refused.refusal(), quotas));
        } else if (decision instanceof Decision.Replay replay) {
            return new Outcome.Settled(replay.answer());
        } else if (decision instanceof Decision.SameAs same) {
            Answer.Success first = (Answer.Success) ((Outcome.Settled) outcomes.get(same.item())).answer();
            return new Outcome.Settled(new Answer.Success(first.message(), first.data(), true));
        } else if (decision instanceof Decision.AskAuth ask) {
            return new Outcome.AskAuth(ask.quotaIds().stream()
                    .map(id -> Objects.requireNonNull(quotas.get(new QuotaKey(queued.organizationId(), id)), id))
                    .toList());
        }
        throw new IllegalStateException("no outcome for " + decision);
    }

    private Refusal refuse(QueuedRequest queued, Refusal refusal, Map<QuotaKey, Quota> quotas) {
        QuotaKey key = queued.quotaKey();
        Quota quota = key == null ? null : quotas.get(key);
        AuditEntry entry = AuditEntries.refused(queued.id, queued.request, queued.operation, quota, refusal, now);
        if (entry != null && queued.records(entry)) {
            writes.audit(queued, entry);
        }
        return refusal;
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
