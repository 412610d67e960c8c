package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.sqlclient.PreparedQuery;
import io.vertx.sqlclient.Query;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Transaction;
import io.vertx.sqlclient.Tuple;
import java.util.List;

/**
 * A connection to the database together with what differs between the engines: how a transaction says what it may see, how a
 * statement over many rows is written, and when COMMIT may be sent.
 */
public final class DatabaseSession {
    private final SqlConnection connection;
    private final SqlEngine engine;
    private boolean commitSent;

    DatabaseSession(SqlConnection connection, SqlEngine engine) {
        this.connection = connection;
        this.engine = engine;
    }

    public Query<RowSet<Row>> query(String sql) {
        return connection.query(sql);
    }

    public PreparedQuery<RowSet<Row>> preparedQuery(String sql) {
        return connection.preparedQuery(sql);
    }

    /** Whether the whole database is in one place, as on PostgreSQL. */
    public boolean onOneNode() {
        return engine.onOneNode();
    }

    public Future<RowSet<Row>> run(BatchStatement statement, String[] organizations, Tuple values) {
        return engine.run(connection, statement, organizations, values);
    }

    /**
     * Sends writes: on PostgreSQL as one statement, which counts their rows itself. All see the database as it was before,
     * so none may depend on another.
     *
     * @return fails when one of them did not write each of its rows
     */
    public Future<Void> write(List<SqlWrite> writes) {
        return writes.isEmpty() ? Future.succeededFuture() : engine.write(connection, writes);
    }

    /** Sends writes one after the other, waiting for none; each sees what those before it did. */
    public Future<Void> writeInTurn(List<SqlWrite> writes) {
        return Future.join(writes.stream().map(this::write).toList()).mapEmpty();
    }

    /** As {@link #write(List)}. */
    public Future<Void> write(SqlWrite write) {
        return write(List.of(write));
    }

    Future<Transaction> begin() {
        return connection.begin();
    }

    /** Sends BEGIN and the scope, waiting for neither. */
    public Future<?> begin(SecurityScope scope) {
        return Future.all(query("BEGIN").execute(), enter(scope));
    }

    /** As {@link #begin(SecurityScope)}, with another time to wait for locks, in milliseconds. */
    public Future<?> begin(SecurityScope scope, long lockTimeoutMillis) {
        return Future.all(query("BEGIN").execute(), engine.enter(connection, scope, lockTimeoutMillis));
    }

    /** Says what the transaction may see. */
    Future<?> enter(SecurityScope scope) {
        return engine.enter(connection, scope);
    }

    /**
     * Commits when {@code writes} succeed. PostgreSQL gets COMMIT together with them, as a write that fails makes a rollback
     * of it, and those that may touch too few rows fail by themselves. On Citus they cannot, so their counts are waited for.
     *
     * @return fails when a write or COMMIT does; what was written is there or not, unless {@link #commitSent} says false
     */
    public Future<Void> commit(Future<?> writes) {
        return engine.writesCheckThemselves()
                ? Future.join(writes, sendCommit()).mapEmpty()
                : writes.compose(ignored -> sendCommit());
    }

    private Future<Void> sendCommit() {
        commitSent = true;
        return query("COMMIT").execute().mapEmpty();
    }

    /** Whether the outcome of the transaction may be unknown; while it is not, nothing was done. */
    public boolean commitSent() {
        return commitSent;
    }

    public Future<Void> rollback() {
        return query("ROLLBACK").execute().mapEmpty();
    }

    public Future<Void> close() {
        return connection.close();
    }
}
