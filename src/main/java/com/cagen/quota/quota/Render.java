package com.cagen.quota.quota;

import com.cagen.quota.domain.Decision;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Quota;
import java.time.Instant;
import java.util.UUID;

/** The {@code data} objects of answers (contract, section 3) that more than one operation gives. */
final class Render {
    private Render() {}

    static String quota(Quota quota) {
        return JsonText.object(json -> quota(quota, json));
    }

    static void quota(Quota quota, JsonText json) {
        json.put("id", quota.id())
                .put("name", quota.name())
                .put("description", quota.description())
                .put("type", quota.type().wireName())
                .put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb())
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

    static String usage(UUID id, Operation.Usage usage, Decision.Usage decision, Instant now) {
        Quota quota = decision.after();
        return JsonText.object(json -> json.put("usage_id", id.toString())
                .put("quota_id", quota.id())
                .put("resource_id", usage.resourceId())
                .put("operation", verb(usage))
                .put("usage_mb", usage.usageMb())
                .put("held_mb", decision.heldMb())
                .put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb())
                .put("created_at", now));
    }

    /** {@code allocate} or {@code deallocate}. */
    static String verb(Operation.Usage usage) {
        return usage instanceof Operation.AllocateUsage ? "allocate" : "deallocate";
    }
}
