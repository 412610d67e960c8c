package com.cagen.quota.storage.schema;

import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether the database keeps organizations apart although the service might err: row-level security is on and forced on every
 * table with an organization, and the pool's role cannot go past it.
 */
public final class StartupChecks {
    /** Superusers, BYPASSRLS roles and (where it is not forced) owners ignore row-level security. */
    private static final String ROLE = """
            SELECT rolname, rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user
            """;

    /** Partitions have policies of their own, so each must have its own lock. */
    private static final String TABLES = """
            SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
                   pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE') AS owned
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
            WHERE n.nspname = 'quota' AND c.relkind IN ('r', 'p')
            ORDER BY c.relname
            """;

    private static final int CONNECT_ATTEMPTS = 5;

    private StartupChecks() {}

    /**
     * Fails with an {@link IllegalStateException} that has a line for everything that is wrong.
     *
     * @param database as the service will use it: under the pool's role
     */
    public static Future<Void> run(Database database) {
        return connect(database, CONNECT_ATTEMPTS)
                .compose(connection -> run(connection).eventually(connection::close));
    }

    /** A cold process on a busy machine may need longer for its first connection than any request may wait for one. */
    private static Future<DatabaseSession> connect(Database database, int attempts) {
        return database.connection()
                .recover(failure -> attempts > 1 ? connect(database, attempts - 1) : Future.failedFuture(failure));
    }

    /** For the role that {@code connection} works under. */
    static Future<Void> run(DatabaseSession connection) {
        return connection
                .query(ROLE)
                .execute()
                .compose(role -> connection.query(TABLES).execute().map(tables -> problems(role, tables)))
                .compose(problems -> problems.isEmpty()
                        ? Future.succeededFuture()
                        : Future.failedFuture(new IllegalStateException(String.join("\n", problems))));
    }

    private static List<String> problems(RowSet<Row> roles, RowSet<Row> tables) {
        List<String> problems = new ArrayList<>();
        for (Row role : roles) {
            String name = role.getString("rolname");
            if (role.getBoolean("rolsuper")) {
                problems.add("the role " + name + " is a superuser, for whom row-level security does not hold;"
                        + " ALTER ROLE " + name + " NOSUPERUSER");
            }
            if (role.getBoolean("rolbypassrls")) {
                problems.add(
                        "the role " + name + " may bypass row-level security; ALTER ROLE " + name + " NOBYPASSRLS");
            }
        }
        if (tables.size() == 0) {
            problems.add("the schema quota has no tables; run migrate");
        }
        for (Row table : tables) {
            String name = "quota." + table.getString("relname");
            if (table.getBoolean("owned")) {
                problems.add("the service's role owns " + name + " and could switch its row-level security off;"
                        + " give the table to another role");
            }
            if (!table.getBoolean("relrowsecurity") || !table.getBoolean("relforcerowsecurity")) {
                problems.add("row-level security is not enabled and forced on " + name + "; ALTER TABLE " + name
                        + " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
            }
        }
        return problems;
    }
}
