package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.SiblingKey;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import org.jspecify.annotations.Nullable;

/** The keys of quotas, which are unique among the living children of one parent, and among an organization's living roots. */
public final class SiblingKeys {
    /** Held until the transaction ends. Children need no such lock: that of their parent is held already. */
    private static final String LOCK_ROOTS = """
            SELECT pg_advisory_xact_lock(hashtextextended('keys of roots/' || $1, 0)) IS NULL FROM quota.quotas q
            WHERE q.organization_id = $1 AND q.id = $2 AND q.parent_quota_id IS NULL
            """;

    private static final String FIND = """
            SELECT s.id FROM quota.quotas q
            JOIN quota.quotas s ON s.organization_id = $1 AND s.parent_quota_id = q.parent_quota_id AND s.key = $3
                AND s.status <> 'deleted'
            WHERE q.organization_id = $1 AND q.id = $2
            UNION ALL
            SELECT s.id FROM quota.quotas q
            JOIN quota.quotas s ON s.organization_id = $1 AND s.parent_quota_id IS NULL AND s.key = $3
                AND s.status <> 'deleted'
            WHERE q.organization_id = $1 AND q.id = $2 AND q.parent_quota_id IS NULL
            """;

    private static final String FIND_UNDER = """
            SELECT s.id FROM quota.quotas q
            JOIN quota.quotas s ON s.organization_id = $1 AND s.parent_quota_id = $3 AND s.key = q.key
                AND s.status <> 'deleted'
            WHERE q.organization_id = $1 AND q.id = $2
            """;

    private SiblingKeys() {}

    /** Which living child of {@code parent} has the key that the quota has; null when none has. Both are locked. */
    public static Future<@Nullable String> findUnder(DatabaseSession connection, QuotaKey quota, String parentId) {
        return connection
                .preparedQuery(FIND_UNDER)
                .execute(Tuple.of(quota.organizationId(), quota.quotaId(), parentId))
                .map(rows -> {
                    String holder = null;
                    for (Row row : rows) {
                        holder = row.getString(0);
                    }
                    return holder;
                });
    }

    /**
     * Which living quota beside this one, or itself, has the key; null when none has. That stays so until the transaction ends.
     * The quota is locked with its parent, in a statement that was sent before.
     */
    public static Future<@Nullable String> find(DatabaseSession connection, SiblingKey key) {
        QuotaKey quota = key.quota();
        // Statements of their own: each sees what the lock before it waited for.
        Future<?> locked =
                connection.preparedQuery(LOCK_ROOTS).execute(Tuple.of(quota.organizationId(), quota.quotaId()));
        Future<@Nullable String> found = connection
                .preparedQuery(FIND)
                .execute(Tuple.of(quota.organizationId(), quota.quotaId(), key.key()))
                .map(rows -> {
                    String holder = null;
                    for (Row row : rows) {
                        holder = row.getString(0);
                    }
                    return holder;
                });
        return Future.all(locked, found).map(ignored -> found.result());
    }
}
