package com.cagen.quota.client;

import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A quota. Amounts are megabytes; {@code availableMb = totalMb - usedMb - reservedMb - allocatedMb}.
 *
 * @param version +1 with each change; 0 in the answer to a repeat that a release without versions recorded
 * @param key what programs call it among its siblings
 * @param drainToMb null unless it is draining: the total that it shrinks to
 * @param level 0 is a root
 * @param path {@code /root_id/…/id}
 * @param status the quota's own
 * @param effectiveStatus suspended when an ancestor is
 * @param myPermissions what the user has; only from {@link QuotaRequest.GetQuota} of today, else empty
 */
public record Quota(
        String id,
        long version,
        String name,
        @Nullable String description,
        @Nullable String key,
        QuotaType type,
        long totalMb,
        long usedMb,
        long reservedMb,
        long allocatedMb,
        long availableMb,
        @Nullable Long drainToMb,
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
        @Nullable Instant deletedAt,
        List<Permission> myPermissions) {

    static Quota of(JsonObject data) {
        return new Quota(
                data.getString("id"),
                data.getLong("version", 0L),
                data.getString("name"),
                data.getString("description"),
                data.getString("key"),
                QuotaType.ofWireName(data.getString("type")),
                data.getLong("total_mb"),
                data.getLong("used_mb"),
                data.getLong("reserved_mb", 0L),
                data.getLong("allocated_mb"),
                data.getLong("available_mb"),
                data.getLong("drain_to_mb"),
                data.getString("parent_quota_id"),
                data.getInteger("level"),
                data.getString("path"),
                data.getString("owner_id"),
                data.getString("organization_id"),
                data.getString("team_id"),
                QuotaStatus.ofWireName(data.getString("status")),
                QuotaStatus.ofWireName(data.getString("effective_status")),
                data.getInstant("created_at"),
                data.getInstant("updated_at"),
                data.getInstant("deleted_at"),
                Lists.permissions(data.getJsonArray("my_permissions", new JsonArray())));
    }
}
