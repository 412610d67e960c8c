package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.QuotaType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes a root quota, owned by its creator. */
public final class CreateQuota extends RowOperation<CreateQuota.Command> {
    /** {@code teamId} is null unless the quota is a team's. */
    public record Command(
            String name,
            @Nullable String description,
            QuotaType quotaType,
            long totalMb,
            @Nullable String teamId) implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public CreateQuota() {
        super(new OperationName("quota.create", true), Command.class, HttpRoute.postCreating("/quotas/create"));
    }

    @Override
    public void check(Fields fields) {
        AllocateQuota.checkTeam("team_id", fields);
    }

    @Override
    public Command decode(Fields fields) {
        QuotaType type = QuotaType.ofWireName(fields.text("type"));
        return new Command(
                fields.text("name"),
                fields.verbatim("description"),
                type,
                fields.number("total_mb"),
                type == QuotaType.TEAM ? fields.optional("team_id") : null);
    }

    @Override
    public void need(Command command, Needs needs) {
        // A root depends on no other row.
    }

    /** Anybody of the organization; for a team's quota, the team's members. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return command.teamId == null || caller.teamIds().contains(command.teamId)
                ? Access.allowed()
                : new Access.Result.Denied(Refusal.permissionDenied(List.of("team_member")));
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Caller caller = context.caller();
        String id = context.quotaIds().get();
        Quota quota = Quota.created(
                Quota.Placement.root(caller.organizationId(), id, command.quotaType, command.teamId),
                new Quota.Label(command.name, command.description, null),
                Quota.Ownership.of(caller.userId()),
                command.totalMb,
                context.now());
        return new Decision.Done(Change.of("Quota created.")
                .quota(QuotaChange.created(quota, List.of()))
                .register(id, Registrations.of(quota, caller, List.of()))
                .answer(json -> QuotaJson.write(quota, json)));
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("name", command.name)
                .put("type", command.quotaType.wireName())
                .put("total_mb", command.totalMb)
                .putIfPresent("team_id", command.teamId);
    }
}
