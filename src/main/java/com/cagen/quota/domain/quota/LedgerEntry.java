package com.cagen.quota.domain.quota;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One line of the ledger.
 *
 * @param quotaVersion the version that the operation gave the quota
 * @param transferId the same in both entries of a transfer; else null
 * @param operation {@code allocate}, {@code deallocate}, or {@code adjust} in either direction
 * @param usageMb how much, 1 or more
 * @param differenceMb the same with its sign: what the resource holds more
 * @param usedMb what the quota has in use afterwards
 * @param heldMb what the resource holds on it afterwards
 */
public record LedgerEntry(
        String organizationId,
        String quotaId,
        long quotaVersion,
        UUID usageId,
        @Nullable UUID transferId,
        String resourceId,
        String operation,
        long usageMb,
        long differenceMb,
        String userId,
        String serviceId,
        @Nullable String reason,
        long usedMb,
        long heldMb,
        Instant createdAt) {
    /** The operation that sets what is recorded to what was observed. */
    public static final String ADJUST = "adjust";
}
