package com.cagen.quota.operations.permission;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import java.util.List;
import java.util.Set;

/** Revokes permissions on a quota. A root keeps its last owner; revoking what is not held changes nothing. */
public final class RevokePermission extends RowOperation<RevokePermission.Command> {
    /** {@code permissions} is not empty; repeats and order carry no meaning. */
    public record Command(String quotaId, String targetUserId, List<Permission> permissions) implements Input {
        public Command {
            permissions = permissions.stream().distinct().sorted().toList();
        }
    }

    public RevokePermission() {
        super(
                new OperationName("permission.revoke", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/permissions/revoke"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.text("target_user_id"), fields.permissions());
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
        boolean ownership = command.permissions.contains(Permission.OWNER);
        if (ownership && quota.parentId() == null && quota.ownerIds().equals(List.of(command.targetUserId))) {
            return new Decision.Refused(Refusal.of(
                    ErrorCode.LAST_OWNER, "This is the root quota's last owner; make somebody else its owner first."));
        }
        if (!context.toldAuth()) {
            return new Decision.TellAuth(new PermissionChange(
                    context.operationId(),
                    context.caller(),
                    command.quotaId,
                    command.targetUserId,
                    command.permissions,
                    false));
        }
        Set<Permission> granted = PermissionWrite.copy(rows.granted(command.quotaId, command.targetUserId));
        granted.removeAll(command.permissions);
        List<String> owners = ownership
                ? quota.ownerIds().stream()
                        .filter(owner -> !owner.equals(command.targetUserId))
                        .toList()
                : quota.ownerIds();
        return new PermissionWrite(quota, command.targetUserId, owners, granted, null)
                .decide("Permission revoked.", rows, context);
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.strings(
                "permissions",
                command.permissions.stream().map(Permission::wireName).toList());
    }

    @Override
    public String targetUserId(Command command) {
        return command.targetUserId;
    }
}
