package com.cagen.quota.storage;

import io.vertx.sqlclient.Tuple;

/** Rows to be written, all with one statement; {@link Session#write} does so. */
public final class Write {
    final BatchStatement statement;
    /** Of each row. */
    final String[] organizations;

    /** From {@code $2} on. */
    final Tuple values;

    Write(BatchStatement statement, String[] organizations, Tuple values) {
        this.statement = statement;
        this.organizations = organizations;
        this.values = values;
    }
}
