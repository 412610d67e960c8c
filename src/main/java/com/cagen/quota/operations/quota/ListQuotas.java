package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaSort;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The quotas that the caller owns or was granted read or admin on through this service. */
public final class ListQuotas extends QueryOperation<ListQuotas.Command> {
    /**
     * {@code page} counts from 1; {@code status} is never {@link QuotaStatus#DELETED}.
     *
     * @param text part of a name or a key
     * @param sort null: oldest first
     */
    public record Command(
            int page,
            int pageSize,
            @Nullable QuotaType quotaType,
            @Nullable QuotaStatus status,
            @Nullable String teamId,
            @Nullable String parentQuotaId,
            @Nullable String text,
            @Nullable QuotaSort sort)
            implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public ListQuotas() {
        super(new OperationName("quota.list", false), Command.class, HttpRoute.get("/quotas"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.page(),
                fields.pageSize(),
                fields.optional("type", QuotaType::ofWireName),
                fields.optional("status", QuotaStatus::ofWireName),
                fields.optional("team_id"),
                fields.optional("parent_quota_id"),
                fields.optional("q"),
                fields.optional("sort", QuotaSort::ofWireName));
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
        QuotaRows.Filter filter = new QuotaRows.Filter(
                command.page,
                command.pageSize,
                command.quotaType,
                command.status,
                command.teamId,
                command.parentQuotaId,
                command.text,
                Objects.requireNonNullElse(command.sort, QuotaSort.CREATED_AT));
        return QuotaRows.list(connection, caller.organizationId(), caller.userId(), filter)
                .map(page -> PageJson.answer(
                        "Quotas listed.", "quotas", page, command.page, command.pageSize, QuotaJson::write));
    }
}
