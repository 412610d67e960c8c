package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.QuotaChange;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a resource holds on a quota, after it has changed.
 *
 * @param verb the ledger's word: {@code allocate} or {@code deallocate}
 * @param usageMb how much the request is about, 1 or more
 * @param quota as it is then
 * @param heldMb what the resource holds then
 */
record UsageChange(
        UUID usageId, String verb, String resourceId, long usageMb, Quota quota, long heldMb, Instant createdAt) {

    /** Which request makes the change: its amount, and why. {@code transferId} is null unless it is half of a transfer. */
    record Cause(
            UUID usageId,
            @Nullable UUID transferId,
            long usageMb,
            @Nullable String reason) {}

    /** Adds a resource's use of more capacity to {@code change}: the row and the ledger entry. */
    static UsageChange allocate(
            Change change, Quota before, String resourceId, long heldMb, Cause cause, Context context) {
        return apply(change, before, "allocate", resourceId, heldMb, cause.usageMb, cause, context);
    }

    /** As {@link #allocate}, of capacity that a resource gives back. */
    static UsageChange deallocate(
            Change change, Quota before, String resourceId, long heldMb, Cause cause, Context context) {
        return apply(change, before, "deallocate", resourceId, heldMb, -cause.usageMb, cause, context);
    }

    private static UsageChange apply(
            Change change,
            Quota before,
            String verb,
            String resourceId,
            long heldMb,
            long differenceMb,
            Cause cause,
            Context context) {
        Quota after = before.withFigures(before.usedMb() + differenceMb, before.allocatedMb(), context.now());
        long heldAfterMb = heldMb + differenceMb;
        change.quota(QuotaChange.held(before, after, new QuotaChange.Held(resourceId, heldMb, heldAfterMb)))
                .ledger(new LedgerEntry(
                        after.organizationId(),
                        after.id(),
                        after.version(),
                        cause.usageId,
                        cause.transferId,
                        resourceId,
                        verb,
                        cause.usageMb,
                        context.caller().userId(),
                        context.caller().serviceId(),
                        cause.reason,
                        after.usedMb(),
                        heldAfterMb,
                        context.now()));
        return new UsageChange(cause.usageId, verb, resourceId, cause.usageMb, after, heldAfterMb, context.now());
    }

    void write(JsonText json) {
        json.put("usage_id", usageId.toString())
                .put("quota_id", quota.id())
                .put("resource_id", resourceId)
                .put("operation", verb)
                .put("usage_mb", usageMb)
                .put("held_mb", heldMb)
                .put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("reserved_mb", quota.reservedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb())
                .put("created_at", createdAt);
    }
}
