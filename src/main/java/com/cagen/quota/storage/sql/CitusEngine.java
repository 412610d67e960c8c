package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.List;

/** Citus: each statement names one organization, by which it is sent to the node that has its rows. */
final class CitusEngine implements SqlEngine {
    /** Set by {@code SET LOCAL}, which Citus tells the other nodes of; {@code set_config} stays on this one. */
    private static final String SCOPE_ON_ALL_NODES = "SELECT quota.set_scope($1, $2)";

    private final long lockTimeoutMillis;

    CitusEngine(long lockTimeoutMillis) {
        this.lockTimeoutMillis = lockTimeoutMillis;
    }

    @Override
    public void configure(PgConnectOptions options) {
        options.addProperty("citus.propagate_set_commands", "local")
                // Which node a statement goes to is known only with its parameters.
                .addProperty("plan_cache_mode", "force_custom_plan");
    }

    @Override
    public boolean keepsPlans() {
        return false;
    }

    @Override
    public boolean onOneNode() {
        return false;
    }

    @Override
    public Future<RowSet<Row>> run(
            SqlConnection connection, BatchStatement statement, String[] organizations, Tuple values) {
        Tuple all = Tuple.tuple().addString(only(organizations));
        BatchStatement.addAll(all, values);
        return connection.preparedQuery(statement.ofOneOrganization()).execute(all);
    }

    private static String only(String[] organizations) {
        String first = organizations[0];
        for (String organization : organizations) {
            if (!organization.equals(first)) {
                throw new IllegalStateException("a statement over several organizations");
            }
        }
        return first;
    }

    @Override
    public Future<Void> write(SqlConnection connection, List<SqlWrite> writes) {
        return Future.join(writes.stream()
                        .map(write -> run(connection, write.statement, write.organizations, write.values)
                                .compose(RowCounts.expect(write.organizations.length)))
                        .toList())
                .mapEmpty();
    }

    @Override
    public Future<?> enter(SqlConnection connection, SecurityScope scope) {
        return enter(connection, scope, lockTimeoutMillis);
    }

    @Override
    public Future<?> enter(SqlConnection connection, SecurityScope scope, long lockTimeoutMillis) {
        return Future.all(
                connection.preparedQuery(SCOPE_ON_ALL_NODES).execute(Tuple.of(scope.setting(), scope.value())),
                connection
                        .query("SET LOCAL lock_timeout = " + lockTimeoutMillis)
                        .execute());
    }

    @Override
    public boolean writesCheckThemselves() {
        return false;
    }
}
