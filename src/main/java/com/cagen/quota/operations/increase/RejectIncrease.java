package com.cagen.quota.operations.increase;

import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.protocol.IncreaseStatus;
import org.jspecify.annotations.Nullable;

/** Refuses a request for a larger quota. */
public final class RejectIncrease extends DecideIncrease<RejectIncrease.Command> {
    public record Command(String increaseId, @Nullable String reason) implements DecideIncrease.Command {}

    public RejectIncrease() {
        super("reject", IncreaseStatus.REJECTED, Command.class);
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(increaseId(fields), reason(fields));
    }
}
