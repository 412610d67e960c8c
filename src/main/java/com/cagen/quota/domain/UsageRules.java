package com.cagen.quota.domain;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** When a resource may take from a quota, and give back to it. */
public final class UsageRules {
    private UsageRules() {}

    /**
     * Decides a usage operation by a caller who may do it.
     *
     * @param quota not deleted
     * @param heldMb what the resource holds on this quota now, 0 or more
     * @return {@link Decision.Usage}, or a refusal: {@link ErrorCode#QUOTA_SUSPENDED}, {@link
     *     ErrorCode#INSUFFICIENT_QUOTA} or {@link ErrorCode#INSUFFICIENT_USAGE}
     */
    public static Decision decide(Quota quota, long heldMb, Operation.Usage usage, Instant now) {
        return usage instanceof Operation.AllocateUsage
                ? allocate(quota, heldMb, usage, now)
                : deallocate(quota, heldMb, usage, now);
    }

    private static Decision allocate(Quota quota, long heldMb, Operation.Usage usage, Instant now) {
        if (quota.suspendedBy() != null) {
            return Refusal.quotaSuspended(quota.suspendedBy());
        }
        if (usage.usageMb() > quota.availableMb()) {
            return Refusal.insufficientQuota(quota, usage.usageMb());
        }
        return new Decision.Usage(
                quota.withFigures(quota.usedMb() + usage.usageMb(), quota.allocatedMb(), now),
                heldMb + usage.usageMb());
    }

    /** Also while suspended: a rule must never block its own clean-up. */
    private static Decision deallocate(Quota quota, long heldMb, Operation.Usage usage, Instant now) {
        if (usage.usageMb() > heldMb) {
            Map<String, Object> details = new LinkedHashMap<>();
            details.put("resource_id", usage.resourceId());
            details.put("held_mb", heldMb);
            details.put("requested_mb", usage.usageMb());
            return new Refusal(
                    ErrorCode.INSUFFICIENT_USAGE,
                    "The resource holds " + heldMb + " MB on this quota and cannot give back " + usage.usageMb()
                            + " MB.",
                    details);
        }
        return new Decision.Usage(
                quota.withFigures(quota.usedMb() - usage.usageMb(), quota.allocatedMb(), now),
                heldMb - usage.usageMb());
    }
}
