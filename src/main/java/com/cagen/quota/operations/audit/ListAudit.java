package com.cagen.quota.operations.audit;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
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
import com.cagen.quota.storage.rows.AuditTrail;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The audit trail of a quota, also once it was released. */
public final class ListAudit extends QueryOperation<ListAudit.Command> {
    /**
     * {@code from} is inclusive, {@code to} exclusive; {@code cursor} is the position of an earlier answer's.
     *
     * @param action an operation's name or {@code credential.use}
     */
    public record Command(
            String quotaId,
            @Nullable String action,
            @Nullable String actor,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst)
            implements Input {}

    public ListAudit() {
        super(new OperationName("audit.list", false), Command.class, HttpRoute.get("/quotas/:quota_id/audit"));
    }

    @Override
    public boolean outlivesDeletion() {
        return true;
    }

    @Override
    public void check(Fields fields) {
        fields.timestamp("from");
        fields.timestamp("to");
        fields.cursor();
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.optional("action"),
                fields.optional("actor"),
                fields.timestamp("from"),
                fields.timestamp("to"),
                fields.cursor(),
                fields.limit(),
                fields.newestFirst());
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
        AuditTrail.Query query = new AuditTrail.Query(
                command.quotaId,
                command.action,
                command.actor,
                command.from,
                command.to,
                command.cursor,
                command.limit,
                command.newestFirst);
        return AuditTrail.list(connection, caller.organizationId(), query)
                .map(page -> new Answer.Success(
                        "Audit trail.",
                        JsonText.object(json -> json.objects("entries", page.entries(), ListAudit::write)
                                .put("next_cursor", Cursor.encodeOrNull(page.nextCursor()))),
                        false));
    }

    private static void write(SealedEntry item, JsonText json) {
        AuditEntry entry = item.entry();
        json.put("audit_id", entry.auditId().toString())
                .put("operation_id", entry.operationId().toString())
                .put("seq", item.seq())
                .put("quota_id", entry.quotaId())
                .put("parent_quota_id", entry.parentQuotaId())
                .put("action", entry.action())
                .put("outcome", entry.outcome())
                .put("actor_user_id", entry.actorUserId())
                .put("service_id", entry.serviceId())
                .put("target_user_id", entry.targetUserId())
                .raw("details", entry.details())
                .put("request_id", entry.requestId())
                .put("created_at", entry.createdAt())
                .put("hash", item.hash());
    }
}
