package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.storage.rows.IncreaseRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/** The caller's own requests for larger quotas, and those that the caller may decide about, oldest first. */
public final class ListIncreases extends QueryOperation<ListIncreases.Command> {
    /**
     * {@code cursor} is the request that an earlier answer ended with.
     *
     * @param aboutQuotaId null for all
     */
    public record Command(
            @Nullable IncreaseStatus status,
            @Nullable String aboutQuotaId,
            @Nullable String cursor,
            int limit) implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public ListIncreases() {
        super(new OperationName("increase.list", false), Command.class, HttpRoute.get("/increases"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.optional("status", IncreaseStatus::ofWireName),
                fields.optional("quota_id"),
                fields.verbatim("cursor"),
                fields.limit());
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
    public Future<Answer.Success> run(DatabaseSession connection, Command command, Caller caller) {
        return IncreaseRows.list(
                        connection,
                        caller.organizationId(),
                        caller.userId(),
                        command.status,
                        command.aboutQuotaId,
                        command.cursor,
                        command.limit)
                .map(page -> new Answer.Success(
                        "Increases listed.",
                        JsonText.object(json -> json.objects("increases", page.increases(), IncreaseJson::write)
                                .put("next_cursor", page.nextCursor())),
                        false));
    }
}
