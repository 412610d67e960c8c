package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A quota. Amounts are megabytes; {@code availableMb = totalMb - usedMb - allocatedMb}.
 *
 * @param level 0 is a root
 * @param path {@code /root_id/…/id}
 * @param status the quota's own
 * @param effectiveStatus suspended when an ancestor is
 */
public record Quota(
        String id,
        String name,
        @Nullable String description,
        QuotaType type,
        long totalMb,
        long usedMb,
        long allocatedMb,
        long availableMb,
        @Nullable String parentQuotaId,
        int level,
        String path,
        String ownerId,
        String organizationId,
        @Nullable String teamId,
        QuotaStatus status,
        QuotaStatus effectiveStatus,
        Instant createdAt,
        Instant updatedAt,
        @Nullable Instant deletedAt) {

    static Quota of(JsonObject data) {
        return new Quota(
                data.getString("id"),
                data.getString("name"),
                data.getString("description"),
                QuotaType.of(data.getString("type")),
                data.getLong("total_mb"),
                data.getLong("used_mb"),
                data.getLong("allocated_mb"),
                data.getLong("available_mb"),
                data.getString("parent_quota_id"),
                data.getInteger("level"),
                data.getString("path"),
                data.getString("owner_id"),
                data.getString("organization_id"),
                data.getString("team_id"),
                QuotaStatus.of(data.getString("status")),
                QuotaStatus.of(data.getString("effective_status")),
                data.getInstant("created_at"),
                data.getInstant("updated_at"),
                data.getInstant("deleted_at"));
    }
}
