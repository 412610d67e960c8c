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
import java.util.List;
import java.util.Objects;

/**
 * Moves what a resource holds to another quota, another resource, or both. The first quota may be suspended, as it only gives
 * back. The other one must give out capacity as it does for new usage.
 */
public final class TransferUsage extends RowOperation<TransferUsage.Command> {
    /** {@code usageMb} is 1 or more; the quotas or the resources differ. */
    public record Command(String quotaId, String resourceId, long usageMb, String toQuotaId, String toResourceId)
            implements Input {}

    public TransferUsage() {
        super(
                new OperationName("usage.transfer", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/usage/transfer"));
    }

    @Override
    public void check(Fields fields) {
        Object resource = fields.value("resource_id");
        Object toResource = fields.value("to_resource_id");
        if (Objects.equals(fields.value("quota_id"), fields.value("to_quota_id"))
                && (toResource == null || toResource.equals("") || toResource.equals(resource))) {
            fields.reject("to_quota_id", "must be another quota, unless to_resource_id is another resource");
        }
    }

    @Override
    public Command decode(Fields fields) {
        String resourceId = fields.text("resource_id");
        return new Command(
                fields.quotaId(),
                resourceId,
                fields.number("usage_mb"),
                fields.text("to_quota_id"),
                Objects.requireNonNullElse(fields.optional("to_resource_id"), resourceId));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        needs.lock(command.toQuotaId);
        needs.holding(command.quotaId, command.resourceId);
        needs.holding(command.toQuotaId, command.toResourceId);
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    @Override
    public List<String> furtherQuotas(Command command) {
        return List.of(command.toQuotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Access.Result from = Access.read(rows.quota(command.quotaId), caller, grants);
        return command.toQuotaId.equals(command.quotaId)
                ? from
                : Access.both(from, Access.read(rows.quota(command.toQuotaId), caller, grants));
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        long heldMb = rows.heldMb(command.quotaId, command.resourceId);
        if (command.usageMb > heldMb) {
            return new Decision.Refused(Refusal.insufficientUsage(command.resourceId, heldMb, command.usageMb));
        }
        Change change = Change.of("Usage transferred.").entryForEachQuota();
        UsageChange from = UsageChange.deallocate(
                change, context.entryId(0), quota, command.resourceId, heldMb, command.usageMb, context);
        // Within one quota, what is given back can be used again.
        Quota toQuota = command.toQuotaId.equals(command.quotaId) ? from.quota() : rows.quota(command.toQuotaId);
        Refusal refusal = Capacity.refusal(toQuota, command.usageMb);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        UsageChange to = UsageChange.allocate(
                change,
                context.entryId(1),
                toQuota,
                command.toResourceId,
                rows.heldMb(command.toQuotaId, command.toResourceId),
                command.usageMb,
                context);
        return new Decision.Done(change.answer(
                json -> json.put("transfer_id", context.operationId().toString())
                        .object("from", from::write)
                        .object("to", to::write)));
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("resource_id", command.resourceId)
                .put("usage_mb", command.usageMb)
                .put("to_quota_id", command.toQuotaId)
                .put("to_resource_id", command.toResourceId);
    }
}
