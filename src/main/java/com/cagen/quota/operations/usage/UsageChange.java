package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.QuotaChange;
import org.jspecify.annotations.Nullable;

/**
 * A change of what a resource holds on a quota.
 *
 * @param verb the ledger's word: {@code allocate} or {@code deallocate}
 * @param usageMb how much the request is about, 1 or more
 */
record UsageChange(
        String verb,
        String resourceId,
        long usageMb,
        @Nullable String reason) {

    /**
     * Adds the rows, the ledger entry and the answer to {@code change}.
     *
     * @param heldMb what the resource held before
     * @param differenceMb what it holds more, or less, afterwards
     */
    Change apply(Change change, Quota before, long heldMb, long differenceMb, Context context) {
        Quota after = before.withFigures(before.usedMb() + differenceMb, before.allocatedMb(), context.now());
        long heldAfterMb = heldMb + differenceMb;
        return change.quota(QuotaChange.held(before, after, new QuotaChange.Held(resourceId, heldMb, heldAfterMb)))
                .ledger(new LedgerEntry(
                        after.organizationId(),
                        after.id(),
                        after.version(),
                        context.operationId(),
                        resourceId,
                        verb,
                        usageMb,
                        context.caller().userId(),
                        context.caller().serviceId(),
                        reason,
                        after.usedMb(),
                        heldAfterMb,
                        context.now()))
                .answer(json -> json.put("usage_id", context.operationId().toString())
                        .put("quota_id", after.id())
                        .put("resource_id", resourceId)
                        .put("operation", verb)
                        .put("usage_mb", usageMb)
                        .put("held_mb", heldAfterMb)
                        .put("total_mb", after.totalMb())
                        .put("used_mb", after.usedMb())
                        .put("reserved_mb", after.reservedMb())
                        .put("allocated_mb", after.allocatedMb())
                        .put("available_mb", after.availableMb())
                        .put("created_at", context.now()));
    }
}
