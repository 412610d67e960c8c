package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.protocol.ReservationStatus;
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

/** Table {@code reservations}. Written only under the lock of its quota's row; a row is closed once, and stays. */
public final class ReservationRows {
    private static final String COLUMNS = """
            r.organization_id, r.quota_id, r.reservation_id, r.resource_id, r.reserved_mb, r.committed_mb, r.status,
            r.expires_at, r.created_at, r.closed_at
            """;

    private static final BatchStatement FIND = BatchStatement.of(form ->
            "SELECT " + COLUMNS + """
            FROM %s
            JOIN quota.reservations r
              ON %s AND r.quota_id = v.quota_id COLLATE "C" AND r.reservation_id = v.reservation_id COLLATE "C"
            """.formatted(form.rows("quota_id text", "reservation_id text"), form.same("r")));

    /** Those of each quota that have expired at $3, the first ones first; $4 of each at most. */
    private static final BatchStatement DUE =
            BatchStatement.of(form -> "SELECT " + COLUMNS + """
            FROM %s CROSS JOIN LATERAL (
                SELECT * FROM quota.reservations r
                WHERE %s AND r.quota_id = v.quota_id COLLATE "C" AND r.status = 'held' AND r.expires_at <= $3
                ORDER BY r.expires_at LIMIT $4::bigint) r
            """.formatted(form.rows("quota_id text"), form.same("r")));

    /** When the first one after $3 expires. */
    private static final BatchStatement NEXT =
            BatchStatement.of(form -> """
            SELECT r.organization_id, r.quota_id, r.expires_at
            FROM %s CROSS JOIN LATERAL (
                SELECT * FROM quota.reservations r
                WHERE %s AND r.quota_id = v.quota_id COLLATE "C" AND r.status = 'held' AND r.expires_at > $3
                ORDER BY r.expires_at LIMIT 1) r
            """.formatted(form.rows("quota_id text"), form.same("r")));

    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.reservations",
            "",
            "quota_id text",
            "reservation_id text",
            "resource_id text",
            "reserved_mb bigint",
            "committed_mb bigint",
            "status text",
            "expires_at timestamptz",
            "created_at timestamptz",
            "closed_at timestamptz"));

    /** The condition on the status stops a second end, whatever a decision says. */
    private static final BatchStatement UPDATE = BatchStatement.guarded(form -> """
            UPDATE quota.reservations r
            SET committed_mb = v.committed_mb, status = v.status, expires_at = v.expires_at, closed_at = v.closed_at
            FROM %s
            WHERE %s AND r.quota_id = v.quota_id COLLATE "C" AND r.reservation_id = v.reservation_id COLLATE "C"
              AND r.status = 'held'
            """.formatted(
                    form.rows(
                            "quota_id text",
                            "reservation_id text",
                            "committed_mb bigint",
                            "status text",
                            "expires_at timestamptz",
                            "closed_at timestamptz"),
                    form.same("r")));

    /**
     * Quotas that have reservations which are due, after ($1, $2): of the $4 that have been due for the longest time. The clock of the
     * transaction: an index cannot be searched by one that goes on.
     */
    private static final String DUE_QUOTAS = """
            SELECT DISTINCT organization_id, quota_id FROM (
                SELECT organization_id, quota_id FROM quota.reservations
                WHERE status = 'held' AND expires_at <= now() AND (organization_id, quota_id) > ($1, $2)
                ORDER BY expires_at LIMIT $4) AS due
            ORDER BY organization_id, quota_id LIMIT $3
            """;

    private static final long MAX_DUE_READ = 10_000;

    private static final String COUNT_HELD = "SELECT count(*) FROM quota.reservations WHERE status = 'held'";

    /**
     * Looks at $4 rows after $3, and returns up to $7 of those that fit the filter. What is due counts as expired. Each row, or the
     * only one when none fits, says how many were looked at, and which was the last.
     */
    private static final String LIST = """
            WITH looked AS MATERIALIZED (
                SELECT %s, CASE WHEN r.status = 'held' AND r.expires_at <= now() THEN 'expired' ELSE r.status END AS shown
                FROM quota.reservations r
                WHERE r.organization_id = $1 AND r.quota_id = $2 AND r.reservation_id > $3
                ORDER BY r.reservation_id LIMIT $4::bigint
            ), listed AS (
                SELECT * FROM looked
                WHERE ($5::text IS NULL OR shown = $5) AND ($6::text IS NULL OR resource_id = $6)
                ORDER BY reservation_id LIMIT $7::bigint
            )
            SELECT l.*, now(), e.looked, e.last
            FROM (SELECT count(*) AS looked, max(reservation_id) AS last FROM looked) e LEFT JOIN listed l ON true
            ORDER BY l.reservation_id
            """.formatted(COLUMNS);

    /** A page that is filtered looks at so many rows. */
    private static final long MAX_LOOKED_AT = 10_000;

    private ReservationRows() {}

    /** Those of {@code keys} that exist. */
    public static Future<Map<ReservationKey, Reservation>> find(
            DatabaseSession connection, Collection<ReservationKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        Tuple values = Tuple.tuple()
                .addArrayOfString(texts(keys, ReservationKey::quotaId))
                .addArrayOfString(texts(keys, ReservationKey::reservationId));
        return connection
                .run(FIND, texts(keys, ReservationKey::organizationId), values)
                .map(rows -> {
                    Map<ReservationKey, Reservation> found = new HashMap<>();
                    rows.forEach(row -> {
                        Reservation reservation = read(row);
                        found.put(reservation.key(), reservation);
                    });
                    return found;
                });
    }

    /**
     * What is due of quotas that are locked.
     *
     * @param limit how many reservations are found at most, of all quotas together; of each quota one at least
     * @return an element for each quota, with or without reservations
     */
    public static Future<Map<QuotaKey, DueReservations>> due(
            DatabaseSession connection, Collection<QuotaKey> quotas, Instant now, int limit) {
        if (quotas.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        String[] organizations = texts(quotas, QuotaKey::organizationId);
        String[] ids = texts(quotas, QuotaKey::quotaId);
        OffsetDateTime time = QuotaRows.utc(now);
        int limitOfEach = Math.max(1, limit / quotas.size());
        Future<Map<QuotaKey, List<Reservation>>> due = connection
                .run(DUE, organizations, Tuple.of(ids, time, (long) limitOfEach))
                .map(rows -> {
                    Map<QuotaKey, List<Reservation>> found = new HashMap<>();
                    rows.forEach(row -> {
                        Reservation reservation = read(row);
                        found.computeIfAbsent(reservation.key().quota(), ignored -> new ArrayList<>())
                                .add(reservation);
                    });
                    return found;
                });
        Future<Map<QuotaKey, Instant>> next = connection
                .run(NEXT, organizations, Tuple.of(ids, time))
                .map(rows -> {
                    Map<QuotaKey, Instant> found = new HashMap<>();
                    rows.forEach(row -> found.put(
                            new QuotaKey(row.getString(0), row.getString(1)),
                            row.getOffsetDateTime(2).toInstant()));
                    return found;
                });
        return Future.all(due, next).map(ignored -> {
            Map<QuotaKey, DueReservations> result = new HashMap<>();
            for (QuotaKey quota : quotas) {
                List<Reservation> found = due.result().getOrDefault(quota, List.of());
                boolean complete = found.size() < limitOfEach;
                Instant nextAt = complete
                        ? next.result().get(quota)
                        : found.get(found.size() - 1).expiresAt();
                result.put(quota, new DueReservations(found, complete, nextAt));
            }
            return result;
        });
    }

    /** @param before those that were there, as found under the locks of their quotas */
    public static List<SqlWrite> writes(
            Map<ReservationKey, Reservation> before, Map<ReservationKey, Reservation> after) {
        List<Reservation> added = new ArrayList<>(0);
        List<Reservation> changed = new ArrayList<>(0);
        after.values()
                .forEach(reservation -> (before.containsKey(reservation.key()) ? changed : added).add(reservation));
        List<SqlWrite> writes = new ArrayList<>(2);
        if (!added.isEmpty()) {
            Tuple values = keys(added)
                    .addArrayOfString(texts(added, Reservation::resourceId))
                    .addArrayOfLong(numbers(added, Reservation::reservedMb))
                    .addArrayOfLong(numbers(added, Reservation::committedMb))
                    .addArrayOfString(
                            texts(added, reservation -> reservation.status().wireName()))
                    .addArrayOfOffsetDateTime(times(added, Reservation::expiresAt))
                    .addArrayOfOffsetDateTime(times(added, Reservation::createdAt))
                    .addArrayOfOffsetDateTime(times(added, Reservation::closedAt));
            writes.add(new SqlWrite(INSERT, organizations(added), values));
        }
        if (!changed.isEmpty()) {
            Tuple values = keys(changed)
                    .addArrayOfLong(numbers(changed, Reservation::committedMb))
                    .addArrayOfString(
                            texts(changed, reservation -> reservation.status().wireName()))
                    .addArrayOfOffsetDateTime(times(changed, Reservation::expiresAt))
                    .addArrayOfOffsetDateTime(times(changed, Reservation::closedAt));
            writes.add(new SqlWrite(UPDATE, organizations(changed), values));
        }
        return writes;
    }

    /**
     * The quotas of all organizations that have reservations which are due, in the order of their keys.
     *
     * @param connection with the maintenance scope
     * @param after where to go on; keys of empty texts are before all others
     */
    public static Future<List<QuotaKey>> dueQuotas(DatabaseSession connection, QuotaKey after, int limit) {
        return connection
                .preparedQuery(DUE_QUOTAS)
                .execute(Tuple.of(after.organizationId(), after.quotaId(), (long) limit, MAX_DUE_READ))
                .map(rows -> {
                    List<QuotaKey> keys = new ArrayList<>(rows.size());
                    rows.forEach(row -> keys.add(new QuotaKey(row.getString(0), row.getString(1))));
                    return keys;
                });
    }

    /**
     * How many reservations of all organizations are held, those that are due included: for metrics.
     *
     * @param connection with the maintenance scope
     */
    public static Future<Long> countHeld(DatabaseSession connection) {
        return connection.preparedQuery(COUNT_HELD).execute().map(rows -> rows.iterator()
                .next()
                .getLong(0));
    }

    /** @param nextCursor the id of the last reservation that was looked at when there may be more, else null */
    public record Page(
            List<Reservation> reservations, @Nullable String nextCursor) {}

    /**
     * A page of a quota's reservations, oldest first, as a reader sees them ({@link Reservation#asOf}). A filtered page may have
     * fewer than {@code limit} although there are more.
     *
     * @param status null for all
     * @param resourceId null for all
     * @param cursor the id that the page begins after; null: at the beginning
     */
    public static Future<Page> list(
            DatabaseSession connection,
            QuotaKey quota,
            @Nullable ReservationStatus status,
            @Nullable String resourceId,
            @Nullable String cursor,
            int limit) {
        long lookAt = status == null && resourceId == null ? limit + 1L : MAX_LOOKED_AT;
        Tuple values = Tuple.tuple()
                .addString(quota.organizationId())
                .addString(quota.quotaId())
                .addString(cursor == null ? "" : cursor)
                .addLong(lookAt)
                .addString(status == null ? null : status.wireName())
                .addString(resourceId)
                .addLong(limit + 1L);
        return connection.preparedQuery(LIST).execute(values).map(rows -> {
            List<Reservation> reservations = new ArrayList<>(rows.size());
            String lastLookedAt = null;
            for (Row row : rows) {
                if (row.getString("reservation_id") != null) {
                    reservations.add(read(row).asOf(row.getOffsetDateTime("now").toInstant()));
                }
                lastLookedAt = row.getLong("looked") == lookAt ? row.getString("last") : null;
            }
            if (reservations.size() > limit) {
                List<Reservation> page = reservations.subList(0, limit);
                return new Page(page, page.get(limit - 1).id());
            }
            return new Page(reservations, lastLookedAt);
        });
    }

    private static Reservation read(Row row) {
        OffsetDateTime closedAt = row.getOffsetDateTime(9);
        return new Reservation(
                new ReservationKey(row.getString(0), row.getString(1), row.getString(2)),
                row.getString(3),
                row.getLong(4),
                row.getLong(5),
                ReservationStatus.ofWireName(row.getString(6)),
                row.getOffsetDateTime(7).toInstant(),
                row.getOffsetDateTime(8).toInstant(),
                closedAt == null ? null : closedAt.toInstant());
    }

    private static String[] organizations(List<Reservation> reservations) {
        return texts(reservations, reservation -> reservation.key().organizationId());
    }

    private static Tuple keys(List<Reservation> reservations) {
        return Tuple.tuple()
                .addArrayOfString(
                        texts(reservations, reservation -> reservation.key().quotaId()))
                .addArrayOfString(texts(reservations, Reservation::id));
    }

    private static <T> String[] texts(Collection<T> items, Function<T, String> column) {
        return items.stream().map(column).toArray(String[]::new);
    }

    private static Long[] numbers(List<Reservation> reservations, Function<Reservation, Long> column) {
        return reservations.stream().map(column).toArray(Long[]::new);
    }

    private static OffsetDateTime[] times(
            List<Reservation> reservations, Function<Reservation, @Nullable Instant> column) {
        return reservations.stream()
                .map(column)
                .map(time -> time == null ? null : QuotaRows.utc(time))
                .toArray(OffsetDateTime[]::new);
    }
}
