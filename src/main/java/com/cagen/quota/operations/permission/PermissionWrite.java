package com.cagen.quota.operations.permission;

import com.cagen.quota.domain.access.GrantExpiry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Permission;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a grant and a revocation have in common: the new owners and grants of one quota.
 *
 * @param quota before the change
 * @param ownerIds who owns the quota itself afterwards
 * @param granted what the user is granted afterwards, ownership aside
 * @param expiry of what is granted now; null for a revocation
 */
record PermissionWrite(
        Quota quota,
        String targetUserId,
        List<String> ownerIds,
        Set<Permission> granted,
        @Nullable GrantExpiry expiry) {

    static Set<Permission> copy(Collection<Permission> permissions) {
        Set<Permission> result = EnumSet.noneOf(Permission.class);
        result.addAll(permissions);
        return result;
    }

    Decision decide(String message, Rows rows, Context context) {
        Set<Permission> before = copy(rows.granted(quota.id(), targetUserId));
        boolean ownersChange = !ownerIds.equals(quota.ownerIds());
        boolean changed = ownersChange || !before.equals(granted) || (expiry != null && expiry.at() != null);
        String ownerId =
                quota.parentId() == null && !ownerIds.contains(quota.ownerId()) ? ownerIds.get(0) : quota.ownerId();
        // Also when nothing changes here: the auth service may have known less or more, and caches must forget it.
        Quota after = changed ? quota.withOwners(ownerId, ownerIds, context.now()) : quota.withGrantsForgotten();
        Change change = Change.of(message)
                .quota(QuotaChange.granted(
                        quota, after, new QuotaChange.Granted(targetUserId, before, granted, expiry)));
        if (ownersChange) {
            change.ownersBelow(after);
        }
        Set<Permission> held = copy(granted);
        if (after.ownedBy(targetUserId)) {
            held.add(Permission.OWNER);
        }
        return new Decision.Done(change.answer(json -> json.put("quota_id", quota.id())
                .put("target_user_id", targetUserId)
                .strings("permissions", names(held))));
    }

    private static List<String> names(Set<Permission> permissions) {
        return permissions.stream().map(Permission::wireName).toList();
    }
}
