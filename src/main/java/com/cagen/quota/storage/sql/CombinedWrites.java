package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Several writes as one statement, on PostgreSQL. It fails (22012, division by zero) when one of them touches another number of
 * rows than it should, as it may be sent together with COMMIT.
 */
final class CombinedWrites {
    /** As many as there are combinations that a transaction writes. */
    private static final Map<List<BatchStatement>, String> TEXTS = new ConcurrentHashMap<>();

    private CombinedWrites() {}

    static Future<RowSet<Row>> run(SqlConnection connection, List<SqlWrite> writes) {
        Tuple all = Tuple.tuple();
        for (SqlWrite write : writes) {
            all.addArrayOfString(write.organizations);
            BatchStatement.addAll(all, write.values);
        }
        String sql = TEXTS.computeIfAbsent(
                writes.stream().map(write -> write.statement).toList(), ignored -> text(writes));
        return connection.preparedQuery(sql).execute(all);
    }

    private static String text(List<SqlWrite> writes) {
        List<String> parts = new ArrayList<>();
        List<String> counts = new ArrayList<>();
        int parameters = 0;
        for (SqlWrite write : writes) {
            String sql = write.statement.ofManyOrganizations(parameters);
            String name = "w" + parts.size();
            if (write.statement.guarded()) {
                sql += " RETURNING 1";
                counts.add("(SELECT count(*) FROM " + name + ") = cardinality($" + (parameters + 1) + "::text[])");
            }
            parts.add(name + " AS (" + sql + ")");
            parameters += 1 + write.values.size();
        }
        return "WITH " + String.join(", ", parts) + " SELECT "
                + (counts.isEmpty() ? "1" : "1 / (" + String.join(" AND ", counts) + ")::int");
    }
}
