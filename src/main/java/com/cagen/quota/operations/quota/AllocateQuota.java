package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
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
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Divides a part of a quota off as a child. */
public final class AllocateQuota extends RowOperation<AllocateQuota.Command> {
    private static final Set<Permission> ADMIN = Set.of(Permission.READ, Permission.ADMIN);

    /**
     * @param quotaId of the parent
     * @param targetId a team's or an organization's id
     */
    public record Command(
            String quotaId,
            String name,
            @Nullable String description,
            long allocateMb,
            QuotaType quotaType,
            @Nullable String targetId,
            List<String> adminUserIds)
            implements Input {
        public Command {
            adminUserIds = List.copyOf(adminUserIds);
        }
    }

    public AllocateQuota() {
        super(
                new OperationName("quota.allocate", true),
                Command.class,
                HttpRoute.postCreating("/quotas/:parent_quota_id/allocate"));
    }

    @Override
    public void check(Fields fields) {
        checkTeam("target_id", fields);
    }

    /** A quota of type team needs its team, in the field {@code name}. */
    static void checkTeam(String name, Fields fields) {
        Object team = fields.value(name);
        if ("team".equals(fields.value("type")) && (team == null || "".equals(team))) {
            fields.reject(name, "is missing: a quota of type team needs the id of its team");
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.text("parent_quota_id"),
                fields.text("name"),
                fields.verbatim("description"),
                fields.number("allocate_mb"),
                QuotaType.ofWireName(fields.text("type")),
                fields.optional("target_id"),
                fields.texts("admin_user_ids"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        needs.treeSize(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.admin(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota parent = rows.quota(command.quotaId);
        Refusal refusal = refusal(command, parent, rows.treeSize(command.quotaId), context.caller());
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Quota child = child(command, parent, context);
        Quota after = parent.withFigures(parent.usedMb(), parent.allocatedMb() + command.allocateMb, context.now());
        List<String> admins = List.copyOf(new LinkedHashSet<>(command.adminUserIds));
        // Listed at once; the auth service is told of them after the transaction.
        List<QuotaChange.Granted> granted = admins.stream()
                .map(user -> new QuotaChange.Granted(user, Set.of(), ADMIN))
                .toList();
        return new Decision.Done(Change.of("Quota allocated.")
                .quota(QuotaChange.created(child, granted))
                .quota(QuotaChange.of(parent, after))
                .register(child.id(), Registrations.of(child, context.caller(), admins))
                .answer(json -> QuotaJson.write(child, json)));
    }

    /** Hierarchy first, then what the parent gives out, then the size of the tree; null when allowed. */
    private static @Nullable Refusal refusal(Command command, Quota parent, long treeSize, Caller caller) {
        Refusal misplaced = command.quotaType == QuotaType.TEAM
                ? Hierarchy.misplacedTeam(parent, command.targetId)
                : misplacedOrganization(parent, caller, command.targetId);
        if (misplaced != null) {
            return misplaced;
        }
        Refusal tooDeep = Hierarchy.tooDeep(parent, 0);
        if (tooDeep != null) {
            return tooDeep;
        }
        Refusal noCapacity = Capacity.refusal(parent, command.allocateMb);
        if (noCapacity != null) {
            return noCapacity;
        }
        return Hierarchy.tooManyQuotas(treeSize, 1);
    }

    private static @Nullable Refusal misplacedOrganization(Quota parent, Caller caller, @Nullable String targetId) {
        Refusal misplaced = Hierarchy.misplacedOrganization(parent);
        if (misplaced != null) {
            return misplaced;
        }
        return targetId == null || targetId.isEmpty() || targetId.equals(caller.organizationId())
                ? null
                : Hierarchy.foreign();
    }

    private static Quota child(Command command, Quota parent, Context context) {
        String teamId = command.quotaType == QuotaType.TEAM ? command.targetId : null;
        return Quota.created(
                parent.placement().child(context.quotaIds().get(), command.quotaType, teamId),
                new Quota.Label(command.name, command.description, null),
                parent.ownership().inherited(),
                command.allocateMb,
                context.now());
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("name", command.name)
                .put("type", command.quotaType.wireName())
                .put("allocate_mb", command.allocateMb)
                .putIfPresent("target_id", command.targetId)
                .cutStrings("admin_user_ids", command.adminUserIds);
    }
}
