package com.cagen.quota.operations.usage;

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
import com.cagen.quota.operations.quota.PageJson;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.rows.RuntimeRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/** What resources hold on the quotas that {@code quota.list} shows, largest first. */
public final class ListRuntimes extends QueryOperation<ListRuntimes.Command> {
    /** {@code page} counts from 1. */
    public record Command(int page, int pageSize) implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public ListRuntimes() {
        super(new OperationName("usage.runtimes", false), Command.class, HttpRoute.get("/runtime-usage"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.page(), fields.pageSize());
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
        return RuntimeRows.list(connection, caller.organizationId(), caller.userId(), command.page, command.pageSize)
                .map(page -> PageJson.answer(
                        "Usage listed.", "runtimes", page, command.page, command.pageSize, ListRuntimes::write));
    }

    private static void write(RuntimeRows.HoldingResource runtime, JsonText json) {
        json.put("resource_id", runtime.resourceId())
                .put("total_usage_mb", runtime.totalMb())
                .put("quota_count", runtime.quotaCount())
                .put("last_activity", runtime.lastActivity())
                .objects("quotas", runtime.quotas(), (held, inner) -> inner.put("quota_id", held.quotaId())
                        .put("quota_name", held.quotaName())
                        .put("usage_mb", held.heldMb()));
    }
}
