package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.IncreaseStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Takes a request for a larger quota back: who asked does so. */
public final class WithdrawIncrease extends DecideIncrease<WithdrawIncrease.Command> {
    public record Command(String increaseId, @Nullable String reason) implements DecideIncrease.Command {}

    public WithdrawIncrease() {
        super("withdraw", IncreaseStatus.WITHDRAWN, Command.class);
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(increaseId(fields), reason(fields));
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return increase(command, rows).requestedBy().equals(caller.userId())
                ? Access.allowed()
                : new Access.Result.Denied(Refusal.permissionDenied(List.of("requester")));
    }
}
