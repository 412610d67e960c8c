package com.cagen.quota.quota;

import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.TreeRules;
import com.cagen.quota.storage.GrantRows;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Grants and revokes. The auth service is told first, with no transaction open; what it confirmed is then written here:
 * owners, who are decided here, and the grants that listing shows.
 */
final class Grants {
    private Grants() {}

    static Future<Step> grant(Attempt attempt, Operation.GrantPermission grant) {
        return attempt.onQuota(Attempt.Rows.QUOTA_LOCKED, (quota, ignored) -> {
            if (!attempt.pending().told) {
                return Future.succeededFuture(new Step.Tell());
            }
            List<String> owners = new ArrayList<>(quota.ownerIds());
            if (grant.permissions().contains(Permission.OWNER) && !owners.contains(grant.targetUserId())) {
                owners.add(grant.targetUserId());
            }
            return held(attempt, quota, grant.targetUserId()).compose(before -> {
                Set<Permission> after = EnumSet.noneOf(Permission.class);
                after.addAll(before);
                after.addAll(grant.permissions());
                after.remove(Permission.OWNER);
                return write(attempt, quota, grant.targetUserId(), owners, before, after, "Permission granted.");
            });
        });
    }

    static Future<Step> revoke(Attempt attempt, Operation.RevokePermission revoke) {
        return attempt.onQuota(Attempt.Rows.QUOTA_LOCKED, (quota, ignored) -> {
            boolean ownership = revoke.permissions().contains(Permission.OWNER);
            Refusal lastOwner = ownership ? TreeRules.revokeOwner(quota, revoke.targetUserId()) : null;
            if (lastOwner != null) {
                return attempt.refuse(quota, lastOwner);
            }
            if (!attempt.pending().told) {
                return Future.succeededFuture(new Step.Tell());
            }
            List<String> owners = new ArrayList<>(quota.ownerIds());
            if (ownership) {
                owners.remove(revoke.targetUserId());
            }
            return held(attempt, quota, revoke.targetUserId()).compose(before -> {
                Set<Permission> after = EnumSet.noneOf(Permission.class);
                after.addAll(before);
                revoke.permissions().forEach(after::remove);
                return write(attempt, quota, revoke.targetUserId(), owners, before, after, "Permission revoked.");
            });
        });
    }

    private static Future<Set<Permission>> held(Attempt attempt, Quota quota, String user) {
        return GrantRows.find(attempt.connection(), quota.organizationId(), quota.id(), user);
    }

    private static Future<Step> write(
            Attempt attempt,
            Quota quota,
            String user,
            List<String> owners,
            Set<Permission> before,
            Set<Permission> after,
            String message) {
        boolean ownersChange = !owners.equals(quota.ownerIds());
        boolean changed = ownersChange || !before.equals(after);
        String ownerId =
                quota.parentId() == null && !owners.contains(quota.ownerId()) ? owners.get(0) : quota.ownerId();
        // Also when nothing changes here: the auth service may have known less or more, and caches must forget it.
        Quota written = changed ? quota.withOwners(ownerId, owners, attempt.now()) : quota.withGrantsForgotten();
        Future<Void> below = ownersChange ? passOn(attempt, written) : Future.succeededFuture();
        Set<Permission> now = EnumSet.noneOf(Permission.class);
        now.addAll(after);
        if (written.ownedBy(user)) {
            now.add(Permission.OWNER);
        }
        return below.compose(ignored -> QuotaRows.updateState(attempt.connection(), written))
                .compose(ignored ->
                        GrantRows.write(attempt.connection(), quota.organizationId(), quota.id(), user, after))
                .compose(ignored -> attempt.done(
                        message,
                        JsonText.object(json -> json.put("quota_id", quota.id())
                                .put("target_user_id", user)
                                .strings("permissions", names(now))),
                        Entries.applied(
                                attempt.pending().id,
                                attempt.request(),
                                quota.id(),
                                quota.parentId(),
                                changed ? written.version() : null,
                                attempt.now(),
                                json -> json.strings("granted_before", names(before))
                                        .strings("granted_after", names(after))
                                        .strings("owners_before", quota.ownerIds())
                                        .strings("owners_after", owners))));
    }

    /** Owners of a quota own everything below it: writes that into each row, parents before children. */
    private static Future<Void> passOn(Attempt attempt, Quota root) {
        return QuotaRows.lockBelow(attempt.connection(), root).compose(below -> {
            Map<String, Quota> done = new HashMap<>();
            done.put(root.id(), root);
            Future<Void> written = Future.succeededFuture();
            for (Quota quota : below.stream()
                    .sorted((a, b) -> Integer.compare(a.level(), b.level()))
                    .toList()) {
                Quota parent = done.get(quota.parentId());
                if (parent == null) {
                    throw new IllegalStateException("a quota below without its parent: " + quota.id());
                }
                Quota after = quota.withOwnersOf(parent);
                done.put(quota.id(), after);
                if (!after.equals(quota)) {
                    written = written.compose(ignored -> QuotaRows.updateState(attempt.connection(), after));
                }
            }
            return written;
        });
    }

    private static List<String> names(Set<Permission> permissions) {
        return permissions.stream().map(Permission::wireName).toList();
    }
}
