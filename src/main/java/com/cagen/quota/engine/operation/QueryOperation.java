package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;

/** A read that runs queries of its own, in a transaction of its own. */
public abstract non-sealed class QueryOperation<C extends Input> extends Operation<C> {

    /**
     * @param commandType the record of the decoded fields
     * @param routes possibly none
     */
    protected QueryOperation(OperationName name, Class<C> commandType, HttpRoute... routes) {
        super(name, commandType, routes);
    }

    /**
     * Reads. The caller may do so.
     *
     * @param connection in a transaction that sees the caller's organization
     * @return what it found, or why it refuses
     */
    public abstract Future<? extends Answer> run(DatabaseSession connection, C command, Caller caller);
}
