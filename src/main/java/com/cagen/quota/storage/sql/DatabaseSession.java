package com.cagen.quota.storage.sql;

import com.cagen.quota.config.Config;
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
    private static final String SCOPE = "SELECT set_config($1, $2, true)";
    private static final String SCOPE_AND_LOCK_TIMEOUT =
            "SELECT set_config($1, $2, true), set_config('lock_timeout', $3, true)";
    /** Set by {@code SET LOCAL}, which Citus tells the other nodes of; {@code set_config} stays on this one. */
    private static final String SCOPE_ON_ALL_NODES = "SELECT quota.set_scope($1, $2)";

    private final SqlConnection connection;
    private final Config.Engine engine;
    private final long lockTimeoutMillis;
    private boolean commitSent;

    /** @param lockTimeoutMillis which the connection has anyway, on its own node */
    DatabaseSession(SqlConnection connection, Config.Engine engine, long lockTimeoutMillis) {
        this.connection = connection;
        this.engine = engine;
        this.lockTimeoutMillis = lockTimeoutMillis;
    }

    public Query<RowSet<Row>> query(String sql) {
        return connection.query(sql);
    }

    public PreparedQuery<RowSet<Row>> preparedQuery(String sql) {
        return connection.preparedQuery(sql);
    }

    /** Whether the whole database is in one place, as on PostgreSQL. */
    public boolean onOneNode() {
        return engine == Config.Engine.POSTGRESQL;
    }

    public Future<RowSet<Row>> run(BatchStatement statement, String[] organizations, Tuple values) {
        return statement.run(connection, engine, organizations, values);
    }

    /**
     * Sends writes: on PostgreSQL as one statement, which counts their rows itself. All see the database as it was before,
     * so none may depend on another.
     *
     * @return fails when one of them did not write each of its rows
     */
    public Future<Void> write(List<SqlWrite> writes) {
        if (writes.isEmpty()) {
            return Future.succeededFuture();
        }
        if (engine == Config.Engine.POSTGRESQL) {
            return CombinedWrites.run(connection, writes).mapEmpty();
        }
        return Future.join(writes.stream()
                        .map(write -> run(write.statement, write.organizations, write.values)
                                .compose(RowCounts.expect(write.organizations.length)))
                        .toList())
                .mapEmpty();
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

    /** As {@link #begin(Scope)}, with another time to wait for locks, in milliseconds. */
    public Future<?> begin(SecurityScope scope, long lockTimeoutMillis) {
        Future<?> begun = query("BEGIN").execute();
        if (engine == Config.Engine.CITUS) {
            return Future.all(begun, enterOnAllNodes(scope, lockTimeoutMillis));
        }
        Future<?> entered = preparedQuery(SCOPE_AND_LOCK_TIMEOUT)
                .execute(Tuple.of(scope.setting(), scope.value(), Long.toString(lockTimeoutMillis)));
        return Future.all(begun, entered);
    }

    /** Says what the transaction may see. */
    Future<?> enter(SecurityScope scope) {
        return engine == Config.Engine.CITUS
                ? enterOnAllNodes(scope, lockTimeoutMillis)
                : preparedQuery(SCOPE).execute(Tuple.of(scope.setting(), scope.value()));
    }

    private Future<?> enterOnAllNodes(SecurityScope scope, long lockTimeoutMillis) {
        return Future.all(
                preparedQuery(SCOPE_ON_ALL_NODES).execute(Tuple.of(scope.setting(), scope.value())),
                query("SET LOCAL lock_timeout = " + lockTimeoutMillis).execute());
    }

    /**
     * Commits when {@code writes} succeed. PostgreSQL gets COMMIT together with them, as a write that fails makes a rollback
     * of it, and those that may touch too few rows fail by themselves. On Citus they cannot, so their counts are waited for.
     *
     * @return fails when a write or COMMIT does; what was written is there or not, unless {@link #commitSent} says false
     */
    public Future<Void> commit(Future<?> writes) {
        if (engine == Config.Engine.CITUS) {
            return writes.compose(ignored -> sendCommit());
        }
        return Future.join(writes, sendCommit()).mapEmpty();
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
