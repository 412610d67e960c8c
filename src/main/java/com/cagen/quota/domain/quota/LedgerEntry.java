package com.cagen.quota.domain.quota;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One line of the ledger.
 *
 * @param quotaVersion the version that the operation gave the quota
 * @param transferId the same in both entries of a transfer; else null
 * @param operation {@code allocate} or {@code deallocate}
 * @param usageMb how much, 1 or more
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
        String userId,
        String serviceId,
        @Nullable String reason,
        long usedMb,
        long heldMb,
        Instant createdAt) {}
