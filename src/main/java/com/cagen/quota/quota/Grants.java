package com.cagen.quota.quota;

import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.PermissionChange;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.TreeRules;
import com.cagen.quota.storage.AuthOutboxRows;
import com.cagen.quota.storage.GrantRows;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * Grants and revokes, in two transactions. The first one decides and claims the target's grants on the quota. Then the auth
 * service is told, with no transaction open. The second one decides anew and, only while the claim holds, writes what the auth
 * service confirmed: owners, who are decided here, and the grants that listing shows. A claim that does not end like this has
 * the auth service told again what is recorded ({@link AuthOutboxRows}).
 */
final class Grants {
    private Grants() {}

    static Future<Step> grant(Attempt attempt, Operation.GrantPermission grant) {
        return attempt.onQuota(Attempt.Rows.QUOTA_LOCKED, (quota, ignored) -> {
            if (attempt.pending().told != Pending.Told.CONFIRMED) {
                return claim(attempt);
            }
            List<String> owners = new ArrayList<>(quota.ownerIds());
            if (grant.permissions().contains(Permission.OWNER) && !owners.contains(grant.targetUserId())) {
                owners.add(grant.targetUserId());
            }
            return recording(attempt, quota, grant.targetUserId(), before -> {
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
            if (attempt.pending().told != Pending.Told.CONFIRMED) {
                return claim(attempt);
            }
            List<String> owners = new ArrayList<>(quota.ownerIds());
            if (ownership) {
                owners.remove(revoke.targetUserId());
            }
            return recording(attempt, quota, revoke.targetUserId(), before -> {
                Set<Permission> after = EnumSet.noneOf(Permission.class);
                after.addAll(before);
                revoke.permissions().forEach(after::remove);
                return write(attempt, quota, revoke.targetUserId(), owners, before, after, "Permission revoked.");
            });
        });
    }

    /** What the auth service is told for {@code pending}, a grant or a revocation. */
    static PermissionChange change(Pending pending) {
        Caller caller = pending.request.caller();
        if (pending.operation() instanceof Operation.GrantPermission grant) {
            return new PermissionChange(
                    pending.id, caller, grant.quotaId(), grant.targetUserId(), grant.permissions(), true);
        }
        Operation.RevokePermission revoke = (Operation.RevokePermission) pending.operation();
        return new PermissionChange(
                pending.id, caller, revoke.quotaId(), revoke.targetUserId(), revoke.permissions(), false);
    }

    private static Future<Step> claim(Attempt attempt) {
        Pending pending = attempt.pending();
        return AuthOutboxRows.beginChange(
                        attempt.connection(), change(pending), pending.operationKey(), attempt.claimMillis())
                .map(claimed -> {
                    if (!claimed) {
                        return new Step.Wait();
                    }
                    pending.claimed = true;
                    return new Step.Tell();
                });
    }

    /** Ends the claim and lets {@code write} go on with what {@code user} held, which has not changed since the claim. */
    private static Future<Step> recording(
            Attempt attempt, Quota quota, String user, Function<Set<Permission>, Future<Step>> write) {
        return AuthOutboxRows.endChange(attempt.connection(), change(attempt.pending()))
                .compose(ended -> ended
                        ? GrantRows.find(attempt.connection(), quota.organizationId(), quota.id(), user)
                                .compose(write)
                        : Future.succeededFuture(new Step.Settled(Refusal.of(
                                ErrorCode.AUTH_UNAVAILABLE, "Telling the auth service took too long; try again."))));
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

    /** Owners of a quota own everything below it: writes that into the rows below. */
    private static Future<Void> passOn(Attempt attempt, Quota root) {
        return QuotaRows.lockBelow(attempt.connection(), root)
                .compose(below -> QuotaRows.passOwnersOn(attempt.connection(), root, below));
    }

    private static List<String> names(Set<Permission> permissions) {
        return permissions.stream().map(Permission::wireName).toList();
    }
}
