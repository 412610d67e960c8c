package com.cagen.quota.operations.permission;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaKey;
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
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Who has access to a quota: its owners, with the quota that makes them so, and what was granted on it through this service. */
public final class ListPermissions extends QueryOperation<ListPermissions.Command> {
    private static final long DEFAULT_LIMIT = 1_000;
    /** Of the quota and its ancestors together. */
    private static final long MAX_OWNERS = 1_000;

    /** {@code cursor} is the user that an earlier answer ended with. */
    public record Command(String quotaId, @Nullable String cursor, long limit) implements Input {}

    public ListPermissions() {
        super(
                new OperationName("permission.list", false),
                Command.class,
                HttpRoute.get("/quotas/:quota_id/permissions"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
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

    /** The owners are in the first page. */
    @Override
    public Future<Answer.Success> run(DatabaseSession connection, Command command, Caller caller) {
        QuotaKey quota = new QuotaKey(caller.organizationId(), command.quotaId);
        Future<List<GrantRows.Owner>> owners = command.cursor == null
                ? GrantRows.owners(connection, quota, MAX_OWNERS)
                : Future.succeededFuture(List.of());
        Future<GrantRows.Page> grants = GrantRows.list(connection, quota, command.cursor, command.limit);
        return Future.all(owners, grants)
                .map(ignored -> new Answer.Success(
                        "Permissions listed.",
                        JsonText.object(json -> json.objects("owners", owners.result(), ListPermissions::write)
                                .objects("grants", grants.result().grants(), ListPermissions::write)
                                .put("next_cursor", grants.result().nextCursor())),
                        false));
    }

    private static void write(GrantRows.Owner owner, JsonText json) {
        json.put("user_id", owner.userId()).put("quota_id", owner.quotaId());
    }

    private static void write(GrantRows.Listed grant, JsonText json) {
        json.put("user_id", grant.userId())
                .strings(
                        "permissions",
                        grant.permissions().stream().map(Permission::wireName).toList())
                .put("expires_at", grant.expiresAt())
                .put("granted_by", grant.grantedBy())
                .put("granted_at", grant.grantedAt());
    }
}
