package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Increase;
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
import com.cagen.quota.operations.quota.Resizing;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.IncreaseStatus;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What ends a request for a larger quota.
 *
 * @param <C> its decoded fields
 */
abstract class DecideIncrease<C extends DecideIncrease.Command> extends RowOperation<C> {
    private final IncreaseStatus end;

    /** The fields of such an operation. */
    interface Command extends Input {
        String increaseId();

        @Nullable
        String reason();

        @Override
        default String quotaId() {
            return Increase.quotaIdOf(increaseId());
        }
    }

    /** @param verb the operation's, and the end of its path */
    DecideIncrease(String verb, IncreaseStatus end, Class<C> commandType) {
        super(
                new OperationName("increase." + verb, true),
                commandType,
                HttpRoute.post("/increases/:increase_id/" + verb));
        this.end = end;
    }

    static String increaseId(Fields fields) {
        return fields.text("increase_id");
    }

    static @Nullable String reason(Fields fields) {
        return fields.optional("reason");
    }

    @Override
    public final void need(C command, Needs needs) {
        needs.lockWithParent(command.quotaId());
        needs.increase(command.increaseId());
    }

    @Override
    public final Refusal quotaNotFound() {
        return Refusal.increaseNotFound();
    }

    @Override
    public final @Nullable Refusal missing(C command, Rows rows) {
        return rows.increase(command.increaseId()) == null ? Refusal.increaseNotFound() : null;
    }

    /** As a change of the quota's size. */
    @Override
    public Access.Result access(C command, Rows rows, Caller caller, KnownGrants grants) {
        Quota quota = rows.quota(command.quotaId());
        return Resizing.access(quota, rows.parentOf(quota), caller, grants);
    }

    @Override
    public final Decision decide(C command, Rows rows, Context context) {
        Increase increase = increase(command, rows);
        if (!increase.pending()) {
            return new Decision.Refused(Refusal.increaseClosed(increase));
        }
        Quota quota = rows.quota(command.quotaId());
        Increase decided = increase.decided(
                end, new Increase.Decision(context.caller().userId(), context.now(), command.reason()));
        return end(decided, quota, rows.parentOf(quota), context);
    }

    /**
     * What the end does besides ending it: nothing, unless this is overridden.
     *
     * @param parent null of a root
     */
    Decision end(Increase decided, Quota quota, @Nullable Quota parent, Context context) {
        return new Decision.Done(Change.of("Increase " + end.wireName() + ".")
                .quota(QuotaChange.of(quota, quota))
                .increase(decided)
                .answer(json -> IncreaseJson.write(decided, json)));
    }

    static Increase increase(Command command, Rows rows) {
        return Objects.requireNonNull(rows.increase(command.increaseId()), "the request was not found");
    }

    @Override
    public final boolean changesVisibility() {
        return false;
    }

    @Override
    public final void describe(C command, JsonText details) {
        details.put("increase_id", command.increaseId()).putIfPresent("reason", command.reason());
    }
}
