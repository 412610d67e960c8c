package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** What became of a transaction whose COMMIT got no answer: the database is asked, on another connection. */
final class LostCommit {
    private LostCommit() {}

    /** Whether the transaction that ran {@code pending} held something that {@link #settle} can wait for. */
    static boolean canWaitFor(QueuedRequest pending) {
        return !pending.nonceClaimed || pending.request.operation().change();
    }

    /**
     * Waits until the transaction is over, by asking for what it had taken: its nonce, or its quota's lock. Only then does
     * not finding it mean that it will never be there.
     *
     * @param pending one of its operations, whose audit entry it wrote
     * @param batchId of the journal row that holds that entry
     * @return succeeds when it was committed; fails with {@code database_unavailable} when it was not, and with {@code
     *     outcome_unknown} when that cannot be found out in time
     */
    static Future<Void> settle(Database database, QueuedRequest pending, UUID batchId) {
        String organization = pending.organizationId();
        Set<RequestRows.NonceKey> nonces =
                pending.nonceClaimed ? Set.of() : Set.of(RequestRows.NonceKey.of(pending.request));
        Collection<QuotaKey> quotas = locked(pending);
        return database.transaction(
                        SecurityScope.organization(organization),
                        // Its organization's first row may have been part of it.
                        connection -> RequestRows.ensureOrganizations(connection, List.of(organization))
                                .compose(ignored -> RequestRows.claim(connection, nonces))
                                .compose(ignored -> QuotaRows.lock(connection, quotas))
                                // A statement of its own, after the locks: it sees what they waited for.
                                .compose(ignored -> JournalRows.committed(connection, organization, batchId)))
                .recover(failure -> Future.failedFuture(unknown(failure)))
                .compose(there -> there ? Future.succeededFuture() : Future.failedFuture(notDone()));
    }

    /** The quota that the request is about, or all that it locks when it is about several. */
    private static Collection<QuotaKey> locked(QueuedRequest pending) {
        QuotaKey quota = pending.quotaKey();
        return quota != null ? List.of(quota) : pending.needs().locked();
    }

    static RefusalException notDone() {
        return new RefusalException(
                Refusal.of(ErrorCode.DATABASE_UNAVAILABLE, "The connection to the database was lost."));
    }

    private static RefusalException unknown(Throwable cause) {
        return new RefusalException(
                Refusal.of(
                        ErrorCode.OUTCOME_UNKNOWN,
                        "The database was lost while committing; repeat under the same idempotency key."),
                cause);
    }
}
