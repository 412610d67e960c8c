package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.List;

/** One PostgreSQL: a statement takes rows of any organizations, and all writes of a transaction are one statement. */
final class PostgresEngine implements SqlEngine {
    private static final String SCOPE = "SELECT set_config($1, $2, true)";
    private static final String SCOPE_AND_LOCK_TIMEOUT =
            "SELECT set_config($1, $2, true), set_config('lock_timeout', $3, true)";

    @Override
    public void configure(PgConnectOptions options) {
        // Array parameters: planning each time anew cost a third of PostgreSQL's CPU.
        options.addProperty("plan_cache_mode", "force_generic_plan");
    }

    @Override
    public boolean keepsPlans() {
        return true;
    }

    @Override
    public boolean onOneNode() {
        return true;
    }

    @Override
    public Future<RowSet<Row>> run(
            SqlConnection connection, BatchStatement statement, String[] organizations, Tuple values) {
        Tuple all = Tuple.tuple().addArrayOfString(organizations);
        BatchStatement.addAll(all, values);
        return connection.preparedQuery(statement.ofManyOrganizations()).execute(all);
    }

    @Override
    public Future<Void> write(SqlConnection connection, List<SqlWrite> writes) {
        return CombinedWrites.run(connection, writes).mapEmpty();
    }

    @Override
    public Future<?> enter(SqlConnection connection, SecurityScope scope) {
        return connection.preparedQuery(SCOPE).execute(Tuple.of(scope.setting(), scope.value()));
    }

    @Override
    public Future<?> enter(SqlConnection connection, SecurityScope scope, long lockTimeoutMillis) {
        return connection
                .preparedQuery(SCOPE_AND_LOCK_TIMEOUT)
                .execute(Tuple.of(scope.setting(), scope.value(), Long.toString(lockTimeoutMillis)));
    }

    @Override
    public boolean writesCheckThemselves() {
        return true;
    }
}
