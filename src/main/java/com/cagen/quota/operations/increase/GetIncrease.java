package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.rows.IncreaseRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/** One request for a larger quota: the caller's own, or one that the caller may decide about. */
public final class GetIncrease extends QueryOperation<GetIncrease.Command> {
    public record Command(String increaseId) implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public GetIncrease() {
        super(new OperationName("increase.get", false), Command.class, HttpRoute.get("/increases/:increase_id"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.text("increase_id"));
    }

    @Override
    public void need(Command command, Needs needs) {
        // Queries for itself.
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.allowed();
    }

    @Override
    public Future<Answer> run(DatabaseSession connection, Command command, Caller caller) {
        return IncreaseRows.findVisible(connection, caller.organizationId(), caller.userId(), command.increaseId)
                .map(increase -> increase == null
                        ? Refusal.increaseNotFound()
                        : new Answer.Success(
                                "Increase found.", JsonText.object(json -> IncreaseJson.write(increase, json)), false));
    }
}
