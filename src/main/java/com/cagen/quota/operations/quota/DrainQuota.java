package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.storage.rows.DrainingQuotas;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.List;

/**
 * Gives what is free of a draining quota back to its parent, until the quota has the total that it drains to. The system does
 * this. When there is nothing to give back, nothing happens, so it may be asked for any number of times.
 */
public final class DrainQuota extends SystemOperation<DrainQuota.Command> {
    public record Command(String quotaId) implements Input {}

    public DrainQuota() {
        super(new OperationName("quota.drain", true), Command.class);
    }

    @Override
    public Future<List<QuotaKey>> due(DatabaseSession connection, QuotaKey after, int limit) {
        return DrainingQuotas.freed(connection, after, limit);
    }

    @Override
    public Command command(String quotaId) {
        return new Command(quotaId);
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithParent(command.quotaId);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Quota.Figures drained = drained(quota.figures());
        if (drained.equals(quota.figures())) {
            return new Decision.Read(new Answer.Success(
                    "There was nothing to give back.", JsonText.object(json -> QuotaJson.write(quota, json)), false));
        }
        Quota after = quota.updated(quota.label(), drained, context.now());
        return new Decision.Done(Resizing.apply(
                Change.of("Capacity given back.").answer(json -> QuotaJson.write(after, json)),
                quota,
                after,
                rows.parentOf(quota),
                context.now()));
    }

    private static Quota.Figures drained(Quota.Figures before) {
        Long drainToMb = before.drainToMb();
        if (drainToMb == null) {
            return before;
        }
        long totalMb = Math.max(before.takenMb(), drainToMb);
        return before.withTotal(totalMb, totalMb == drainToMb ? null : drainToMb);
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }
}
