package com.cagen.quota.domain.access;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Permission;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Who may do what. Ownership is in the quota's row; read and admin are what the auth service granted. An owner never waits for
 * the auth service.
 */
public final class Access {
    private static final Result ALLOWED = new Result.Allowed();
    private static final List<String> READ = List.of("read", "admin", "owner");
    private static final List<String> ADMIN = List.of("admin", "owner");
    private static final List<String> OWNER = List.of("owner");
    private static final List<String> SYSTEM = List.of("system");

    private Access() {}

    /** Whether a caller may go on. */
    public sealed interface Result {
        record Allowed() implements Result {}

        record Denied(Refusal refusal) implements Result {}

        /** The auth service must be asked about these quotas first. */
        record Unknown(List<String> quotaIds) implements Result {}
    }

    /** For operations that need no permission on a quota. */
    public static Result allowed() {
        return ALLOWED;
    }

    /** Owner, admin or read on the quota. */
    public static Result read(Quota quota, Caller caller, KnownGrants grants) {
        return check(Permission.READ, List.of(quota), caller, grants);
    }

    /** Owner or admin on any one of the quotas. */
    public static Result admin(List<Quota> quotas, Caller caller, KnownGrants grants) {
        return check(Permission.ADMIN, quotas, caller, grants);
    }

    /** Owner or admin on the quota. */
    public static Result admin(Quota quota, Caller caller, KnownGrants grants) {
        return check(Permission.ADMIN, List.of(quota), caller, grants);
    }

    /** Owner of the quota or of an ancestor. */
    public static Result owner(Quota quota, Caller caller) {
        return quota.ownedBy(caller.userId()) ? ALLOWED : new Result.Denied(Refusal.permissionDenied(OWNER));
    }

    /** The service itself, and no client. */
    public static Result system(Caller caller) {
        return caller.isSystem() ? ALLOWED : new Result.Denied(Refusal.permissionDenied(SYSTEM));
    }

    /** Both must be allowed. What is unknown of either is asked about at once. */
    public static Result both(Result one, Result other) {
        if (one instanceof Result.Unknown first && other instanceof Result.Unknown second) {
            List<String> unknown = new ArrayList<>(first.quotaIds());
            unknown.addAll(second.quotaIds());
            return new Result.Unknown(List.copyOf(unknown));
        }
        return one instanceof Result.Denied || other instanceof Result.Allowed ? one : other;
    }

    /** What the caller has on the quota, with all that it implies: as far as it is known. */
    public static Set<Permission> held(Quota quota, Caller caller, KnownGrants grants) {
        if (quota.ownedBy(caller.userId())) {
            return EnumSet.allOf(Permission.class);
        }
        Set<Permission> granted = grants.of(quota);
        if (granted == null || granted.isEmpty()) {
            return EnumSet.noneOf(Permission.class);
        }
        return granted.contains(Permission.ADMIN)
                ? EnumSet.of(Permission.READ, Permission.ADMIN)
                : EnumSet.of(Permission.READ);
    }

    /** Any one of the quotas is enough. Only what is unknown, and may still decide, is asked about. */
    private static Result check(Permission needed, List<Quota> quotas, Caller caller, KnownGrants grants) {
        for (Quota quota : quotas) {
            if (quota.ownedBy(caller.userId())) {
                return ALLOWED;
            }
        }
        List<String> unknown = new ArrayList<>(quotas.size());
        for (Quota quota : quotas) {
            Set<Permission> granted = grants.of(quota);
            if (granted == null) {
                unknown.add(quota.id());
            } else if (granted.contains(Permission.ADMIN) || granted.contains(needed)) {
                return ALLOWED;
            }
        }
        return unknown.isEmpty()
                ? new Result.Denied(Refusal.permissionDenied(needed == Permission.READ ? READ : ADMIN))
                : new Result.Unknown(List.copyOf(unknown));
    }
}
