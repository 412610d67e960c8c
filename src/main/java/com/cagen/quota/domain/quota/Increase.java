package com.cagen.quota.domain.quota;

import com.cagen.quota.protocol.IncreaseStatus;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Somebody's request for a larger quota. Amounts are megabytes.
 *
 * @param totalMb what the quota is to have
 * @param totalMbBefore what it had when this was asked for
 * @param decision null while it is pending
 */
public record Increase(
        String organizationId,
        String id,
        String quotaId,
        long totalMb,
        long totalMbBefore,
        String reason,
        IncreaseStatus status,
        String requestedBy,
        Instant createdAt,
        @Nullable Decision decision) {
    private static final String PREFIX = "increase_";
    private static final int HEX_DIGITS = 32;

    /** Who ended it, or withdrew it. */
    public record Decision(String by, Instant at, @Nullable String reason) {}

    /** The id of the request that an operation makes. It holds the quota's: so whoever has the id knows which quota to lock. */
    public static String idOf(UUID operationId, String quotaId) {
        return PREFIX + operationId.toString().replace("-", "") + "_" + quotaId;
    }

    /** The quota that an id holds; the id itself, which is no quota's, when it holds none. */
    public static String quotaIdOf(String id) {
        int end = PREFIX.length() + HEX_DIGITS;
        return id.startsWith(PREFIX) && id.length() > end + 1 && id.charAt(end) == '_' ? id.substring(end + 1) : id;
    }

    public boolean pending() {
        return status == IncreaseStatus.PENDING;
    }

    /** With its end. */
    public Increase decided(IncreaseStatus newStatus, Decision newDecision) {
        if (!pending()) {
            throw new IllegalStateException("it was decided already");
        }
        return new Increase(
                organizationId,
                id,
                quotaId,
                totalMb,
                totalMbBefore,
                reason,
                newStatus,
                requestedBy,
                createdAt,
                newDecision);
    }
}
