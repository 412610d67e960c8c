package com.cagen.quota.client;

import com.cagen.quota.protocol.IncreaseStatus;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A request for a larger quota. Amounts are megabytes.
 *
 * @param totalMb what the quota is to have
 * @param totalMbBefore what it had when this was asked for
 * @param decidedBy null while it is pending, as is {@code decidedAt}
 */
public record Increase(
        String id,
        String quotaId,
        long totalMb,
        long totalMbBefore,
        String reason,
        IncreaseStatus status,
        String requestedBy,
        Instant createdAt,
        @Nullable String decidedBy,
        @Nullable Instant decidedAt,
        @Nullable String decisionReason) {

    static Increase of(JsonObject data) {
        return new Increase(
                data.getString("increase_id"),
                data.getString("quota_id"),
                data.getLong("total_mb"),
                data.getLong("total_mb_before"),
                data.getString("reason"),
                IncreaseStatus.ofWireName(data.getString("status")),
                data.getString("requested_by"),
                data.getInstant("created_at"),
                data.getString("decided_by"),
                data.getInstant("decided_at"),
                data.getString("decision_reason"));
    }
}
