package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.QuotaStatus;
import org.jspecify.annotations.Nullable;

/** Suspends a quota and everything below it: they give nothing out until it is resumed. */
public final class SuspendQuota extends RowOperation<SuspendQuota.Command> {
    public record Command(String quotaId, @Nullable String reason) implements Input {}

    public SuspendQuota() {
        super(new OperationName("quota.suspend", true), Command.class, HttpRoute.post("/quotas/:quota_id/suspend"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.optional("reason"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithSubtree(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return accessFromAbove(rows.quota(command.quotaId), rows, caller, grants);
    }

    /** Owner, or admin on the parent: a child's own admin must not lift what was imposed from above. */
    static Access.Result accessFromAbove(Quota quota, Rows rows, Caller caller, KnownGrants grants) {
        Quota parent = rows.parentOf(quota);
        Access.Result owner = Access.owner(quota, caller);
        return owner instanceof Access.Result.Allowed || parent == null ? owner : Access.admin(parent, caller, grants);
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        if (quota.status() == QuotaStatus.SUSPENDED) {
            return new Decision.Done(change("Quota was suspended already.", quota, quota));
        }
        Quota suspended = quota.withStatus(QuotaStatus.SUSPENDED, quota.id(), context.now());
        return new Decision.Done(change("Quota suspended.", quota, suspended)
                .suspensionBelow(suspended, quota.suspendedBy(), suspended.suspendedBy()));
    }

    /** What a quota that was suspended or resumed changes, and answers; also when it was so before. */
    static Change change(String message, Quota before, Quota after) {
        return Change.of(message).quota(QuotaChange.of(before, after)).answer(json -> QuotaJson.write(after, json));
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.putIfPresent("reason", command.reason);
    }
}
