package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Table {@code quota_usage_v9}: the ledger from before there was a journal. It is only read. */
final class FormerUsageRows {
    private static final String LEDGER_COLUMNS = """
            SELECT quota_version, usage_id, transfer_id, quota_id, resource_id, operation, usage_mb, user_id, service_id, reason,
                used_mb, held_mb, created_at
            FROM quota.quota_usage_v9
            WHERE organization_id = $1 AND quota_id = $2
              AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
            """;

    private static final String LEDGER_SIZE =
            "octet_length(resource_id) + octet_length(user_id) + coalesce(octet_length(reason), 0)";

    private static final String FIRST_VERSION_SINCE = MomentSearch.sql(
            "quota.quota_usage_v9",
            "t.organization_id = $1 AND t.quota_id = $2",
            "quota_version",
            "created_at",
            "$3",
            "SELECT low FROM search WHERE low = high");

    private FormerUsageRows() {}

    /** Some entries in order; {@code more} says whether there are others after them. */
    record Entries(List<LedgerEntry> entries, boolean more) {}

    /**
     * The ledger of one quota, by its versions; a page may end early, at its limit in bytes.
     *
     * @param version after which, or before which, to go on
     * @param limit 1 or more
     */
    static Future<Entries> history(
            DatabaseSession connection, String organization, UsageQuery query, @Nullable Long version, int limit) {
        Future<@Nullable Long> low = query.from() == null
                ? Future.succeededFuture()
                : firstVersionSince(
                        connection, organization, query.quotaId(), query.from().minus(MomentSearch.CLOCKS_APART));
        Future<@Nullable Long> high = query.to() == null
                ? Future.succeededFuture()
                : firstVersionSince(
                        connection, organization, query.quotaId(), query.to().plus(MomentSearch.CLOCKS_APART));
        return Future.all(low, high)
                .compose(ignored ->
                        history(connection, organization, query, version, limit, low.result(), high.result()));
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
    private static Future<Entries> history(
            DatabaseSession connection,
            String organization,
            UsageQuery query,
            @Nullable Long version,
            int limit,
            @Nullable Long low,
            @Nullable Long high) {
        // Statements of their own, so that each can use its index.
        StringBuilder sql = new StringBuilder(LEDGER_COLUMNS);
        Tuple values = Tuple.tuple()
                .addString(organization)
                .addString(query.quotaId())
                .addOffsetDateTime(query.from() == null ? null : QuotaRows.utc(query.from()))
                .addOffsetDateTime(query.to() == null ? null : QuotaRows.utc(query.to()))
                .addInteger(limit + 1);
        restrict(sql, values, "quota_version >= ", low);
        restrict(sql, values, "quota_version < ", high);
        restrict(sql, values, query.newestFirst() ? "quota_version < " : "quota_version > ", version);
        restrict(sql, values, "resource_id = ", query.resourceId());
        sql.append(" ORDER BY quota_version")
                .append(query.newestFirst() ? " DESC" : "")
                .append(" LIMIT $5");
        String page = PageBytes.cut(
                sql.toString(), query.newestFirst() ? "quota_version DESC" : "quota_version", LEDGER_SIZE, "$5");
        return connection.preparedQuery(page).execute(values).map(rows -> {
            List<LedgerEntry> entries = new ArrayList<>();
            rows.forEach(row -> entries.add(readEntry(organization, row)));
            return new Entries(entries, PageBytes.more(rows));
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
                row.getString(5).equals("allocate") ? row.getLong(6) : -row.getLong(6),
                row.getString(7),
                row.getString(8),
                row.getString(9),
                row.getLong(10),
                row.getLong(11),
                row.getOffsetDateTime(12).toInstant());
    }
}
