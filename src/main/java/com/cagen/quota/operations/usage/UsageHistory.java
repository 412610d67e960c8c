package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.rows.UsageLedger;
import com.cagen.quota.storage.rows.UsageQuery;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The ledger of a quota. */
public final class UsageHistory extends QueryOperation<UsageHistory.Command> {
    /** {@code from} is inclusive, {@code to} exclusive; {@code cursor} is the place of an earlier answer's. */
    public record Command(
            String quotaId,
            @Nullable String resourceId,
            @Nullable Instant from,
            @Nullable Instant to,
            Cursor.@Nullable Place cursor,
            int limit,
            boolean newestFirst)
            implements Input {}

    public UsageHistory() {
        super(new OperationName("usage.history", false), Command.class, HttpRoute.get("/quotas/:quota_id/usage"));
    }

    @Override
    public void check(Fields fields) {
        fields.timestamp("from");
        fields.timestamp("to");
        fields.cursorPlace();
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.optional("resource_id"),
                fields.timestamp("from"),
                fields.timestamp("to"),
                fields.cursorPlace(),
                fields.limit(),
                fields.newestFirst());
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Future<Answer.Success> run(DatabaseSession connection, Command command, Caller caller) {
        Cursor.Place cursor = command.cursor;
        UsageQuery query = new UsageQuery(
                command.quotaId,
                command.resourceId,
                command.from,
                command.to,
                cursor == null ? null : new UsageQuery.Cursor(cursor.first(), cursor.second()),
                command.limit,
                command.newestFirst);
        return UsageLedger.history(connection, caller.organizationId(), query)
                .map(page -> new Answer.Success(
                        "Usage history.",
                        JsonText.object(json -> json.objects("entries", page.entries(), UsageHistory::write)
                                .put("next_cursor", encode(page.nextCursor()))),
                        false));
    }

    private static void write(LedgerEntry entry, JsonText json) {
        json.put("usage_id", entry.usageId().toString())
                .putIfPresent("transfer_id", transferId(entry))
                .put("quota_id", entry.quotaId())
                .put("resource_id", entry.resourceId())
                .put("operation", entry.operation())
                .put("usage_mb", entry.usageMb());
        // Of the others the operation says it.
        if (entry.operation().equals(LedgerEntry.ADJUST)) {
            json.put("difference_mb", entry.differenceMb());
        }
        json.put("user_id", entry.userId())
                .put("service_id", entry.serviceId())
                .put("reason", entry.reason())
                .put("used_mb", entry.usedMb())
                .put("held_mb", entry.heldMb())
                .put("created_at", entry.createdAt());
    }

    private static @Nullable String encode(UsageQuery.@Nullable Cursor next) {
        return next == null ? null : Cursor.encode(new Cursor.Place(next.version(), next.seq()));
    }

    private static @Nullable String transferId(LedgerEntry entry) {
        UUID id = entry.transferId();
        return id == null ? null : id.toString();
    }
}
