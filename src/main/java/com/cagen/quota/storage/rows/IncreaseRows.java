package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.IncreaseKey;
import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Table {@code increases}. Written only under the lock of its quota's row; a row is decided once, and stays. */
public final class IncreaseRows {
    private static final String COLUMNS = """
            i.organization_id, i.increase_id, i.quota_id, i.total_mb, i.total_mb_before, i.reason, i.status, i.requested_by,
            i.created_at, i.decided_by, i.decided_at, i.decision_reason
            """;

    private static final BatchStatement FIND = BatchStatement.of(
            form -> "SELECT " + COLUMNS + """
            FROM %s JOIN quota.increases i ON %s AND i.increase_id = v.increase_id COLLATE "C"
            """.formatted(form.rows("increase_id text"), form.same("i")));

    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.increases",
            "",
            "increase_id text",
            "quota_id text",
            "total_mb bigint",
            "total_mb_before bigint",
            "reason text",
            "status text",
            "requested_by text",
            "created_at timestamptz"));

    /** The condition on the status stops a second decision. */
    private static final BatchStatement UPDATE = BatchStatement.guarded(form -> """
            UPDATE quota.increases i
            SET status = v.status, decided_by = v.decided_by, decided_at = v.decided_at, decision_reason = v.decision_reason
            FROM %s
            WHERE %s AND i.increase_id = v.increase_id COLLATE "C" AND i.status = 'pending'
            """.formatted(
                    form.rows(
                            "increase_id text",
                            "status text",
                            "decided_by text",
                            "decided_at timestamptz",
                            "decision_reason text"),
                    form.same("i")));

    /**
     * What a user may see: the user's own, and those about quotas whose size the user decides about. Looks at $4 rows from $2, or
     * after $3, and returns up to $8 of those that fit. Each row, or the only one when none fits, says how many were looked at, and
     * which was the last.
     */
    private static final String VISIBLE = """
            WITH looked AS MATERIALIZED (
                SELECT %1$s FROM quota.increases i
                WHERE i.organization_id = $1 AND i.increase_id >= $2 AND i.increase_id > $3
                ORDER BY i.increase_id LIMIT $4::bigint
            ), listed AS (
                SELECT l.* FROM looked l
                JOIN quota.quotas q ON q.organization_id = $1 AND q.id = l.quota_id AND q.status <> 'deleted'
                WHERE ($5::text IS NULL OR l.status = $5) AND ($6::text IS NULL OR l.quota_id = $6)
                  AND (l.requested_by = $7 OR $7 = ANY(q.inherited_owner_ids)
                       OR (q.parent_quota_id IS NULL AND $7 = ANY(q.owner_ids))
                       OR EXISTS (
                           SELECT FROM quota.quota_grants g
                           WHERE g.organization_id = $1 AND g.quota_id = q.parent_quota_id AND g.user_id = $7
                             AND %2$s))
                ORDER BY l.increase_id LIMIT $8::bigint
            )
            SELECT l.*, e.looked, e.last
            FROM (SELECT count(*) AS looked, max(increase_id) AS last FROM looked) e LEFT JOIN listed l ON true
            ORDER BY l.increase_id
            """.formatted(COLUMNS, QuotaRows.granted("admin"));

    /** A page looks at so many rows. */
    private static final long MAX_LOOKED_AT = 10_000;

    private static final String COUNT_PENDING = "SELECT count(*) FROM quota.increases WHERE status = 'pending'";

    private IncreaseRows() {}

    /** Those of {@code keys} that exist. */
    public static Future<Map<IncreaseKey, Increase>> find(DatabaseSession connection, Collection<IncreaseKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        String[] organizations = keys.stream().map(IncreaseKey::organizationId).toArray(String[]::new);
        Tuple ids = Tuple.tuple()
                .addArrayOfString(keys.stream().map(IncreaseKey::increaseId).toArray(String[]::new));
        return connection.run(FIND, organizations, ids).map(rows -> {
            Map<IncreaseKey, Increase> found = new HashMap<>();
            for (Row row : rows) {
                Increase increase = read(row);
                found.put(IncreaseKey.of(increase), increase);
            }
            return found;
        });
    }

    /** New ones and ends of those that were pending. */
    public static List<SqlWrite> writes(Collection<Increase> increases) {
        List<Increase> added = increases.stream().filter(Increase::pending).toList();
        List<Increase> decided =
                increases.stream().filter(increase -> !increase.pending()).toList();
        List<SqlWrite> writes = new ArrayList<>(2);
        if (!added.isEmpty()) {
            Tuple values = Tuple.tuple()
                    .addArrayOfString(texts(added, Increase::id))
                    .addArrayOfString(texts(added, Increase::quotaId))
                    .addArrayOfLong(added.stream().map(Increase::totalMb).toArray(Long[]::new))
                    .addArrayOfLong(added.stream().map(Increase::totalMbBefore).toArray(Long[]::new))
                    .addArrayOfString(texts(added, Increase::reason))
                    .addArrayOfString(texts(added, increase -> increase.status().wireName()))
                    .addArrayOfString(texts(added, Increase::requestedBy))
                    .addArrayOfOffsetDateTime(times(added, Increase::createdAt));
            writes.add(new SqlWrite(INSERT, texts(added, Increase::organizationId), values));
        }
        if (!decided.isEmpty()) {
            Tuple values = Tuple.tuple()
                    .addArrayOfString(texts(decided, Increase::id))
                    .addArrayOfString(
                            texts(decided, increase -> increase.status().wireName()))
                    .addArrayOfString(
                            texts(decided, increase -> decision(increase).by()))
                    .addArrayOfOffsetDateTime(
                            times(decided, increase -> decision(increase).at()))
                    .addArrayOfString(
                            texts(decided, increase -> decision(increase).reason()));
            writes.add(new SqlWrite(UPDATE, texts(decided, Increase::organizationId), values));
        }
        return writes;
    }

    private static Increase.Decision decision(Increase increase) {
        if (increase.decision() == null) {
            throw new IllegalStateException("it has an end, but nobody decided");
        }
        return increase.decision();
    }

    /** @param nextCursor the id of the last one that was looked at when there may be more, else null */
    public record Page(List<Increase> increases, @Nullable String nextCursor) {}

    /**
     * A page of what a user may see, oldest first. A page may have fewer than {@code limit} although there are more.
     *
     * @param status null for all
     * @param quotaId null for all
     * @param cursor the id that the page begins after; null: at the beginning
     */
    public static Future<Page> list(
            DatabaseSession connection,
            String organization,
            String userId,
            @Nullable IncreaseStatus status,
            @Nullable String quotaId,
            @Nullable String cursor,
            int limit) {
        Tuple values = Tuple.tuple()
                .addString(organization)
                .addString("")
                .addString(cursor == null ? "" : cursor)
                .addLong(MAX_LOOKED_AT)
                .addString(status == null ? null : status.wireName())
                .addString(quotaId)
                .addString(userId)
                .addLong(limit + 1L);
        return connection.preparedQuery(VISIBLE).execute(values).map(rows -> {
            List<Increase> increases = new ArrayList<>(rows.size());
            String lastLookedAt = null;
            for (Row row : rows) {
                if (row.getString("increase_id") != null) {
                    increases.add(read(row));
                }
                lastLookedAt = row.getLong("looked") == MAX_LOOKED_AT ? row.getString("last") : null;
            }
            if (increases.size() > limit) {
                List<Increase> page = increases.subList(0, limit);
                return new Page(page, page.get(limit - 1).id());
            }
            return new Page(increases, lastLookedAt);
        });
    }

    /** One that the user may see; null when there is none. */
    public static Future<@Nullable Increase> findVisible(
            DatabaseSession connection, String organization, String userId, String id) {
        Tuple values = Tuple.tuple()
                .addString(organization)
                .addString(id)
                .addString("")
                .addLong(1L)
                .addString(null)
                .addString(null)
                .addString(userId)
                .addLong(1L);
        return connection.preparedQuery(VISIBLE).execute(values).map(rows -> {
            Row row = rows.iterator().next();
            return id.equals(row.getString("increase_id")) ? read(row) : null;
        });
    }

    /**
     * How many of all organizations are pending: for metrics.
     *
     * @param connection with the maintenance scope
     */
    public static Future<Long> countPending(DatabaseSession connection) {
        return connection.preparedQuery(COUNT_PENDING).execute().map(rows -> rows.iterator()
                .next()
                .getLong(0));
    }

    private static Increase read(Row row) {
        OffsetDateTime decidedAt = row.getOffsetDateTime(10);
        return new Increase(
                row.getString(0),
                row.getString(1),
                row.getString(2),
                row.getLong(3),
                row.getLong(4),
                row.getString(5),
                IncreaseStatus.ofWireName(row.getString(6)),
                row.getString(7),
                row.getOffsetDateTime(8).toInstant(),
                decidedAt == null
                        ? null
                        : new Increase.Decision(row.getString(9), decidedAt.toInstant(), row.getString(11)));
    }

    private static String[] texts(List<Increase> increases, Function<Increase, @Nullable String> column) {
        return increases.stream().map(column).toArray(String[]::new);
    }

    private static OffsetDateTime[] times(List<Increase> increases, Function<Increase, Instant> column) {
        return increases.stream().map(column).map(QuotaRows::utc).toArray(OffsetDateTime[]::new);
    }
}
