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
import com.cagen.quota.protocol.ErrorCode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Changes what a quota is called, and how large it is: more is taken from its parent, less is given back. */
public final class UpdateQuota extends RowOperation<UpdateQuota.Command> {
    private static final List<String> CLEARABLE = List.of("description", "key");

    /**
     * What is null stays as it is.
     *
     * @param cleared the names of the fields that are to be null afterwards: of {@code description} and {@code key}
     * @param drain true: {@code totalMb} may be below what is taken, and is reached as that is freed; false: ends draining
     * @param expectedVersion refuses the update when the quota has another version
     */
    public record Command(
            String quotaId,
            @Nullable String name,
            @Nullable String description,
            @Nullable String key,
            List<String> cleared,
            @Nullable Long totalMb,
            @Nullable Boolean drain,
            @Nullable Long expectedVersion)
            implements Input {
        public Command {
            cleared = List.copyOf(cleared);
        }

        private boolean changesLabel() {
            return name != null || description != null || key != null || !cleared.isEmpty();
        }

        private boolean changesSize() {
            return totalMb != null || drain != null;
        }
    }

    public UpdateQuota() {
        super(new OperationName("quota.update", true), Command.class, HttpRoute.patch("/quotas/:quota_id"));
    }

    @Override
    public void check(Fields fields) {
        if (Boolean.TRUE.equals(fields.value("drain")) && fields.value("total_mb") == null) {
            fields.reject("total_mb", "is missing: with drain it is the total that the quota shrinks to");
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.verbatim("name"),
                fields.verbatim("description"),
                fields.verbatim("key"),
                CLEARABLE.stream().filter(fields::isNull).toList(),
                fields.optionalNumber("total_mb"),
                (Boolean) fields.value("drain"),
                fields.optionalNumber("expected_version"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lockWithParent(command.quotaId);
        if (command.key != null) {
            needs.siblingWithKey(command.quotaId, command.key);
        }
    }

    /** The name, description and key: admin. The size: as {@link Resizing#access}. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId);
        Quota parent = rows.parentOf(quota);
        if (!command.changesSize()) {
            return command.changesLabel() || parent == null
                    ? Access.admin(quota, caller, grants)
                    : Access.admin(List.of(quota, parent), caller, grants);
        }
        Access.Result size = Resizing.access(quota, parent, caller, grants);
        return command.changesLabel() ? Access.both(Access.admin(quota, caller, grants), size) : size;
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Quota parent = rows.parentOf(quota);
        Quota.Label label = label(command, quota.label());
        Quota.Figures figures = figures(command, quota.figures());
        Refusal refusal = refusal(command, quota, parent, figures, rows);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        if (label.equals(quota.label()) && figures.equals(quota.figures())) {
            return new Decision.Done(Change.of("Quota was so already.")
                    .quota(QuotaChange.of(quota, quota))
                    .answer(json -> QuotaJson.write(quota, json)));
        }
        Quota after = quota.updated(label, figures, context.now());
        return new Decision.Done(Resizing.apply(
                Change.of("Quota updated.").answer(json -> QuotaJson.write(after, json)),
                quota,
                after,
                parent,
                context.now()));
    }

    private static Quota.Label label(Command command, Quota.Label before) {
        return new Quota.Label(
                command.name == null ? before.name() : command.name,
                valueOf(command, "description", command.description, before.description()),
                valueOf(command, "key", command.key, before.key()));
    }

    private static @Nullable String valueOf(
            Command command, String field, @Nullable String value, @Nullable String before) {
        if (command.cleared.contains(field)) {
            return null;
        }
        return value == null ? before : value;
    }

    /** A total below what is taken leaves the rest to be drained. Whatever is free is given back at once. */
    private static Quota.Figures figures(Command command, Quota.Figures before) {
        if (command.totalMb == null) {
            return Boolean.FALSE.equals(command.drain) ? before.withTotal(before.totalMb(), null) : before;
        }
        long takenMb = before.takenMb();
        return command.totalMb < takenMb
                ? before.withTotal(takenMb, command.totalMb)
                : before.withTotal(command.totalMb, null);
    }

    /** The version first, then the key, then the size; null when allowed. */
    private static @Nullable Refusal refusal(
            Command command, Quota quota, @Nullable Quota parent, Quota.Figures after, Rows rows) {
        if (command.expectedVersion != null && command.expectedVersion != quota.version()) {
            return versionMismatch(command.expectedVersion, quota.version());
        }
        if (command.key != null) {
            String holder = rows.siblingWithKey(quota.id(), command.key);
            if (holder != null && !holder.equals(quota.id())) {
                return keyTaken(command.key);
            }
        }
        if (command.totalMb != null
                && command.totalMb < quota.figures().takenMb()
                && !Boolean.TRUE.equals(command.drain)) {
            return Refusal.belowUse(quota, command.totalMb);
        }
        long moreMb = after.totalMb() - quota.totalMb();
        return parent == null || moreMb <= 0 ? null : Capacity.refusal(parent, moreMb);
    }

    private static Refusal versionMismatch(long expected, long current) {
        return new Refusal(
                ErrorCode.VERSION_MISMATCH,
                "The quota has version " + current + ", not " + expected + "; read it again.",
                Map.of("expected_version", expected, "current_version", current));
    }

    private static Refusal keyTaken(String key) {
        return new Refusal(
                ErrorCode.KEY_TAKEN, "Another quota beside this one has the key " + key + ".", Map.of("key", key));
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.putIfPresent("name", command.name).putIfPresent("key", command.key);
        if (command.description != null) {
            details.cutText("description", command.description);
        }
        command.cleared.forEach(field -> details.put(field, (String) null));
        if (command.totalMb != null) {
            details.put("total_mb", command.totalMb);
        }
        if (command.drain != null) {
            details.put("drain", command.drain);
        }
        if (command.expectedVersion != null) {
            details.put("expected_version", command.expectedVersion);
        }
    }
}
