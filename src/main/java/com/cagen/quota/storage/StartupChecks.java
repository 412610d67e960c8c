package com.cagen.quota.storage;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import java.util.ArrayList;
import java.util.List;

/** Refuses to start where row-level security would not hold. */
public final class StartupChecks {
    private static final String ROLE = """
            SELECT rolsuper OR rolbypassrls AS bypasses,
                   EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = 'quota' AND pg_has_role(current_user, c.relowner, 'USAGE')) AS owns
            FROM pg_roles WHERE rolname = current_user
            """;
    private static final String UNPROTECTED = """
            SELECT c.relname FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'quota' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
              AND EXISTS (SELECT FROM pg_attribute a
                          WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped)
            ORDER BY 1
            """;

    private StartupChecks() {}

    /** Fails with an {@link IllegalStateException} that says what is wrong. */
    public static Future<Void> run(Database database) {
        return database.transaction(Scope.maintenance(), connection -> connection
                .query(ROLE)
                .execute()
                .compose(roles -> connection.query(UNPROTECTED).execute().compose(tables -> {
                    List<String> wrong = new ArrayList<>();
                    Row role = roles.iterator().next();
                    if (role.getBoolean("bypasses")) {
                        wrong.add("the role of the connections is a superuser or has BYPASSRLS");
                    }
                    if (role.getBoolean("owns")) {
                        wrong.add("the role of the connections owns the tables");
                    }
                    tables.forEach(table ->
                            wrong.add("table quota." + table.getString(0) + " lacks FORCE ROW LEVEL SECURITY"));
                    return wrong.isEmpty()
                            ? Future.succeededFuture()
                            : Future.failedFuture(new IllegalStateException(
                                    "organizations would not be isolated: " + String.join("; ", wrong)));
                })));
    }
}
