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
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Moves capacity from a quota to a sibling at once, whatever their parent has left. What the parent has allocated stays the same. */
public final class TransferQuota extends RowOperation<TransferQuota.Command> {
    /** {@code transferMb} is 1 or more; the quotas differ. */
    public record Command(String quotaId, String toQuotaId, long transferMb) implements Input {}

    public TransferQuota() {
        super(new OperationName("quota.transfer", true), Command.class, HttpRoute.post("/quotas/:quota_id/transfer"));
    }

    @Override
    public void check(Fields fields) {
        if (Objects.equals(fields.value("quota_id"), fields.value("to_quota_id"))) {
            fields.reject("to_quota_id", "must be another quota");
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.text("to_quota_id"), fields.number("transfer_mb"));
    }

    @Override
    public void need(Command command, Needs needs) {
        // In the order of their ids, in which all transactions lock.
        Stream.of(command.quotaId, command.toQuotaId).sorted().forEach(needs::lockWithParent);
    }

    @Override
    public List<String> furtherQuotas(Command command) {
        return List.of(command.toQuotaId);
    }

    /** Admin on the common parent. Quotas that have none need what a change of each one's size needs. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota from = rows.quota(command.quotaId);
        Quota to = rows.quota(command.toQuotaId);
        Access.Result fromSize = Resizing.access(from, rows.parentOf(from), caller, grants);
        return siblings(from, to)
                ? fromSize
                : Access.both(fromSize, Resizing.access(to, rows.parentOf(to), caller, grants));
    }

    private static boolean siblings(Quota one, Quota other) {
        return one.parentId() != null && one.parentId().equals(other.parentId());
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota from = rows.quota(command.quotaId);
        Quota to = rows.quota(command.toQuotaId);
        long fromTotalMb = from.totalMb() - command.transferMb;
        Refusal refusal = refusal(from, fromTotalMb, to);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Quota fromAfter = resized(from, fromTotalMb, context.now());
        Quota toAfter = resized(to, to.totalMb() + command.transferMb, context.now());
        return new Decision.Done(Change.of("Capacity transferred.")
                .quota(QuotaChange.of(from, fromAfter))
                .quota(QuotaChange.of(to, toAfter))
                .entryForEachQuota()
                .answer(json -> json.object("from", quota -> QuotaJson.write(fromAfter, quota))
                        .object("to", quota -> QuotaJson.write(toAfter, quota))));
    }

    /** The hierarchy first, then the quota that gives, then the one that gets; null when allowed. */
    private static @Nullable Refusal refusal(Quota from, long fromTotalMb, Quota to) {
        if (!siblings(from, to)) {
            return Refusal.of(
                    ErrorCode.HIERARCHY_VIOLATION, "Capacity is transferred between quotas that have the same parent.");
        }
        if (fromTotalMb < Math.max(1, from.figures().takenMb())) {
            return Refusal.belowUse(from, fromTotalMb);
        }
        Long drainToMb = to.drainToMb();
        return drainToMb == null ? null : Refusal.quotaDraining(to.id(), drainToMb);
    }

    /** It goes on draining as long as it is larger than what it drains to. */
    private static Quota resized(Quota quota, long totalMb, Instant now) {
        Long drainToMb = quota.drainToMb();
        Long stillToMb = drainToMb != null && drainToMb < totalMb ? drainToMb : null;
        return quota.updated(quota.label(), quota.figures().withTotal(totalMb, stillToMb), now);
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("to_quota_id", command.toQuotaId).put("transfer_mb", command.transferMb);
    }
}
