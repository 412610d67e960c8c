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
import com.cagen.quota.protocol.Permission;
import java.util.Set;

/** Shows one quota. Such reads share the transactions of changes, which costs them less than one of their own. */
public final class GetQuota extends RowOperation<GetQuota.Command> {
    public record Command(String quotaId) implements Input {}

    public GetQuota() {
        super(new OperationName("quota.get", false), Command.class, HttpRoute.get("/quotas/:quota_id"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId());
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
}
