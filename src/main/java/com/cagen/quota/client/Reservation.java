package com.cagen.quota.client;

import com.cagen.quota.protocol.ReservationStatus;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Capacity that is held for a resource. Amounts are megabytes.
 *
 * @param reservedMb what it holds, or held before it ended
 * @param committedMb what became usage
 * @param closedAt null while it is held
 * @param figures of its quota; null in a list
 */
public record Reservation(
        String id,
        String quotaId,
        String resourceId,
        long reservedMb,
        long committedMb,
        ReservationStatus status,
        Instant expiresAt,
        Instant createdAt,
        @Nullable Instant closedAt,
        @Nullable Figures figures) {

    /** How the quota's capacity is divided. */
    public record Figures(long totalMb, long usedMb, long reservedMb, long allocatedMb, long availableMb) {}

    static Reservation of(JsonObject data) {
        return new Reservation(
                data.getString("reservation_id"),
                data.getString("quota_id"),
                data.getString("resource_id"),
                data.getLong("reserved_mb"),
                data.getLong("committed_mb"),
                ReservationStatus.ofWireName(data.getString("status")),
                data.getInstant("expires_at"),
                data.getInstant("created_at"),
                data.getInstant("closed_at"),
                data.containsKey("total_mb")
                        ? new Figures(
                                data.getLong("total_mb"),
                                data.getLong("used_mb"),
                                data.getLong("quota_reserved_mb"),
                                data.getLong("allocated_mb"),
                                data.getLong("available_mb"))
                        : null);
    }
}
