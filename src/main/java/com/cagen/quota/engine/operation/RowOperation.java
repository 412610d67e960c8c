package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;

/**
 * An operation that is decided from the rows it needs, by a pure function. Many of them share a transaction: each sees what its
 * predecessors left.
 */
public abstract non-sealed class RowOperation<C extends Input> extends Operation<C> {

    /**
     * @param commandType the record of the decoded fields
     * @param routes possibly none
     */
    protected RowOperation(OperationName name, Class<C> commandType, HttpRoute... routes) {
        super(name, commandType, routes);
    }

    /**
     * Decides. Depends on its arguments alone, and changes none of them.
     *
     * @param rows what {@link #need} named; rows that exist, under their locks
     * @return {@link Decision.Refused}, {@link Decision.TellAuth} or a {@link Change}
     */
    public abstract Decision decide(C command, Rows rows, Context context);

    /**
     * Whether it may share a transaction with requests of other organizations. For that, each row that it reads or writes must
     * be of a quota that it names in {@link #need}: row-level security hides all others in such a transaction.
     */
    public boolean sharesTransaction() {
        return false;
    }
}
