package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.QuotaStates;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Shows one quota. Such reads share the transactions of changes, which costs them less than one of their own. */
public final class GetQuota extends RowOperation<GetQuota.Command> {
    /** @param at a moment of the past; null for the quota as it is */
    public record Command(String quotaId, @Nullable Instant at) implements Input {
        static Command of(Fields fields) {
            return new Command(fields.quotaId(), fields.timestamp("at"));
        }
    }

    private final OfThePast ofThePast = new OfThePast(name());

    public GetQuota() {
        super(new OperationName("quota.get", false), Command.class, HttpRoute.get("/quotas/:quota_id"));
    }

    @Override
    public void check(Fields fields) {
        fields.timestamp("at");
    }

    @Override
    public Command decode(Fields fields) {
        return Command.of(fields);
    }

    @Override
    public Operation<Command> forCommand(Command command) {
        return command.at == null ? this : ofThePast;
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
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
        Set<Permission> held = Access.held(quota, context.caller(), context.grants());
        String data = JsonText.object(json -> {
            QuotaJson.write(quota, json);
            json.strings(
                    "my_permissions", held.stream().map(Permission::wireName).toList());
        });
        return new Decision.Read(new Answer.Success("Quota found.", data, false));
    }

    @Override
    public boolean answersQuota() {
        return true;
    }

    /** Carries out this for a moment of the past, by the clock of the database. It works for a released quota as well. */
    private static final class OfThePast extends QueryOperation<Command> {
        OfThePast(OperationName name) {
            super(name, Command.class);
        }

        @Override
        public Command decode(Fields fields) {
            return Command.of(fields);
        }

        @Override
        public void need(Command command, Needs needs) {
            needs.read(command.quotaId());
        }

        @Override
        public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
            return Access.read(rows.quota(command.quotaId()), caller, grants);
        }

        @Override
        public boolean outlivesDeletion() {
            return true;
        }

        @Override
        public boolean answersQuota() {
            return true;
        }

        @Override
        public Future<Answer> run(DatabaseSession connection, Command command, Caller caller) {
            QuotaKey quota = new QuotaKey(caller.organizationId(), command.quotaId());
            return QuotaStates.at(connection, quota, Objects.requireNonNull(command.at()))
                    .map(OfThePast::answer);
        }

        private static Answer answer(QuotaStates.Then then) {
            if (then instanceof QuotaStates.Known known) {
                String data = JsonText.object(json -> QuotaJson.write(known.quota(), json));
                return new Answer.Success("Quota found.", data, false);
            } else if (then instanceof QuotaStates.NotCreated) {
                return Refusal.of(ErrorCode.QUOTA_NOT_FOUND, "There was no such quota at this moment.");
            } else if (then instanceof QuotaStates.NotKept kept) {
                return invalid("must not be before " + kept.since() + ": what the quota was until then is not kept");
            }
            return invalid("must not be in the future");
        }

        private static Refusal invalid(String problem) {
            return Violation.refuse(List.of(new Violation("at", problem))).refusal();
        }
    }
}
