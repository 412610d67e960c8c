package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.List;
import java.util.UUID;

/**
 * An operation that the service carries out by itself, with the actor {@code system}, on every quota that it is due for. It has no
 * route and no address, so clients cannot ask for it. Several nodes may carry it out at the same time: it must do nothing when
 * it is not due any more.
 */
public abstract class SystemOperation<C extends Input> extends RowOperation<C> {

    /** @param commandType the record of the decoded fields */
    protected SystemOperation(OperationName name, Class<C> commandType) {
        super(name, commandType);
    }

    /**
     * The quotas that it is due for, of all organizations, in the order of their keys.
     *
     * @param connection in a transaction that may read, but not write, the quotas of all organizations
     * @param after where to go on; empty texts are before all others
     */
    public abstract Future<List<QuotaKey>> due(DatabaseSession connection, QuotaKey after, int limit);

    /**
     * Whether it ends the reservations that are due. It is then carried out before whatever else a transaction decides about a quota
     * that has some.
     */
    public boolean endsReservations() {
        return false;
    }

    /** Its request about one of these quotas. */
    public final Request request(QuotaKey quota) {
        return new Request(
                UUID.randomUUID().toString(),
                Caller.system(quota.organizationId()),
                null,
                null,
                name(),
                command(quota.quotaId()));
    }

    /** Its command for one of these quotas. */
    public abstract C command(String quotaId);

    @Override
    public final C decode(Fields fields) {
        return command(fields.quotaId());
    }

    @Override
    public final Access.Result access(C command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.system(caller);
    }
}
