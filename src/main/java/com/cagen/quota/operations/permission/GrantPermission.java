package com.cagen.quota.operations.permission;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.GrantExpiry;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Permission;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Grants permissions on a quota. The auth service confirms first; ownership is decided here. */
public final class GrantPermission extends RowOperation<GrantPermission.Command> {
    /**
     * {@code permissions} is not empty; repeats and order carry no meaning.
     *
     * @param expiresAt until when these are granted; null: until they are revoked
     */
    public record Command(
            String quotaId,
            String targetUserId,
            List<Permission> permissions,
            @Nullable Instant expiresAt) implements Input {
        public Command {
            permissions = permissions.stream().distinct().sorted().toList();
        }

        public Command(String quotaId, String targetUserId, List<Permission> permissions) {
            this(quotaId, targetUserId, permissions, null);
        }
    }

    public GrantPermission() {
        super(
                new OperationName("permission.grant", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/permissions/grant"));
    }

    @Override
    public void check(Fields fields) {
        if (fields.timestamp("expires_at") != null
                && fields.texts("permissions").contains("owner")) {
            fields.reject("expires_at", "is not for owner, which lasts until it is revoked");
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(), fields.text("target_user_id"), fields.permissions(), fields.timestamp("expires_at"));
    }

    @Override
    public void need(Command command, Needs needs) {
        if (command.permissions.contains(Permission.OWNER)) {
            // Owners of a quota own everything below it.
            needs.lockWithSubtree(command.quotaId);
        } else {
            needs.lock(command.quotaId);
        }
        needs.granted(command.quotaId, command.targetUserId);
    }

    /** Admin; for ownership, an owner. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId);
        return command.permissions.contains(Permission.OWNER)
                ? Access.owner(quota, caller)
                : Access.admin(quota, caller, grants);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Instant expiresAt = command.expiresAt;
        if (!context.toldAuth()) {
            if (expiresAt != null && !expiresAt.isAfter(context.now())) {
                Violation past = new Violation("expires_at", "must be in the future");
                return new Decision.Refused(Violation.refuse(List.of(past)).refusal());
            }
            return new Decision.TellAuth(new PermissionChange(
                    context.operationId(),
                    context.caller(),
                    command.quotaId,
                    command.targetUserId,
                    command.permissions,
                    true,
                    expiresAt));
        }
        Set<Permission> granted = PermissionWrite.copy(rows.granted(command.quotaId, command.targetUserId));
        granted.addAll(command.permissions);
        granted.remove(Permission.OWNER);
        Set<String> owners = new LinkedHashSet<>(quota.ownerIds());
        if (command.permissions.contains(Permission.OWNER)) {
            owners.add(command.targetUserId);
        }
        GrantExpiry expiry = new GrantExpiry(Set.copyOf(command.permissions), expiresAt);
        return new PermissionWrite(quota, command.targetUserId, List.copyOf(owners), granted, expiry)
                .decide("Permission granted.", rows, context);
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.strings(
                "permissions",
                command.permissions.stream().map(Permission::wireName).toList());
        if (command.expiresAt != null) {
            details.put("expires_at", command.expiresAt);
        }
    }

    @Override
    public String targetUserId(Command command) {
        return command.targetUserId;
    }
}
