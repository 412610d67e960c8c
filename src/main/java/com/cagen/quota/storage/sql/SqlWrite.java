package com.cagen.quota.storage.sql;

import io.vertx.sqlclient.Tuple;

/** Rows to be written, all with one statement; {@link DatabaseSession#write} does so. */
public final class SqlWrite {
    final BatchStatement statement;
    /** Of each row. */
    public final String[] organizations;

    /** From {@code $2} on. */
    public final Tuple values;

    public SqlWrite(BatchStatement statement, String[] organizations, Tuple values) {
        this.statement = statement;
        this.organizations = organizations;
        this.values = values;
    }
}
