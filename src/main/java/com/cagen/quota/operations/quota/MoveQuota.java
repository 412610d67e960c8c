package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Subtree;
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
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Gives a quota another parent. What is below it comes along; its capacity leaves the old parent and is taken from the new one. It
 * inherits the owners and the suspension of its new place; what was granted on it stays.
 */
public final class MoveQuota extends RowOperation<MoveQuota.Command> {
    public record Command(String quotaId, String parentQuotaId) implements Input {}

    public MoveQuota() {
        super(new OperationName("quota.move", true), Command.class, HttpRoute.post("/quotas/:quota_id/move"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.text("parent_quota_id"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithSubtree(command.quotaId);
        needs.lock(command.parentQuotaId);
        needs.keyUnder(command.quotaId, command.parentQuotaId);
        needs.treeSize(command.parentQuotaId);
    }

    @Override
    public List<String> furtherQuotas(Command command) {
        return List.of(command.parentQuotaId);
    }

    /** Admin on the old and on the new parent. A root, which has no parent, needs its owner; it is refused later. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId);
        Access.Result from = Resizing.access(quota, rows.parentOf(quota), caller, grants);
        return command.parentQuotaId.equals(quota.parentId())
                ? from
                : Access.both(from, Access.admin(rows.quota(command.parentQuotaId), caller, grants));
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Quota from = rows.parentOf(quota);
        Quota to = rows.quota(command.parentQuotaId);
        if (from != null && from.id().equals(to.id())) {
            return new Decision.Done(Change.of("Quota was there already.")
                    .quota(QuotaChange.of(quota, quota))
                    .answer(json -> QuotaJson.write(quota, json)));
        }
        if (from == null) {
            return new Decision.Refused(Hierarchy.violation("A root has no parent, and cannot be given one."));
        }
        Refusal refusal = refusal(command, quota, to, rows);
        return refusal != null
                ? new Decision.Refused(refusal)
                : new Decision.Done(moved(quota, from, to, context.now()));
    }

    /** The shape of the tree first, then the key, then what the new parent gives out; null when allowed. */
    private static @Nullable Refusal refusal(Command command, Quota quota, Quota to, Rows rows) {
        if (to.isWithin(quota)) {
            return Hierarchy.violation("A quota cannot be moved below itself.");
        }
        Refusal misplaced = Hierarchy.misplaced(quota, to);
        if (misplaced != null) {
            return misplaced;
        }
        Subtree below = rows.subtree(command.quotaId);
        Refusal tooDeep = Hierarchy.tooDeep(to, Math.max(0, below.deepestLevel() - quota.level()));
        if (tooDeep != null) {
            return tooDeep;
        }
        // Within one tree the number of quotas stays.
        Refusal tooMany = quota.rootId().equals(to.rootId())
                ? null
                : Hierarchy.tooManyQuotas(rows.treeSize(command.parentQuotaId), below.quotas() + 1L);
        if (tooMany != null) {
            return tooMany;
        }
        if (quota.key() != null && rows.childWithKeyOf(command.quotaId) != null) {
            return new Refusal(
                    ErrorCode.KEY_TAKEN,
                    "Another quota below the new parent has the key " + quota.key() + ".",
                    Map.of("key", quota.key()));
        }
        return Capacity.refusal(to, quota.totalMb());
    }

    private static Change moved(Quota quota, Quota from, Quota to, Instant now) {
        Quota fromAfter = from.withFigures(from.usedMb(), from.allocatedMb() - quota.totalMb(), now);
        Quota toAfter = to.withFigures(to.usedMb(), to.allocatedMb() + quota.totalMb(), now);
        Quota after = quota.movedBelow(toAfter, now);
        Change change = Change.of("Quota moved.")
                .quota(QuotaChange.of(quota, after))
                .quota(QuotaChange.of(from, fromAfter))
                .quota(QuotaChange.of(to, toAfter))
                .entryForEachQuota()
                .moveBelow(quota, after)
                .ownersBelow(after)
                .answer(json -> QuotaJson.write(after, json));
        return Objects.equals(quota.suspendedBy(), after.suspendedBy())
                ? change
                : change.suspensionBelow(after, quota.suspendedBy(), after.suspendedBy());
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("to_parent_quota_id", command.parentQuotaId);
    }
}
