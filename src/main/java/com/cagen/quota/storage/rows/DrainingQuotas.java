package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;

/** Quotas that shrink to a smaller total as their capacity is freed. */
public final class DrainingQuotas {
    /** By the index of draining quotas, which are few at any time. */
    private static final String FREED = """
            SELECT organization_id, id FROM quota.quotas
            WHERE drain_to_mb IS NOT NULL AND status <> 'deleted'
              AND total_mb > greatest(drain_to_mb, used_mb + allocated_mb + reserved_mb)
              AND (organization_id, id) > ($1, $2)
            ORDER BY organization_id, id LIMIT $3
            """;

    private DrainingQuotas() {}

    /**
     * The draining quotas of all organizations that have capacity to give back, in the order of their keys.
     *
     * @param connection with the maintenance scope
     * @param after where to go on; keys of empty texts are before all others
     */
    public static Future<List<QuotaKey>> freed(DatabaseSession connection, QuotaKey after, int limit) {
        return connection
                .preparedQuery(FREED)
                .execute(Tuple.of(after.organizationId(), after.quotaId(), (long) limit))
                .map(rows -> {
                    List<QuotaKey> keys = new ArrayList<>(rows.size());
                    rows.forEach(row -> keys.add(new QuotaKey(row.getString(0), row.getString(1))));
                    return keys;
                });
    }
}
