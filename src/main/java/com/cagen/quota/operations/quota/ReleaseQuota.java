package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.QuotaStatus;
import java.util.List;
import java.util.Map;

/** Gives an empty quota back: it is marked as deleted, and its capacity returns to its parent in the same transaction. */
public final class ReleaseQuota extends RowOperation<ReleaseQuota.Command> {
    public record Command(String quotaId) implements Input {}

    public ReleaseQuota() {
        super(
                new OperationName("quota.release", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/release"),
                HttpRoute.delete("/quotas/:quota_id"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId());
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithParent(command.quotaId);
    }

    /** Admin on the quota or on its parent. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId);
        Quota parent = rows.parentOf(quota);
        return Access.admin(parent == null ? List.of(quota) : List.of(quota, parent), caller, grants);
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        if (quota.figures().takenMb() > 0) {
            return new Decision.Refused(notEmpty(quota));
        }
        Quota released = quota.withStatus(QuotaStatus.DELETED, quota.suspendedBy(), context.now());
        Quota parent = rows.parentOf(quota);
        Change change = Change.of("Quota released.")
                .quota(QuotaChange.of(quota, released))
                .answer(json -> QuotaJson.write(released, json));
        if (parent == null) {
            return new Decision.Done(change);
        }
        Quota after = parent.withFigures(parent.usedMb(), parent.allocatedMb() - quota.totalMb(), context.now());
        return new Decision.Done(change.quota(QuotaChange.of(parent, after)));
    }

    /** What {@code quota} still has. */
    static Refusal notEmpty(Quota quota) {
        return new Refusal(
                ErrorCode.QUOTA_NOT_EMPTY,
                "The quota still has " + quota.usedMb() + " MB used, " + quota.reservedMb() + " MB reserved and "
                        + quota.allocatedMb() + " MB allocated to others; all must be 0 to release it.",
                Map.of(
                        "used_mb", quota.usedMb(),
                        "reserved_mb", quota.reservedMb(),
                        "allocated_mb", quota.allocatedMb()));
    }
}
