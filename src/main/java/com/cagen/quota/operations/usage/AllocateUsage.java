package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
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
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Lets a resource use capacity of a quota: exactly what was asked, or as much as there is; or says whether it would. */
public final class AllocateUsage extends RowOperation<AllocateUsage.Command> {
    /** What to do when the quota has less available than was asked for. */
    public enum Mode {
        /** Nothing, and says whether it would be allowed; also when the quota has enough. */
        CHECK,
        /** Takes what there is. */
        BEST_EFFORT;

        private static final String STRICT = "strict";

        /** Null for {@code strict}, which is the same as no mode: refuses. */
        static @Nullable Mode ofWireName(String name) {
            return name.equals(STRICT) ? null : valueOf(name.toUpperCase(Locale.ROOT));
        }

        String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * {@code usageMb} is 1 or more. {@code minMb} is the least that {@link Mode#BEST_EFFORT} takes, else null.
     *
     * @param mode null takes exactly {@code usageMb}
     */
    public record Command(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason,
            @Nullable Mode mode,
            @Nullable Long minMb)
            implements Input {
        public Command(String quotaId, String resourceId, long usageMb, @Nullable String reason) {
            this(quotaId, resourceId, usageMb, reason, null, null);
        }
    }

    public AllocateUsage() {
        super(
                new OperationName("usage.allocate", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/usage/allocate"));
    }

    @Override
    public void check(Fields fields) {
        if (!(fields.value("min_mb") instanceof Number min)) {
            return;
        }
        if (!"best_effort".equals(fields.value("mode"))) {
            fields.reject("min_mb", "is only for the mode best_effort");
        } else if (fields.value("usage_mb") instanceof Number usage && min.longValue() > usage.longValue()) {
            fields.reject("min_mb", "must not be more than usage_mb");
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.text("resource_id"),
                fields.number("usage_mb"),
                fields.optional("reason"),
                fields.optional("mode", Mode::ofWireName),
                fields.optionalNumber("min_mb"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        needs.holding(command.quotaId, command.resourceId);
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        long heldMb = rows.heldMb(command.quotaId, command.resourceId);
        long usageMb = command.mode == Mode.BEST_EFFORT
                ? Math.max(
                        Objects.requireNonNullElse(command.minMb, 1L), Math.min(command.usageMb, quota.availableMb()))
                : command.usageMb;
        Refusal refusal = Capacity.refusal(quota, usageMb);
        if (command.mode == Mode.CHECK) {
            return new Decision.Read(checked(command, quota, heldMb, refusal));
        }
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Change change = Change.of("Usage allocated.");
        UsageChange usage = UsageChange.allocate(
                change, context.operationId(), quota, command.resourceId, heldMb, usageMb, context);
        return new Decision.Done(change.answer(usage::write));
    }

    private static Answer.Success checked(Command command, Quota quota, long heldMb, @Nullable Refusal refusal) {
        String data = JsonText.object(json -> {
            json.put("allowed", refusal == null)
                    .put("quota_id", quota.id())
                    .put("resource_id", command.resourceId)
                    .put("usage_mb", command.usageMb)
                    .put("held_mb", heldMb);
            UsageChange.writeFigures(quota, json);
            if (refusal != null) {
                json.object("refusal", inner -> inner.put("code", refusal.code().wireName())
                        .put("error", refusal.message())
                        .object("details", details -> details.all(refusal.details())));
            }
        });
        return new Answer.Success("Usage checked.", data, false);
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("resource_id", command.resourceId)
                .put("usage_mb", command.usageMb)
                .putIfPresent("reason", command.reason);
        if (command.mode != null) {
            details.put("mode", command.mode.wireName());
        }
        if (command.minMb != null) {
            details.put("min_mb", command.minMb);
        }
    }
}
