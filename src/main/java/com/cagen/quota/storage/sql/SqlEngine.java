package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.List;

/** What differs between PostgreSQL and Citus: how statements name organizations, and what is sent when. */
interface SqlEngine {
    /** Adds the settings of a connection. */
    void configure(PgConnectOptions options);

    /** Whether a connection plans a statement once and not each time. */
    boolean keepsPlans();

    /** Whether the whole database is in one place. */
    boolean onOneNode();

    Future<RowSet<Row>> run(SqlConnection connection, BatchStatement statement, String[] organizations, Tuple values);

    /** Sends writes, one at least; fails when one of them does not write each of its rows. */
    Future<Void> write(SqlConnection connection, List<SqlWrite> writes);

    /** Says what a transaction may see. */
    Future<?> enter(SqlConnection connection, SecurityScope scope);

    /** As {@link #enter(SqlConnection, SecurityScope)}, with another time to wait for locks. */
    Future<?> enter(SqlConnection connection, SecurityScope scope, long lockTimeoutMillis);

    /** Whether a write that touches too few rows fails by itself: then COMMIT can be sent along with the writes. */
    boolean writesCheckThemselves();
}
