package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Describes a quota and what is below it, as {@link ApplyTree} takes it: parents before children, siblings by key. */
public final class ExportTree extends RowOperation<ExportTree.Command> {
    public record Command(String quotaId) implements Input {}

    public ExportTree() {
        super(new OperationName("quota.export", false), Command.class, HttpRoute.get("/quotas/:quota_id/export"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId());
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
        needs.quotasBelow(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.admin(rows.quota(command.quotaId), caller, grants);
    }

    /** Trees are kept in files. */
    @Override
    public boolean offersYaml() {
        return true;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        List<Quota> below = rows.quotasBelow(command.quotaId);
        if (below.size() > DeclaredTree.MAX_QUOTAS - 1) {
            return new Decision.Refused(Hierarchy.violation("A quota with more than " + (DeclaredTree.MAX_QUOTAS - 1)
                    + " quotas below it cannot be applied, so it is not exported. Export some of those."));
        }
        Map<String, List<Quota>> children = below.stream()
                .sorted(Comparator.comparing((Quota child) -> Objects.requireNonNullElse(child.key(), ""))
                        .thenComparing(Quota::id))
                .collect(Collectors.groupingBy(child -> Objects.requireNonNull(child.parentId())));
        List<String> withoutKey = new ArrayList<>();
        String data = JsonText.object(json -> json.object("tree", tree -> {
                    tree.put("name", quota.name())
                            .putIfPresent("description", quota.description())
                            .put("total_mb", quota.wantedMb());
                    writeChildren(quota, children, withoutKey, tree);
                })
                .strings("without_key", withoutKey));
        return new Decision.Read(new Answer.Success("Tree exported.", data, false));
    }

    private static void writeChildren(
            Quota parent, Map<String, List<Quota>> children, List<String> withoutKey, JsonText json) {
        List<Quota> named = new ArrayList<>();
        for (Quota child : children.getOrDefault(parent.id(), List.of())) {
            if (child.key() == null) {
                withoutKey.add(child.id());
            } else {
                named.add(child);
            }
        }
        json.objects("children", named, (child, entry) -> {
            entry.put("key", child.key())
                    .put("name", child.name())
                    .putIfPresent("description", child.description())
                    .put("type", child.type().wireName())
                    .putIfPresent("target_id", child.teamId())
                    .put("total_mb", child.wantedMb());
            writeChildren(child, children, withoutKey, entry);
        });
    }
}
