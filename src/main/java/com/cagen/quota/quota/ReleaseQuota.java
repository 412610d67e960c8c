package com.cagen.quota.quota;

import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.TreeRules;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gives an empty quota back: it is marked as deleted, and its capacity returns to its parent in the same transaction. */
final class ReleaseQuota {
    private ReleaseQuota() {}

    static Future<Step> run(Attempt attempt) {
        return attempt.onQuota(Attempt.Rows.QUOTA_AND_PARENT_LOCKED, (quota, parent) -> {
            Refusal refusal = TreeRules.release(quota);
            return refusal == null ? release(attempt, quota, parent) : attempt.refuse(quota, refusal);
        });
    }

    private static Future<Step> release(Attempt attempt, Quota quota, @Nullable Quota parent) {
        Quota released = quota.withStatus(QuotaStatus.DELETED, quota.suspendedBy(), attempt.now());
        Quota parentAfter = parent == null
                ? null
                : parent.withFigures(parent.usedMb(), parent.allocatedMb() - quota.totalMb(), attempt.now());
        Future<Void> returned = parentAfter == null
                ? Future.succeededFuture()
                : attempt.connection().write(QuotaRows.figures(List.of(parentAfter), attempt.now()));
        return returned.compose(ignored -> QuotaRows.updateState(attempt.connection(), released))
                .compose(ignored -> attempt.done(
                        "Quota released.",
                        Render.quota(released),
                        Entries.applied(
                                attempt.pending().id,
                                attempt.request(),
                                quota.id(),
                                quota.parentId(),
                                released.version(),
                                attempt.now(),
                                json -> {
                                    json.put("released_mb", quota.totalMb());
                                    if (parentAfter != null) {
                                        json.put("parent_version", parentAfter.version())
                                                .put(
                                                        "parent_allocated_mb_before",
                                                        parentAfter.allocatedMb() + quota.totalMb())
                                                .put("parent_allocated_mb_after", parentAfter.allocatedMb());
                                    }
                                })));
    }
}
