package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import org.jspecify.annotations.Nullable;

/** Lets a resource use capacity of a quota. */
public final class AllocateUsage extends RowOperation<AllocateUsage.Command> {
    /** {@code usageMb} is 1 or more. */
    public record Command(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason) implements Input {}

    public AllocateUsage() {
        super(
                new OperationName("usage.allocate", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/usage/allocate"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(), fields.text("resource_id"), fields.number("usage_mb"), fields.optional("reason"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        needs.holding(command.quotaId, command.resourceId);
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
        Refusal refusal = Capacity.refusal(quota, command.usageMb);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Change change = Change.of("Usage allocated.");
        UsageChange usage = UsageChange.allocate(
                change,
                context.operationId(),
                quota,
                command.resourceId,
                rows.heldMb(command.quotaId, command.resourceId),
                command.usageMb,
                context);
        return new Decision.Done(change.answer(usage::write));
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("resource_id", command.resourceId)
                .put("usage_mb", command.usageMb)
                .putIfPresent("reason", command.reason);
    }
}
