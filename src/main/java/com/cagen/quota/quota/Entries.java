package com.cagen.quota.quota;

import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.Decision;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.Request;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Audit entries of operations: what was asked, the figures before and after, or why not. */
final class Entries {
    private Entries() {}

    static AuditEntry usage(UUID id, Request request, Decision.Usage decision, Instant now) {
        Operation.Usage usage = (Operation.Usage) request.operation();
        Quota after = decision.after();
        long delta = usage instanceof Operation.AllocateUsage ? usage.usageMb() : -usage.usageMb();
        return applied(id, request, after.id(), after.parentId(), after.version(), now, json -> json.put(
                        "used_mb_before", after.usedMb() - delta)
                .put("used_mb_after", after.usedMb())
                .put("held_mb_before", decision.heldMb() - delta)
                .put("held_mb_after", decision.heldMb()));
    }

    /** @param version that the change gave the quota; null when nothing changed */
    static AuditEntry applied(
            UUID id,
            Request request,
            @Nullable String quotaId,
            @Nullable String parentId,
            @Nullable Long version,
            Instant now,
            Consumer<JsonText> figures) {
        String details = JsonText.object(json -> {
            asked(request, json);
            figures.accept(json);
        });
        String action = request.operation().type().wireName();
        return entry(id, request, action, AuditEntry.APPLIED, quotaId, parentId, version, details, now);
    }

    /**
     * @param quota the quota addressed, when it is the caller's organization's; else null
     * @return null for refusals that are not audited: reads (a replayed credential aside), and quotas that are not there
     */
    static @Nullable AuditEntry refused(UUID id, Request request, @Nullable Quota quota, Refusal refusal, Instant now) {
        boolean replayed = refusal.code() == ErrorCode.CREDENTIAL_REPLAYED;
        boolean ruledOut = request.operation().type().change()
                && switch (refusal.code()) {
                    case PERMISSION_DENIED,
                            INSUFFICIENT_QUOTA,
                            INSUFFICIENT_USAGE,
                            QUOTA_SUSPENDED,
                            QUOTA_NOT_EMPTY,
                            LAST_OWNER,
                            HIERARCHY_VIOLATION,
                            IDEMPOTENCY_KEY_REUSED -> true;
                    default -> false;
                };
        if (!replayed && !ruledOut) {
            return null;
        }
        String details = JsonText.object(json -> {
            json.put("code", refusal.code().wireName());
            if (replayed) {
                json.put("operation", request.operation().type().wireName());
            } else {
                asked(request, json);
                json.raw("refusal", JsonText.object(inner -> inner.all(refusal.details())));
            }
        });
        String quotaId = quota == null ? null : quota.id();
        String parentId = quota == null ? null : quota.parentId();
        String action = replayed
                ? AuditEntry.CREDENTIAL_USE
                : request.operation().type().wireName();
        return entry(id, request, action, AuditEntry.REFUSED, quotaId, parentId, null, details, now);
    }

    private static AuditEntry entry(
            UUID id,
            Request request,
            String action,
            String outcome,
            @Nullable String quotaId,
            @Nullable String parentId,
            @Nullable Long version,
            String details,
            Instant now) {
        return new AuditEntry(
                id,
                request.caller().organizationId(),
                quotaId,
                parentId,
                version,
                action,
                outcome,
                request.caller().userId(),
                request.caller().serviceId(),
                target(request.operation()),
                details,
                request.requestId(),
                now);
    }

    private static @Nullable String target(Operation operation) {
        if (operation instanceof Operation.GrantPermission grant) {
            return grant.targetUserId();
        }
        return operation instanceof Operation.RevokePermission revoke ? revoke.targetUserId() : null;
    }

    private static List<String> names(List<Permission> permissions) {
        return permissions.stream().map(Permission::wireName).toList();
    }

    private static void asked(Request request, JsonText json) {
        Operation operation = request.operation();
        if (operation instanceof Operation.Usage usage) {
            json.put("resource_id", usage.resourceId())
                    .put("usage_mb", usage.usageMb())
                    .putIfPresent("reason", usage.reason());
        } else if (operation instanceof Operation.CreateQuota create) {
            json.put("name", create.name())
                    .put("type", create.quotaType().wireName())
                    .put("total_mb", create.totalMb())
                    .putIfPresent("team_id", create.teamId());
        } else if (operation instanceof Operation.AllocateQuota allocate) {
            json.put("name", allocate.name())
                    .put("type", allocate.quotaType().wireName())
                    .put("allocate_mb", allocate.allocateMb())
                    .putIfPresent("target_id", allocate.targetId())
                    .cutStrings("admin_user_ids", allocate.adminUserIds());
        } else if (operation instanceof Operation.SuspendQuota suspend) {
            json.putIfPresent("reason", suspend.reason());
        } else if (operation instanceof Operation.ResumeQuota resume) {
            json.putIfPresent("reason", resume.reason());
        } else if (operation instanceof Operation.GrantPermission grant) {
            json.strings("permissions", names(grant.permissions()));
        } else if (operation instanceof Operation.RevokePermission revoke) {
            json.strings("permissions", names(revoke.permissions()));
        }
        json.putIfPresent("idempotency_key", request.idempotencyKey());
    }
}
