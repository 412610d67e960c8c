package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A subtree of table {@code quotas} in pages. A quota's place is the list of names and ids from below the root of the subtree down to
 * the quota: places in order are parents before children, siblings by name and then by id. A page reads the names of the whole
 * subtree, which the limit on living quotas of a tree bounds.
 */
public final class SubtreeRows {
    /** Quota $1/$2, $3 levels below it, after the place $4. MATERIALIZED: the recursion joins names, not the table. */
    private static final String LIST = PageBytes.cut(
            """
            WITH RECURSIVE living AS MATERIALIZED (
                SELECT q.id, q.parent_quota_id, q.name
                FROM quota.quotas r
                JOIN quota.quotas q ON q.organization_id = $1 AND q.path > r.path || '/' AND q.path < r.path || '0'
                WHERE r.organization_id = $1 AND r.id = $2 AND q.status <> 'deleted' AND q.level <= r.level + $3::bigint
            ), tree AS (
                SELECT $2::text COLLATE "C" AS id, ARRAY[]::text[] COLLATE "C" AS place
                UNION ALL
                SELECT l.id, t.place || ARRAY[l.name COLLATE "C", l.id] FROM tree t JOIN living l ON l.parent_quota_id = t.id
            )
            SELECT %s, t.place
            FROM tree t JOIN quota.quotas q ON q.organization_id = $1 AND q.id = t.id
            WHERE $4::text[] IS NULL OR t.place > $4::text[]
            ORDER BY t.place LIMIT $5
            """.formatted(QuotaRows.WITHOUT_OWNERS),
            "place",
            "octet_length(name) + coalesce(octet_length(description), 0) + octet_length(path)",
            "$5");

    /** Names and ids from below quota $1/$2 down to quota $3, whether they live or not; the first row is the quota $2 itself. */
    private static final String PLACE = """
            SELECT a.name, a.id
            FROM quota.quotas r
            JOIN quota.quotas c ON c.organization_id = $1 AND c.id = $3
                AND (c.id = r.id OR c.path > r.path || '/' AND c.path < r.path || '0')
            JOIN quota.quotas a ON a.organization_id = $1 AND a.id = ANY (string_to_array(substr(c.path, 2), '/'))
                AND a.level >= r.level
            WHERE r.organization_id = $1 AND r.id = $2
            ORDER BY a.level
            """;

    private SubtreeRows() {}

    /** @param nextCursor the id of the last quota when there are more, else null */
    public record Page(List<Quota> quotas, @Nullable String nextCursor) {}

    /**
     * One page, the lists of owners left empty.
     *
     * @param depth how many levels below {@code root}
     * @param after the place that the page begins after; null: it begins with {@code root}
     */
    public static Future<Page> list(
            DatabaseSession connection, QuotaKey root, long depth, String @Nullable [] after, long limit) {
        Tuple values = Tuple.tuple()
                .addString(root.organizationId())
                .addString(root.quotaId())
                .addLong(depth)
                .addArrayOfString(after)
                .addLong(limit + 1);
        return connection.preparedQuery(LIST).execute(values).map(rows -> {
            List<Quota> quotas = new ArrayList<>(rows.size());
            rows.forEach(row -> quotas.add(QuotaRows.read(row)));
            return new Page(
                    quotas, PageBytes.more(rows) ? quotas.get(quotas.size() - 1).id() : null);
        });
    }

    /** The place of a quota in the subtree of {@code root}, also of a released one; null when it is not in there. */
    public static Future<String @Nullable []> place(DatabaseSession connection, QuotaKey root, String quotaId) {
        return connection
                .preparedQuery(PLACE)
                .execute(Tuple.of(root.organizationId(), root.quotaId(), quotaId))
                .map(rows -> {
                    if (rows.size() == 0) {
                        return null;
                    }
                    List<String> place = new ArrayList<>(2 * rows.size());
                    for (Row row : rows) {
                        place.add(row.getString(0));
                        place.add(row.getString(1));
                    }
                    return place.subList(2, place.size()).toArray(String[]::new);
                });
    }
}
