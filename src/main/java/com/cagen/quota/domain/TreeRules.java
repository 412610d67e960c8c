package com.cagen.quota.domain;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** When the tree of quotas may change. All take locked rows of quotas that are not deleted; null means allowed. */
public final class TreeRules {
    private TreeRules() {}

    /**
     * Whether a child may be cut out of {@code parent}.
     *
     * @return null, or {@link ErrorCode#HIERARCHY_VIOLATION}, {@link ErrorCode#QUOTA_SUSPENDED}, {@link
     *     ErrorCode#INSUFFICIENT_QUOTA}, in this order
     */
    public static @Nullable Refusal allocate(Quota parent, Caller caller, Operation.AllocateQuota op) {
        Refusal misplaced = op.quotaType() == QuotaType.TEAM
                ? misplacedTeam(parent, op.targetId())
                : misplacedOrganization(parent, caller, op.targetId());
        if (misplaced != null) {
            return misplaced;
        }
        if (parent.level() >= Quota.MAX_LEVEL) {
            return violation("Quotas nest at most " + (Quota.MAX_LEVEL + 1)
                    + " levels deep; this one's parent is on level " + parent.level() + ", counted from 0.");
        }
        if (parent.suspendedBy() != null) {
            return Refusal.quotaSuspended(parent.suspendedBy());
        }
        return op.allocateMb() > parent.availableMb() ? Refusal.insufficientQuota(parent, op.allocateMb()) : null;
    }

    /**
     * Whether a tree may grow by one quota.
     *
     * @param living quotas of the tree that are not deleted, its root included; {@link Quota#MAX_TREE} stands for more as well
     * @return null, or {@link ErrorCode#HIERARCHY_VIOLATION}
     */
    public static @Nullable Refusal grow(long living) {
        return living < Quota.MAX_TREE
                ? null
                : violation("A root and what is below it are at most " + Quota.MAX_TREE + " quotas; this tree has "
                        + living + " or more. Release some, or create another root.");
    }

    /** Only what is empty may be released: {@link ErrorCode#QUOTA_NOT_EMPTY} otherwise. */
    public static @Nullable Refusal release(Quota quota) {
        if (quota.usedMb() == 0 && quota.allocatedMb() == 0) {
            return null;
        }
        return new Refusal(
                ErrorCode.QUOTA_NOT_EMPTY,
                "The quota still has " + quota.usedMb() + " MB used and " + quota.allocatedMb()
                        + " MB allocated to others; both must be 0 to release it.",
                Map.of("used_mb", quota.usedMb(), "allocated_mb", quota.allocatedMb()));
    }

    /**
     * Whether {@code targetUserId} may lose ownership of {@code quota} itself: a root never loses its last owner ({@link
     * ErrorCode#LAST_OWNER}); below it there is always an inherited one.
     */
    public static @Nullable Refusal revokeOwner(Quota quota, String targetUserId) {
        return quota.parentId() == null && quota.ownerIds().equals(List.of(targetUserId))
                ? Refusal.of(
                        ErrorCode.LAST_OWNER,
                        "This is the root quota's last owner; make somebody else its owner first.")
                : null;
    }

    private static @Nullable Refusal misplacedTeam(Quota parent, @Nullable String targetId) {
        if (targetId == null || targetId.isEmpty()) {
            return violation("A team quota needs the team that it is for.");
        }
        return parent.type() == QuotaType.TEAM && !targetId.equals(parent.teamId())
                ? violation("A team's quota can be divided only within the same team.")
                : null;
    }

    private static @Nullable Refusal misplacedOrganization(Quota parent, Caller caller, @Nullable String targetId) {
        if (parent.type() == QuotaType.TEAM) {
            return violation("A team's quota cannot have an organization's quota below it.");
        }
        return targetId == null || targetId.isEmpty() || targetId.equals(caller.organizationId())
                ? null
                : violation("An organization's quota can be divided only within the same organization.");
    }

    private static Refusal violation(String message) {
        return Refusal.of(ErrorCode.HIERARCHY_VIOLATION, message);
    }
}
