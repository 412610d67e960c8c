package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.QuotaType;
import org.jspecify.annotations.Nullable;

/** The rules of the shape of a tree. Each gives the refusal, or null when the rule holds. */
final class Hierarchy {
    private Hierarchy() {}

    /** Of a quota that is there, below another parent. */
    static @Nullable Refusal misplaced(Quota quota, Quota parent) {
        return quota.type() == QuotaType.TEAM ? misplacedTeam(parent, quota.teamId()) : misplacedOrganization(parent);
    }

    static @Nullable Refusal misplacedTeam(Quota parent, @Nullable String teamId) {
        if (teamId == null || teamId.isEmpty()) {
            return violation("A team quota needs the team that it is for.");
        }
        return parent.type() == QuotaType.TEAM && !teamId.equals(parent.teamId())
                ? violation("A team's quota can be divided only within the same team.")
                : null;
    }

    static @Nullable Refusal misplacedOrganization(Quota parent) {
        return parent.type() == QuotaType.TEAM
                ? violation("A team's quota cannot have an organization's quota below it.")
                : null;
    }

    /** Of a quota for another organization. */
    static Refusal foreign() {
        return violation("An organization's quota can be divided only within the same organization.");
    }

    /** @param levelsBelow how many levels the quota below the parent has below itself */
    static @Nullable Refusal tooDeep(Quota parent, int levelsBelow) {
        return parent.level() + 1 + levelsBelow > Quota.MAX_LEVEL
                ? violation("Quotas nest at most " + (Quota.MAX_LEVEL + 1)
                        + " levels deep; this one's parent is on level " + parent.level() + ", counted from 0"
                        + (levelsBelow == 0 ? "." : ", and it has " + levelsBelow + " levels below it."))
                : null;
    }

    /** @param more how many quotas the tree gets */
    static @Nullable Refusal tooManyQuotas(long treeSize, long more) {
        return treeSize + more > Quota.MAX_TREE
                ? violation("A root and what is below it are at most " + Quota.MAX_TREE + " quotas; this tree has "
                        + treeSize + " or more. Release some, or create another root.")
                : null;
    }

    static Refusal violation(String message) {
        return Refusal.of(ErrorCode.HIERARCHY_VIOLATION, message);
    }
}
