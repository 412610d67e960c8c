package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.QuotaChange;
import java.time.Instant;
import java.util.UUID;

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

    /**
     * Adds a resource's use of more capacity to {@code change}.
     *
     * @param usageId the id of the audit entry, which is the ledger's entry at once
     */
    static UsageChange allocate(
            Change change, UUID usageId, Quota before, String resourceId, long heldMb, long usageMb, Context context) {
        return apply(change, usageId, "allocate", before, resourceId, heldMb, usageMb, context);
    }

    /** As {@link #allocate}, of capacity that a resource gives back. */
    static UsageChange deallocate(
            Change change, UUID usageId, Quota before, String resourceId, long heldMb, long usageMb, Context context) {
        return apply(change, usageId, "deallocate", before, resourceId, heldMb, -usageMb, context);
    }

    /** The one or the other. */
    static UsageChange of(
            boolean allocates,
            Change change,
            UUID usageId,
            Quota before,
            String resourceId,
            long heldMb,
            long usageMb,
            Context context) {
        return allocates
                ? allocate(change, usageId, before, resourceId, heldMb, usageMb, context)
                : deallocate(change, usageId, before, resourceId, heldMb, usageMb, context);
    }

    private static UsageChange apply(
            Change change,
            UUID usageId,
            String verb,
            Quota before,
            String resourceId,
            long heldMb,
            long differenceMb,
            Context context) {
        Quota after = before.withFigures(before.usedMb() + differenceMb, before.allocatedMb(), context.now());
        long heldAfterMb = heldMb + differenceMb;
        change.quota(QuotaChange.held(before, after, new QuotaChange.Held(resourceId, heldMb, heldAfterMb)));
        return new UsageChange(usageId, verb, resourceId, Math.abs(differenceMb), after, heldAfterMb, context.now());
    }

    void write(JsonText json) {
        json.put("usage_id", usageId.toString())
                .put("quota_id", quota.id())
                .put("resource_id", resourceId)
                .put("operation", verb)
                .put("usage_mb", usageMb)
                .put("held_mb", heldMb);
        writeFigures(quota, json);
        json.put("created_at", createdAt);
    }

    static void writeFigures(Quota quota, JsonText json) {
        json.put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("reserved_mb", quota.reservedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb());
    }
}
