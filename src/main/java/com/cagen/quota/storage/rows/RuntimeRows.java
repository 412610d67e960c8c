package com.cagen.quota.storage.rows;

import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.math.BigInteger;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Table {@code quota_holdings} seen from the resources that hold something. */
public final class RuntimeRows {
    private static final String COUNT =
            "SELECT count(DISTINCT h.resource_id) FROM quota.quota_holdings h WHERE h.organization_id = $1"
                    + " AND h.held_mb > 0 AND h.quota_id IN (SELECT q.id " + QuotaRows.VISIBLE + ")";
    private static final String LIST = """
            WITH held AS (
                SELECT h.resource_id, h.quota_id, h.held_mb, h.last_activity, q.name
                FROM quota.quota_holdings h
                JOIN quota.quotas q ON q.organization_id = h.organization_id AND q.id = h.quota_id
                WHERE h.organization_id = $1 AND h.held_mb > 0 AND h.quota_id IN (SELECT q.id %s)
            ), page AS (
                SELECT resource_id, sum(held_mb) AS total, max(last_activity) AS last_activity, count(*) AS quotas
                FROM held GROUP BY resource_id ORDER BY 2 DESC, 1 LIMIT $3 OFFSET $4
            ), ranked AS (
                SELECT p.resource_id, p.total, p.last_activity, p.quotas, h.quota_id, h.name, h.held_mb,
                    row_number() OVER (PARTITION BY p.resource_id ORDER BY h.held_mb DESC, h.quota_id) AS rank
                FROM page p JOIN held h USING (resource_id)
            ), sized AS (
                SELECT r.*, coalesce(sum(octet_length(r.name) + octet_length(r.quota_id) + 64) OVER (
                    ORDER BY r.rank, r.total DESC, r.resource_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                    AS bytes_before
                FROM ranked r
            )
            SELECT resource_id, total, last_activity, quotas, quota_id, name, held_mb
            FROM sized
            WHERE bytes_before < $5
            ORDER BY total DESC, resource_id, held_mb DESC, quota_id
            """.formatted(QuotaRows.VISIBLE);

    /**
     * Bytes of the lists of quotas of one page. The largest holding of each resource comes first, then the second largest of each,
     * and so on: even 100 resources with the longest names of quotas have one entry each.
     */
    private static final long MAX_LIST_BYTES = 1024 * 1024;

    private RuntimeRows() {}

    /** What one resource holds on one quota. */
    public record HeldOn(String quotaId, String quotaName, long heldMb) {}

    /**
     * What one resource holds on all quotas that the caller sees.
     *
     * @param totalMb the exact sum, which a long may not hold: a quota has up to 2^53 - 1
     * @param quotaCount on how many quotas
     * @param quotas the largest holdings first; fewer than {@code quotaCount} when the page would have too many bytes
     */
    public record HoldingResource(
            String resourceId, BigInteger totalMb, Instant lastActivity, long quotaCount, List<HeldOn> quotas) {}

    /** Resources by what they hold on the quotas that {@link QuotaRows#list} shows, largest first. */
    public static Future<QuotaRows.Page<HoldingResource>> list(
            DatabaseSession connection, String organization, String user, int page, int pageSize) {
        Future<Long> count = connection
                .preparedQuery(COUNT)
                .execute(Tuple.of(organization, user))
                .map(rows -> rows.iterator().next().getLong(0));
        Future<List<HoldingResource>> items = connection
                .preparedQuery(LIST)
                .execute(Tuple.of(organization, user, (long) pageSize, (page - 1L) * pageSize, MAX_LIST_BYTES))
                .map(RuntimeRows::read);
        return Future.all(count, items).map(ignored -> new QuotaRows.Page<>(items.result(), count.result()));
    }

    private static List<HoldingResource> read(RowSet<Row> rows) {
        List<HoldingResource> runtimes = new ArrayList<>();
        for (Row row : rows) {
            String resource = row.getString(0);
            if (runtimes.isEmpty()
                    || !runtimes.get(runtimes.size() - 1).resourceId().equals(resource)) {
                runtimes.add(new HoldingResource(
                        resource,
                        row.getNumeric(1).bigIntegerValue(),
                        row.getOffsetDateTime(2).toInstant(),
                        row.getLong(3),
                        new ArrayList<>()));
            }
            runtimes.get(runtimes.size() - 1)
                    .quotas()
                    .add(new HeldOn(row.getString(4), row.getString(5), row.getLong(6)));
        }
        return runtimes;
    }
}
