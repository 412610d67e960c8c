package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
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
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Makes a quota and what is below it as a description says: all of it, or nothing. Children are known by their keys. */
public final class ApplyTree extends RowOperation<ApplyTree.Command> {

    /**
     * @param prune whether children that the tree has no entry for are released
     * @param dryRun whether it is only said what would happen
     * @param expectedPlan refuses when the plan has another name
     */
    public record Command(
            String quotaId,
            DeclaredTree tree,
            boolean prune,
            boolean dryRun,
            @Nullable String expectedPlan) implements Input {}

    public ApplyTree() {
        super(new OperationName("quota.apply", true), Command.class, HttpRoute.post("/quotas/:quota_id/apply"));
    }

    @Override
    public void check(Fields fields) {
        Fields tree = fields.object("tree");
        if (tree != null) {
            DeclaredTree.check(tree);
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                DeclaredTree.decode(Objects.requireNonNull(fields.object("tree"), "tree")),
                fields.optionalFlag("prune"),
                fields.optionalFlag("dry_run"),
                fields.optional("expected_plan"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithSubtree(command.quotaId);
        needs.quotasBelow(command.quotaId);
        needs.treeSize(command.quotaId);
    }

    /** Admin on the quota; for another total of its own, owner. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId);
        Access.Result admin = Access.admin(quota, caller, grants);
        Long totalMb = command.tree.totalMb();
        return totalMb == null || totalMb == quota.wantedMb() ? admin : Access.both(admin, Access.owner(quota, caller));
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        List<Quota> below = rows.quotasBelow(command.quotaId);
        if (below.size() > Quota.MAX_BELOW) {
            return new Decision.Refused(
                    Hierarchy.violation("A tree is applied to a quota with at most " + Quota.MAX_BELOW
                            + " quotas below it; this one has "
                            + rows.subtree(command.quotaId).quotas()
                            + ". Apply trees to some of those."));
        }
        Quota quota = rows.quota(command.quotaId);
        TreePlan plan = new TreePlan(quota, rows.parentOf(quota), below, command.tree, command.prune, context);
        String name = plan.name();
        Refusal refusal = refusal(command, plan, name, rows.treeSize(command.quotaId));
        if (command.dryRun) {
            return new Decision.Read(new Answer.Success("Nothing was changed.", preview(plan, name, refusal), false));
        }
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Change change = Change.of(plan.hasSteps() ? "Tree applied." : "The tree was so already.")
                .entryForEachQuota()
                .answer(json -> {
                    json.put("plan", name);
                    plan.writeSteps(json, true);
                });
        plan.addTo(change);
        return new Decision.Done(change);
    }

    private static @Nullable Refusal refusal(Command command, TreePlan plan, String name, long treeSize) {
        return command.expectedPlan == null || command.expectedPlan.equals(name)
                ? plan.refusal(treeSize)
                : new Refusal(
                        ErrorCode.VERSION_MISMATCH,
                        "The plan is another one by now, as quotas have changed; look at it again.",
                        Map.of("expected_plan", command.expectedPlan, "current_plan", name));
    }

    private static String preview(TreePlan plan, String name, @Nullable Refusal refusal) {
        return JsonText.object(json -> {
            json.put("plan", name);
            plan.writeSteps(json, false);
            if (refusal != null) {
                json.object(
                        "refusal", fields -> fields.put("code", refusal.code().wireName())
                                .put("error", refusal.message())
                                .object("details", details -> details.all(refusal.details())));
            }
        });
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("prune", command.prune).put("declared_quotas", (long) command.tree.size());
    }
}
