package com.cagen.quota.domain.quota;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What one entry of the audit trail, or several of them together, say of a quota's usage, in megabytes.
 *
 * @param at when it happened; of several, any moment that they belong to
 * @param minMb the least that was used after one of them; null when all were refused
 * @param maxMb the most
 * @param endMb what was used after the last one
 * @param allocatedMb how much resources got
 * @param deallocatedMb how much they gave back
 * @param refused how many requests were refused
 */
public record UsageChange(
        Instant at,
        @Nullable Long minMb,
        @Nullable Long maxMb,
        @Nullable Long endMb,
        long allocatedMb,
        long deallocatedMb,
        long refused) {

    /** A refused request. */
    public static UsageChange refusal(Instant at) {
        return new UsageChange(at, null, null, null, 0, 0, 1);
    }

    /** A change of what a resource holds, after which {@code usedMb} is used. */
    public static UsageChange of(Instant at, long usedMb, long differenceMb) {
        return new UsageChange(at, usedMb, usedMb, usedMb, Math.max(0, differenceMb), Math.max(0, -differenceMb), 0);
    }

    /** Both together; {@code later} has the later end. */
    public UsageChange then(UsageChange later) {
        return new UsageChange(
                later.at,
                least(minMb, later.minMb),
                most(maxMb, later.maxMb),
                later.endMb == null ? endMb : later.endMb,
                allocatedMb + later.allocatedMb,
                deallocatedMb + later.deallocatedMb,
                refused + later.refused);
    }

    private static @Nullable Long least(@Nullable Long a, @Nullable Long b) {
        return a == null ? b : b == null ? a : (Long) Math.min(a, b);
    }

    private static @Nullable Long most(@Nullable Long a, @Nullable Long b) {
        return a == null ? b : b == null ? a : (Long) Math.max(a, b);
    }
}
