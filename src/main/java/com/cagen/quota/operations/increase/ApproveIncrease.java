package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.operations.quota.Resizing;
import com.cagen.quota.protocol.IncreaseStatus;
import org.jspecify.annotations.Nullable;

/**
 * Gives a quota the size that was asked for, from its parent, in the same transaction; the request stays pending when the parent
 * has not so much. A quota that has more by now keeps it.
 */
public final class ApproveIncrease extends DecideIncrease<ApproveIncrease.Command> {
    public record Command(String increaseId, @Nullable String reason) implements DecideIncrease.Command {}

    public ApproveIncrease() {
        super("approve", IncreaseStatus.APPROVED, Command.class);
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(increaseId(fields), reason(fields));
    }

    @Override
    Decision end(Increase decided, Quota quota, @Nullable Quota parent, Context context) {
        Change change =
                Change.of("Increase approved.").increase(decided).answer(json -> IncreaseJson.write(decided, json));
        long moreMb = decided.totalMb() - quota.totalMb();
        if (moreMb <= 0) {
            return new Decision.Done(change.quota(QuotaChange.of(quota, quota)));
        }
        Refusal refusal = parent == null ? null : Capacity.refusal(parent, moreMb);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Quota after = quota.withFigures(quota.figures().withTotal(decided.totalMb(), null), context.now());
        return new Decision.Done(Resizing.apply(change, quota, after, parent, context.now()));
    }
}
