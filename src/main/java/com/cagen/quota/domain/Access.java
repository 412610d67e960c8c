package com.cagen.quota.domain;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may do what. Ownership is in the quota's row; read and admin are what the auth service granted. Owners are never made
 * to wait for the auth service.
 */
public final class Access {
    private static final List<String> READ = List.of("read", "admin", "owner");
    private static final List<String> ADMIN = List.of("admin", "owner");
    private static final List<String> OWNER = List.of("owner");

    private Access() {}

    /**
     * Whether {@code caller} may do {@code operation}.
     *
     * @param quota the quota operated on; for {@link Operation.AllocateQuota} the parent-to-be
     * @param parent the quota's parent; needed to release, suspend and resume a child, ignored otherwise
     * @param operation one on an existing quota
     * @return null when allowed; {@link Decision.NeedsGrant} when the auth service has to be asked first; else the refusal
     * @throws IllegalArgumentException for an operation on no quota, or when the parent is needed and missing
     */
    public static @Nullable Decision check(
            Quota quota, @Nullable Quota parent, Caller caller, Operation operation, KnownGrants grants) {
        if (!(operation instanceof Operation.OnQuota)) {
            throw new IllegalArgumentException(operation.type() + " is not about one quota");
        }
        // An ancestor's owner is among the quota's inherited ones, so this covers the parent's owners too.
        if (quota.ownedBy(caller.userId())) {
            return null;
        }
        return switch (operation.type()) {
            case QUOTA_GET, USAGE_ALLOCATE, USAGE_DEALLOCATE, USAGE_HISTORY ->
                granted(Permission.READ, List.of(quota), grants);
            case QUOTA_ALLOCATE, AUDIT_LIST -> granted(Permission.ADMIN, List.of(quota), grants);
            case PERMISSION_GRANT ->
                changeOfGrants(quota, ((Operation.GrantPermission) operation).permissions(), grants);
            case PERMISSION_REVOKE ->
                changeOfGrants(quota, ((Operation.RevokePermission) operation).permissions(), grants);
            case QUOTA_RELEASE ->
                granted(
                        Permission.ADMIN,
                        quota.parentId() == null ? List.of(quota) : List.of(quota, given(quota, parent)),
                        grants);
            // A child's own admin must not lift what was imposed from above.
            case QUOTA_SUSPEND, QUOTA_RESUME ->
                quota.parentId() == null
                        ? Refusal.permissionDenied(OWNER)
                        : granted(Permission.ADMIN, List.of(given(quota, parent)), grants);
            case QUOTA_CREATE, QUOTA_LIST, USAGE_RUNTIMES ->
                throw new IllegalArgumentException(operation.type() + " is not about one quota");
        };
    }

    /** Whether {@code caller} may make this root: anybody of the organization, for a team only its members. Null: allowed. */
    public static @Nullable Refusal checkCreate(Caller caller, Operation.CreateQuota create) {
        if (create.quotaType() != QuotaType.TEAM) {
            return null;
        }
        String teamId = create.teamId();
        return teamId != null && caller.teamIds().contains(teamId)
                ? null
                : Refusal.permissionDenied(List.of("team_member"));
    }

    private static @Nullable Decision changeOfGrants(Quota quota, List<Permission> permissions, KnownGrants grants) {
        return permissions.contains(Permission.OWNER)
                ? Refusal.permissionDenied(OWNER)
                : granted(Permission.ADMIN, List.of(quota), grants);
    }

    /** Any one of the quotas will do; only what is unknown, and may still decide it, is asked about. */
    private static @Nullable Decision granted(Permission needed, List<Quota> quotas, KnownGrants grants) {
        List<String> unknown = new ArrayList<>(quotas.size());
        for (Quota quota : quotas) {
            Set<Permission> granted = grants.of(quota);
            if (granted == null) {
                unknown.add(quota.id());
            } else if (granted.contains(Permission.ADMIN) || granted.contains(needed)) {
                return null;
            }
        }
        return unknown.isEmpty()
                ? Refusal.permissionDenied(needed == Permission.READ ? READ : ADMIN)
                : new Decision.NeedsGrant(List.copyOf(unknown));
    }

    private static Quota given(Quota quota, @Nullable Quota parent) {
        if (parent == null || !parent.id().equals(quota.parentId())) {
            throw new IllegalArgumentException("The parent of " + quota.id() + " is needed to decide this");
        }
        return parent;
    }
}
