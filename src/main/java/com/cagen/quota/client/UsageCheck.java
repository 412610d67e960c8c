package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * Whether a resource could use capacity, and the quota's figures at that moment, in megabytes.
 *
 * @param heldMb what the resource holds on this quota
 * @param code the wire name of the error that the request would be refused with; null when it could
 * @param error the same as a sentence; null when it could
 */
public record UsageCheck(
        boolean allowed,
        long heldMb,
        long totalMb,
        long usedMb,
        long reservedMb,
        long allocatedMb,
        long availableMb,
        @Nullable String code,
        @Nullable String error) {

    static UsageCheck of(JsonObject data) {
        JsonObject refusal = data.getJsonObject("refusal", new JsonObject());
        return new UsageCheck(
                data.getBoolean("allowed"),
                data.getLong("held_mb"),
                data.getLong("total_mb"),
                data.getLong("used_mb"),
                data.getLong("reserved_mb"),
                data.getLong("allocated_mb"),
                data.getLong("available_mb"),
                refusal.getString("code"),
                refusal.getString("error"));
    }
}
