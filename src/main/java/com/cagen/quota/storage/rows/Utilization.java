package com.cagen.quota.storage.rows;

import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;

/** How full a quota is, in megabytes. */
public record Utilization(String quotaId, long usedMb, long allocatedMb, long reservedMb, long totalMb) {
    /**
     * Reads all quotas of the kind asked for: no index can be ordered by figures that change with every operation without
     * making each of them write to it.
     */
    private static final String FULLEST = """
            SELECT id, used_mb, allocated_mb, reserved_mb, total_mb FROM quota.quotas
            WHERE (level = 0) = $2 AND status <> 'deleted'
            ORDER BY (used_mb + allocated_mb + reserved_mb)::float8 / total_mb DESC, id LIMIT $1
            """;

    /** One process is enough: no request waits for this query. */
    private static final String ALONE = "SELECT set_config('max_parallel_workers_per_gather', '0', true)";

    /** The share that is used, allocated or reserved, 0 to 1. */
    public double ratio() {
        return (double) (usedMb + allocatedMb + reservedMb) / totalMb;
    }

    /** The {@code limit} fullest roots and the {@code limit} fullest other quotas, of all organizations: for metrics. */
    public static Future<List<Utilization>> fullest(Database database, int limit) {
        return database.transaction(SecurityScope.maintenance(), connection -> connection
                .query(ALONE)
                .execute()
                .compose(ignored -> fullest(connection, limit, true))
                .compose(roots -> fullest(connection, limit, false).map(others -> {
                    roots.addAll(others);
                    return roots;
                })));
    }

    private static Future<List<Utilization>> fullest(DatabaseSession connection, int limit, boolean roots) {
        return connection
                .preparedQuery(FULLEST)
                .execute(Tuple.of((long) limit, roots))
                .map(rows -> {
                    List<Utilization> fullest = new ArrayList<>();
                    rows.forEach(row -> fullest.add(new Utilization(
                            row.getString(0), row.getLong(1), row.getLong(2), row.getLong(3), row.getLong(4))));
                    return fullest;
                });
    }
}
