package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.rows.SubtreeRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A quota and the living quotas below it: parents before children, siblings by name. */
public final class ListTree extends QueryOperation<ListTree.Command> {
    private static final long ALL_LEVELS = 16;
    private static final long DEFAULT_LIMIT = 100;

    /**
     * {@code depth} is how many levels below the quota are listed, from 1; {@code cursor} is the id of the last quota of an earlier
     * answer.
     */
    public record Command(
            String quotaId, long depth, @Nullable String cursor, long limit) implements Input {}

    public ListTree() {
        super(new OperationName("quota.tree", false), Command.class, HttpRoute.get("/quotas/:quota_id/tree"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                Objects.requireNonNullElse(fields.optionalNumber("depth"), ALL_LEVELS),
                fields.verbatim("cursor"),
                Objects.requireNonNullElse(fields.optionalNumber("limit"), DEFAULT_LIMIT));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.admin(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Future<Answer.Success> run(DatabaseSession connection, Command command, Caller caller) {
        QuotaKey root = new QuotaKey(caller.organizationId(), command.quotaId);
        String cursor = command.cursor;
        if (cursor == null) {
            return list(connection, root, command, null);
        }
        return SubtreeRows.place(connection, root, cursor)
                .compose(place -> place == null
                        ? Future.failedFuture(Violation.refuse(
                                "cursor", "must be the next_cursor of an earlier answer for this quota"))
                        : list(connection, root, command, place));
    }

    private static Future<Answer.Success> list(
            DatabaseSession connection, QuotaKey root, Command command, String @Nullable [] after) {
        return SubtreeRows.list(connection, root, command.depth, after, command.limit)
                .map(page -> new Answer.Success(
                        "Quotas listed.",
                        JsonText.object(json -> json.objects("quotas", page.quotas(), QuotaJson::write)
                                .put("next_cursor", page.nextCursor())),
                        false));
    }
}
