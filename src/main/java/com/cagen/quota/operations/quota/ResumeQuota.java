package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.QuotaStatus;
import org.jspecify.annotations.Nullable;

/** Restores a quota's own state. What an ancestor or a descendant was suspended by itself stays suspended. */
public final class ResumeQuota extends RowOperation<ResumeQuota.Command> {
    public record Command(String quotaId, @Nullable String reason) implements Input {}

    public ResumeQuota() {
        super(new OperationName("quota.resume", true), Command.class, HttpRoute.post("/quotas/:quota_id/resume"));
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
        return SuspendQuota.accessFromAbove(rows.quota(command.quotaId), rows, caller, grants);
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        if (quota.status() == QuotaStatus.ACTIVE) {
            return new Decision.Done(SuspendQuota.change("Quota was active already.", quota, quota));
        }
        Quota parent = rows.parentOf(quota);
        String suspendedAbove = parent == null ? null : parent.suspendedBy();
        Quota resumed = quota.withStatus(QuotaStatus.ACTIVE, suspendedAbove, context.now());
        return new Decision.Done(SuspendQuota.change("Quota resumed.", quota, resumed)
                .suspensionBelow(resumed, quota.suspendedBy(), resumed.suspendedBy()));
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
