package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Violation;
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
import com.cagen.quota.protocol.IncreaseStatus;
import java.util.List;

/** Asks those who may for a larger quota. */
public final class CreateIncrease extends RowOperation<CreateIncrease.Command> {
    /** {@code totalMb} is what the quota is to have, 1 or more. */
    public record Command(String quotaId, long totalMb, String reason) implements Input {}

    public CreateIncrease() {
        super(
                new OperationName("increase.create", true),
                Command.class,
                HttpRoute.postCreating("/quotas/:quota_id/increases"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.number("total_mb"), fields.text("reason"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        if (quota.drainToMb() != null) {
            return new Decision.Refused(Refusal.quotaDraining(quota.id(), quota.drainToMb()));
        }
        if (command.totalMb <= quota.totalMb()) {
            Violation violation =
                    new Violation("total_mb", "must be more than the " + quota.totalMb() + " MB that the quota has");
            return new Decision.Refused(Violation.refuse(List.of(violation)).refusal());
        }
        Increase increase = new Increase(
                quota.organizationId(),
                Increase.idOf(context.operationId(), quota.id()),
                quota.id(),
                command.totalMb,
                quota.totalMb(),
                command.reason,
                IncreaseStatus.PENDING,
                context.caller().userId(),
                context.now(),
                null);
        return new Decision.Done(Change.of("Increase requested.")
                .quota(QuotaChange.of(quota, quota))
                .increase(increase)
                .answer(json -> IncreaseJson.write(increase, json)));
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("total_mb", command.totalMb).put("reason", command.reason);
    }
}
