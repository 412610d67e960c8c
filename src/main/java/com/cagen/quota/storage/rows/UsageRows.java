package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Tables {@code quota_holdings} and {@code quota_usage}. Both are written only under the lock of their quota's row. */
public final class UsageRows {
    private static final BatchStatement FIND_HELD =
            BatchStatement.of(form -> """
            SELECT h.organization_id, h.quota_id, h.resource_id, h.held_mb
            FROM %s
            JOIN quota.quota_holdings h
              ON %s AND h.quota_id = v.quota_id COLLATE "C" AND h.resource_id = v.resource_id COLLATE "C"
            """.formatted(form.rows("quota_id text", "resource_id text"), form.same("h")));

    private static final BatchStatement INSERT_HELD = BatchStatement.of(form -> form.insert(
            "quota.quota_holdings", "last_activity $5", "quota_id text", "resource_id text", "held_mb bigint"));

    private static final BatchStatement UPDATE_HELD = BatchStatement.guarded(
            form -> """
            UPDATE quota.quota_holdings h
            SET held_mb = v.held_mb, last_activity = $5
            FROM %s
            WHERE %s AND h.quota_id = v.quota_id COLLATE "C" AND h.resource_id = v.resource_id COLLATE "C"
            """.formatted(form.rows("quota_id text", "resource_id text", "held_mb bigint"), form.same("h")));

    private static final BatchStatement DELETE_HELD = BatchStatement.guarded(
            form -> """
            DELETE FROM quota.quota_holdings h
            USING %s
            WHERE %s AND h.quota_id = v.quota_id COLLATE "C" AND h.resource_id = v.resource_id COLLATE "C"
            """.formatted(form.rows("quota_id text", "resource_id text"), form.same("h")));

    private static final BatchStatement INSERT_LEDGER = BatchStatement.of(form -> form.insert(
            "quota.quota_usage",
            "created_at $14",
            "quota_id text",
            "quota_version bigint",
            "usage_id uuid",
            "transfer_id uuid",
            "resource_id text",
            "operation text",
            "usage_mb bigint",
            "user_id text",
            "service_id text",
            "reason text",
            "used_mb bigint",
            "held_mb bigint"));

    private static final String LEDGER_COLUMNS = """
            SELECT quota_version, usage_id, transfer_id, quota_id, resource_id, operation, usage_mb, user_id, service_id, reason,
                used_mb, held_mb, created_at
            FROM quota.quota_usage
            WHERE organization_id = $1 AND quota_id = $2
              AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
            """;

    private static final String LEDGER_SIZE =
            "octet_length(resource_id) + octet_length(user_id) + coalesce(octet_length(reason), 0)";

    /**
     * Where in a quota's ledger a moment is: a binary search by version, as an index on the time would cost the hot path.
     * Every row before the version found is older than the moment, give or take {@link #CLOCKS_APART}.
     */
    private static final String FIRST_VERSION_SINCE = """
            WITH RECURSIVE search (low, high) AS (
                SELECT min(quota_version), max(quota_version) + 1
                FROM quota.quota_usage WHERE organization_id = $1 AND quota_id = $2
                UNION ALL
                SELECT CASE WHEN l.created_at < $3 THEN l.quota_version + 1 ELSE s.low END,
                       CASE WHEN l.created_at < $3 THEN s.high ELSE (s.low + s.high) / 2 END
                FROM search s
                CROSS JOIN LATERAL (
                    SELECT u.quota_version, u.created_at FROM quota.quota_usage u
                    WHERE u.organization_id = $1 AND u.quota_id = $2 AND u.quota_version >= (s.low + s.high) / 2
                    ORDER BY u.quota_version LIMIT 1) l
                WHERE s.low < s.high
            )
            SELECT low FROM search WHERE low = high
            """;

    /** How far apart nodes' clocks may be: by so much a later version may carry an earlier time. */
    private static final Duration CLOCKS_APART = Duration.ofMinutes(5);

    private UsageRows() {}

    /** What each of {@code keys} holds, in megabytes; absent means nothing. */
    public static Future<Map<HoldingKey, Long>> findHeld(DatabaseSession connection, Collection<HoldingKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection.run(FIND_HELD, organizations(keys), keyArrays(keys)).map(rows -> {
            Map<HoldingKey, Long> held = new HashMap<>();
            rows.forEach(row ->
                    held.put(new HoldingKey(row.getString(0), row.getString(1), row.getString(2)), row.getLong(3)));
            return held;
        });
    }

    /**
     * What each resource holds from now on; one that holds nothing loses its row.
     *
     * @param before of the same resources, as found under the locks: says which rows there are
     */
    public static List<SqlWrite> held(Map<HoldingKey, Long> before, Map<HoldingKey, Long> after, Instant now) {
        List<HoldingKey> added = new ArrayList<>();
        List<HoldingKey> changed = new ArrayList<>();
        List<HoldingKey> ended = new ArrayList<>();
        after.forEach((key, mb) -> {
            if (before.containsKey(key)) {
                (mb > 0 ? changed : ended).add(key);
            } else if (mb > 0) {
                added.add(key);
            }
        });
        List<SqlWrite> writes = new ArrayList<>(3);
        if (!added.isEmpty()) {
            writes.add(new SqlWrite(INSERT_HELD, organizations(added), figures(added, after, now)));
        }
        if (!changed.isEmpty()) {
            writes.add(new SqlWrite(UPDATE_HELD, organizations(changed), figures(changed, after, now)));
        }
        if (!ended.isEmpty()) {
            writes.add(new SqlWrite(DELETE_HELD, organizations(ended), keyArrays(ended)));
        }
        return writes;
    }

    private static Tuple figures(List<HoldingKey> keys, Map<HoldingKey, Long> heldMb, Instant now) {
        return keyArrays(keys)
                .addArrayOfLong(keys.stream().map(heldMb::get).toArray(Long[]::new))
                .addOffsetDateTime(QuotaRows.utc(now));
    }

    private static String[] organizations(Collection<HoldingKey> keys) {
        return keys.stream().map(HoldingKey::organizationId).toArray(String[]::new);
    }

    private static Tuple keyArrays(Collection<HoldingKey> keys) {
        return Tuple.tuple()
                .addArrayOfString(keys.stream().map(HoldingKey::quotaId).toArray(String[]::new))
                .addArrayOfString(keys.stream().map(HoldingKey::resourceId).toArray(String[]::new));
    }

    /** {@code from} is inclusive, {@code to} exclusive; {@code cursor} is the version after which, or before which, to go on. */
    public record HistoryQuery(
            String quotaId,
            @Nullable String resourceId,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst) {}

    /** New entries of the ledger; all get the first one's time. */
    public static SqlWrite ledger(List<LedgerEntry> entries) {
        int n = entries.size();
        String[] organizations = new String[n];
        String[] quotas = new String[n];
        Long[] versions = new Long[n];
        UUID[] ids = new UUID[n];
        UUID[] transfers = new UUID[n];
        String[] resources = new String[n];
        String[] operations = new String[n];
        Long[] amounts = new Long[n];
        String[] users = new String[n];
        String[] services = new String[n];
        String[] reasons = new String[n];
        Long[] used = new Long[n];
        Long[] held = new Long[n];
        for (int i = 0; i < n; i++) {
            LedgerEntry entry = entries.get(i);
            organizations[i] = entry.organizationId();
            quotas[i] = entry.quotaId();
            versions[i] = entry.quotaVersion();
            ids[i] = entry.usageId();
            transfers[i] = entry.transferId();
            resources[i] = entry.resourceId();
            operations[i] = entry.operation();
            amounts[i] = entry.usageMb();
            users[i] = entry.userId();
            services[i] = entry.serviceId();
            reasons[i] = entry.reason();
            used[i] = entry.usedMb();
            held[i] = entry.heldMb();
        }
        Tuple values = Tuple.tuple()
                .addArrayOfString(quotas)
                .addArrayOfLong(versions)
                .addArrayOfUUID(ids)
                .addArrayOfUUID(transfers)
                .addArrayOfString(resources)
                .addArrayOfString(operations)
                .addArrayOfLong(amounts)
                .addArrayOfString(users)
                .addArrayOfString(services)
                .addArrayOfString(reasons)
                .addArrayOfLong(used)
                .addArrayOfLong(held)
                .addOffsetDateTime(QuotaRows.utc(entries.get(0).createdAt()));
        return new SqlWrite(INSERT_LEDGER, organizations, values);
    }

    /** @param nextCursor where the next page begins, or null at the end; a page may end early, at its limit in bytes */
    public record LedgerPage(
            List<LedgerEntry> entries, @Nullable Long nextCursor) {}

    /** The ledger of one quota, by its versions. */
    public static Future<LedgerPage> history(DatabaseSession connection, String organization, HistoryQuery query) {
        Future<@Nullable Long> low = query.from() == null
                ? Future.succeededFuture()
                : firstVersionSince(
                        connection, organization, query.quotaId(), query.from().minus(CLOCKS_APART));
        Future<@Nullable Long> high = query.to() == null
                ? Future.succeededFuture()
                : firstVersionSince(
                        connection, organization, query.quotaId(), query.to().plus(CLOCKS_APART));
        return Future.all(low, high)
                .compose(ignored -> history(connection, organization, query, low.result(), high.result()));
    }

    /** Null when the ledger is empty. */
    private static Future<@Nullable Long> firstVersionSince(
            DatabaseSession connection, String organization, String quotaId, Instant moment) {
        return connection
                .preparedQuery(FIRST_VERSION_SINCE)
                .execute(Tuple.of(organization, quotaId, QuotaRows.utc(moment)))
                .map(rows -> rows.size() == 0 ? null : rows.iterator().next().getLong(0));
    }

    /**
     * @param low no row before this version is wanted; null: unknown
     * @param high nor one from this version on
     */
    private static Future<LedgerPage> history(
            DatabaseSession connection,
            String organization,
            HistoryQuery query,
            @Nullable Long low,
            @Nullable Long high) {
        // Statements of their own, so that each can use its index.
        StringBuilder sql = new StringBuilder(LEDGER_COLUMNS);
        Tuple values = Tuple.tuple()
                .addString(organization)
                .addString(query.quotaId())
                .addOffsetDateTime(query.from() == null ? null : QuotaRows.utc(query.from()))
                .addOffsetDateTime(query.to() == null ? null : QuotaRows.utc(query.to()))
                .addInteger(query.limit() + 1);
        restrict(sql, values, "quota_version >= ", low);
        restrict(sql, values, "quota_version < ", high);
        restrict(sql, values, query.newestFirst() ? "quota_version < " : "quota_version > ", query.cursor());
        restrict(sql, values, "resource_id = ", query.resourceId());
        sql.append(" ORDER BY quota_version")
                .append(query.newestFirst() ? " DESC" : "")
                .append(" LIMIT $5");
        String page = PageBytes.cut(
                sql.toString(), query.newestFirst() ? "quota_version DESC" : "quota_version", LEDGER_SIZE, "$5");
        return connection.preparedQuery(page).execute(values).map(rows -> {
            List<LedgerEntry> entries = new ArrayList<>();
            rows.forEach(row -> entries.add(readEntry(organization, row)));
            return new LedgerPage(
                    entries,
                    PageBytes.more(rows)
                            ? (Long) entries.get(entries.size() - 1).quotaVersion()
                            : null);
        });
    }

    private static void restrict(StringBuilder sql, Tuple values, String comparison, @Nullable Object value) {
        if (value != null) {
            values.addValue(value);
            sql.append(" AND ").append(comparison).append('$').append(values.size());
        }
    }

    private static LedgerEntry readEntry(String organization, Row row) {
        return new LedgerEntry(
                organization,
                row.getString(3),
                row.getLong(0),
                row.getUUID(1),
                row.getUUID(2),
                row.getString(4),
                row.getString(5),
                row.getLong(6),
                row.getString(7),
                row.getString(8),
                row.getString(9),
                row.getLong(10),
                row.getLong(11),
                row.getOffsetDateTime(12).toInstant());
    }
}
