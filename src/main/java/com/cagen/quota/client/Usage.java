package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.time.Instant;

/**
 * What a usage operation did, and the quota's figures afterwards, in megabytes.
 *
 * @param operation {@code allocate} or {@code deallocate}
 * @param heldMb what the resource now holds on this quota
 */
public record Usage(
        String usageId,
        String quotaId,
        String resourceId,
        String operation,
        long usageMb,
        long heldMb,
        long totalMb,
        long usedMb,
        long reservedMb,
        long allocatedMb,
        long availableMb,
        Instant createdAt) {

    static Usage of(JsonObject data) {
        return new Usage(
                data.getString("usage_id"),
                data.getString("quota_id"),
                data.getString("resource_id"),
                data.getString("operation"),
                data.getLong("usage_mb"),
                data.getLong("held_mb"),
                data.getLong("total_mb"),
                data.getLong("used_mb"),
                data.getLong("reserved_mb", 0L),
                data.getLong("allocated_mb"),
                data.getLong("available_mb"),
                data.getInstant("created_at"));
    }
}
