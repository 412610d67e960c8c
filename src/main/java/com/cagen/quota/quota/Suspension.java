package com.cagen.quota.quota;

import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/**
 * Suspends and resumes. Every quota below is told which suspended quota is nearest, under the locks of the whole subtree, so
 * that the hot path finds it in the one row it reads.
 */
final class Suspension {
    private Suspension() {}

    static Future<Step> suspend(Attempt attempt) {
        return attempt.onQuota(Attempt.Rows.QUOTA_AND_PARENT_LOCKED, (quota, parent) -> {
            if (quota.status() == QuotaStatus.SUSPENDED) {
                return unchanged(attempt, quota, "Quota was suspended already.");
            }
            Quota suspended = quota.withStatus(QuotaStatus.SUSPENDED, quota.id(), attempt.now());
            return write(attempt, quota, suspended, "Quota suspended.");
        });
    }

    static Future<Step> resume(Attempt attempt) {
        return attempt.onQuota(Attempt.Rows.QUOTA_AND_PARENT_LOCKED, (quota, parent) -> {
            if (quota.status() == QuotaStatus.ACTIVE) {
                return unchanged(attempt, quota, "Quota was active already.");
            }
            String above = parent == null ? null : parent.suspendedBy();
            Quota resumed = quota.withStatus(QuotaStatus.ACTIVE, above, attempt.now());
            return write(attempt, quota, resumed, "Quota resumed.");
        });
    }

    private static Future<Step> write(Attempt attempt, Quota before, Quota after, String message) {
        return QuotaRows.lockBelow(attempt.connection(), before)
                .compose(ignored -> QuotaRows.updateState(attempt.connection(), after))
                .compose(ignored -> QuotaRows.passSuspensionOn(
                        attempt.connection(), after, before.suspendedBy(), after.suspendedBy()))
                .compose(ignored -> settle(attempt, before, after, after.version(), message));
    }

    private static Future<Step> unchanged(Attempt attempt, Quota quota, String message) {
        return settle(attempt, quota, quota, null, message);
    }

    private static Future<Step> settle(
            Attempt attempt, Quota before, Quota after, @Nullable Long version, String message) {
        return attempt.done(
                message,
                Render.quota(after),
                Entries.applied(
                        attempt.pending().id,
                        attempt.request(),
                        after.id(),
                        after.parentId(),
                        version,
                        attempt.now(),
                        json -> json.put("status_before", before.status().wireName())
                                .put("status_after", after.status().wireName())));
    }
}
