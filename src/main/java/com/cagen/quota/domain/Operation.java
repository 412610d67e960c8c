package com.cagen.quota.domain;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a caller asks for, decoded and within the limits of the contract. Amounts are megabytes from 1 to {@link
 * Amounts#MAX_MB}; a null means that the field was absent.
 */
public sealed interface Operation {

    OperationType type();

    /** An operation on one existing quota: for {@link AllocateQuota} the parent. */
    sealed interface OnQuota extends Operation {
        String quotaId();
    }

    /** An operation that changes what a resource holds on a quota. */
    sealed interface Usage extends OnQuota {
        String resourceId();

        long usageMb();

        @Nullable
        String reason();
    }

    /** Makes a root quota. */
    record CreateQuota(
            String name,
            @Nullable String description,
            QuotaType quotaType,
            long totalMb,
            @Nullable String teamId) implements Operation {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_CREATE;
        }
    }

    /** Cuts a child out of the parent {@code quotaId}; {@code targetId} is a team's or an organization's id. */
    record AllocateQuota(
            String quotaId,
            String name,
            @Nullable String description,
            long allocateMb,
            QuotaType quotaType,
            @Nullable String targetId,
            List<String> adminUserIds)
            implements OnQuota {
        public AllocateQuota {
            adminUserIds = List.copyOf(adminUserIds);
        }

        @Override
        public OperationType type() {
            return OperationType.QUOTA_ALLOCATE;
        }
    }

    record ReleaseQuota(String quotaId) implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_RELEASE;
        }
    }

    record SuspendQuota(String quotaId, @Nullable String reason) implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_SUSPEND;
        }
    }

    record ResumeQuota(String quotaId, @Nullable String reason) implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_RESUME;
        }
    }

    record GetQuota(String quotaId) implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_GET;
        }
    }

    /** {@code page} counts from 1; {@code status} is never {@link QuotaStatus#DELETED}. */
    record ListQuotas(
            int page,
            int pageSize,
            @Nullable QuotaType quotaType,
            @Nullable QuotaStatus status,
            @Nullable String teamId,
            @Nullable String parentQuotaId)
            implements Operation {
        @Override
        public OperationType type() {
            return OperationType.QUOTA_LIST;
        }
    }

    record AllocateUsage(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason) implements Usage {
        @Override
        public OperationType type() {
            return OperationType.USAGE_ALLOCATE;
        }
    }

    record DeallocateUsage(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason) implements Usage {
        @Override
        public OperationType type() {
            return OperationType.USAGE_DEALLOCATE;
        }
    }

    /** {@code from} is inclusive, {@code to} exclusive; {@code cursor} is what an earlier answer gave. */
    record UsageHistory(
            String quotaId,
            @Nullable String resourceId,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst)
            implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.USAGE_HISTORY;
        }
    }

    record ListRuntimes(int page, int pageSize) implements Operation {
        @Override
        public OperationType type() {
            return OperationType.USAGE_RUNTIMES;
        }
    }

    record GrantPermission(String quotaId, String targetUserId, List<Permission> permissions) implements OnQuota {
        /** {@code permissions} is not empty; repeats and order carry no meaning. */
        public GrantPermission {
            permissions = permissions.stream().distinct().sorted().toList();
        }

        @Override
        public OperationType type() {
            return OperationType.PERMISSION_GRANT;
        }
    }

    record RevokePermission(String quotaId, String targetUserId, List<Permission> permissions) implements OnQuota {
        /** {@code permissions} is not empty; repeats and order carry no meaning. */
        public RevokePermission {
            permissions = permissions.stream().distinct().sorted().toList();
        }

        @Override
        public OperationType type() {
            return OperationType.PERMISSION_REVOKE;
        }
    }

    /** {@code action} is an operation's wire name or {@code credential.use}; {@code cursor} is what an earlier answer gave. */
    record ListAudit(
            String quotaId,
            @Nullable String action,
            @Nullable String actor,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst)
            implements OnQuota {
        @Override
        public OperationType type() {
            return OperationType.AUDIT_LIST;
        }
    }
}
