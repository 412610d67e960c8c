package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.JsonText;

/** A quota as answers show it (contract, sections 3 and 7). */
public final class QuotaJson {
    private QuotaJson() {}

    public static void write(Quota quota, JsonText json) {
        json.put("id", quota.id())
                .put("version", quota.version())
                .put("name", quota.name())
                .put("description", quota.description())
                .put("key", quota.key())
                .put("type", quota.type().wireName())
                .put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("reserved_mb", quota.reservedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb())
                .put("drain_to_mb", quota.drainToMb())
                .put("parent_quota_id", quota.parentId())
                .put("level", quota.level())
                .put("path", quota.path())
                .put("owner_id", quota.ownerId())
                .put("organization_id", quota.organizationId())
                .put("team_id", quota.teamId())
                .put("status", quota.status().wireName())
                .put("effective_status", quota.effectiveStatus().wireName())
                .put("created_at", quota.createdAt())
                .put("updated_at", quota.updatedAt())
                .put("deleted_at", quota.deletedAt());
    }
}
