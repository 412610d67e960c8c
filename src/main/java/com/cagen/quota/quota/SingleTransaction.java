package com.cagen.quota.quota;

import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.RequestRows;
import com.cagen.quota.storage.Scope;
import com.cagen.quota.storage.Session;
import io.vertx.core.Future;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/** Runs one operation that does not share a transaction: nonce, then the operation's own class, then commit. */
final class SingleTransaction {
    private SingleTransaction() {}

    /** @param claimMillis see {@link Attempt} */
    static Future<Step> run(Database database, KnownOrganizations organizations, Pending pending, long claimMillis) {
        AtomicReference<Step> last = new AtomicReference<>();
        return database.transaction(Scope.organization(pending.organizationId()), connection -> claim(
                                connection, organizations, pending)
                        .compose(accepted -> carryOut(Attempt.of(connection, pending, accepted, claimMillis)))
                        .onSuccess(last::set))
                .recover(failure -> afterLostCommit(database, pending, failure).map(ignored -> last.get()))
                .onSuccess(ignored -> {
                    pending.nonceClaimed = true;
                    organizations.add(List.of(pending.organizationId()));
                });
    }

    private static Future<Boolean> claim(Session connection, KnownOrganizations organizations, Pending pending) {
        if (pending.nonceClaimed) {
            return Future.succeededFuture(true);
        }
        Future<?> known = organizations.contains(pending.organizationId())
                ? Future.succeededFuture()
                : RequestRows.ensureOrganizations(connection, List.of(pending.organizationId()));
        return known.compose(ignored -> RequestRows.claim(connection, Set.of(RequestRows.NonceKey.of(pending.request))))
                .map(claimed -> !claimed.isEmpty());
    }

    private static Future<Step> carryOut(Attempt attempt) {
        Operation operation = attempt.request().operation();
        if (operation instanceof Operation.CreateQuota create) {
            return CreateQuota.run(attempt, create);
        } else if (operation instanceof Operation.AllocateQuota allocate) {
            return AllocateQuota.run(attempt, allocate);
        } else if (operation instanceof Operation.ReleaseQuota) {
            return ReleaseQuota.run(attempt);
        } else if (operation instanceof Operation.SuspendQuota) {
            return Suspension.suspend(attempt);
        } else if (operation instanceof Operation.ResumeQuota) {
            return Suspension.resume(attempt);
        } else if (operation instanceof Operation.GrantPermission grant) {
            return Grants.grant(attempt, grant);
        } else if (operation instanceof Operation.RevokePermission revoke) {
            return Grants.revoke(attempt, revoke);
        } else if (operation instanceof Operation.ListQuotas list) {
            return Listings.quotas(attempt, list);
        } else if (operation instanceof Operation.ListRuntimes list) {
            return Listings.runtimes(attempt, list);
        } else if (operation instanceof Operation.UsageHistory history) {
            return Histories.usage(attempt, history);
        } else if (operation instanceof Operation.ListAudit list) {
            return Histories.audit(attempt, list);
        }
        throw new IllegalStateException("does not run alone: " + operation.type());
    }

    /** A connection lost at commit: the audit entry, written in the same transaction, tells what really happened. */
    private static Future<Void> afterLostCommit(Database database, Pending pending, Throwable failure) {
        boolean unknown =
                failure instanceof RefusalException refused && refused.refusal().code() == ErrorCode.OUTCOME_UNKNOWN;
        if (!unknown) {
            return Future.failedFuture(failure);
        }
        return pending.operation().type().change()
                ? LostCommit.settle(database, pending, pending.id)
                : Future.failedFuture(LostCommit.notDone());
    }
}
