package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Table {@code quota_holdings}: what each resource holds. Written only under the lock of its quota's row. */
public final class HoldingRows {
    private static final BatchStatement FIND_HELD =
            BatchStatement.of(form -> """
            SELECT h.organization_id, h.quota_id, h.resource_id, h.held_mb
            FROM %s
            JOIN quota.quota_holdings h
              ON %s AND h.quota_id = v.quota_id COLLATE "C" AND h.resource_id = v.resource_id COLLATE "C"
            """.formatted(form.rows("quota_id text", "resource_id text"), form.same("h")));

    private static final BatchStatement FIND_HELD_OF_RESERVATIONS = BatchStatement.of(
            form -> """
            SELECT h.organization_id, h.quota_id, h.resource_id, h.held_mb
            FROM %s
            JOIN quota.reservations r
              ON %s AND r.quota_id = v.quota_id COLLATE "C" AND r.reservation_id = v.reservation_id COLLATE "C"
            JOIN quota.quota_holdings h
              ON %s AND h.quota_id = r.quota_id AND h.resource_id = r.resource_id
            """.formatted(form.rows("quota_id text", "reservation_id text"), form.same("r"), form.same("h")));

    private static final String FIND_ALL = """
            SELECT resource_id, held_mb FROM quota.quota_holdings
            WHERE organization_id = $1 AND quota_id = $2 LIMIT $3
            """;

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

    private HoldingRows() {}

    /** What each of {@code keys} holds, in megabytes; absent means nothing. */
    public static Future<Map<HoldingKey, Long>> findHeld(DatabaseSession connection, Collection<HoldingKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection.run(FIND_HELD, organizations(keys), keyArrays(keys)).map(HoldingRows::held);
    }

    /** What the resources of these reservations hold, in megabytes; absent means nothing. */
    public static Future<Map<HoldingKey, Long>> findHeldOfReservations(
            DatabaseSession connection, Collection<ReservationKey> reservations) {
        if (reservations.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        String[] organizations =
                reservations.stream().map(ReservationKey::organizationId).toArray(String[]::new);
        Tuple keys = Tuple.tuple()
                .addArrayOfString(
                        reservations.stream().map(ReservationKey::quotaId).toArray(String[]::new))
                .addArrayOfString(
                        reservations.stream().map(ReservationKey::reservationId).toArray(String[]::new));
        return connection.run(FIND_HELD_OF_RESERVATIONS, organizations, keys).map(HoldingRows::held);
    }

    /** What the resources of a locked quota hold; {@code limit} of them at most. */
    public static Future<ResourceAmounts> findAll(DatabaseSession connection, QuotaKey quota, int limit) {
        return connection
                .preparedQuery(FIND_ALL)
                .execute(Tuple.of(quota.organizationId(), quota.quotaId(), limit + 1L))
                .map(rows -> {
                    Map<String, Long> held = new HashMap<>();
                    for (Row row : rows) {
                        if (held.size() < limit) {
                            held.put(row.getString(0), row.getLong(1));
                        }
                    }
                    return new ResourceAmounts(held, rows.size() <= limit);
                });
    }

    private static Map<HoldingKey, Long> held(RowSet<Row> rows) {
        Map<HoldingKey, Long> held = new HashMap<>();
        rows.forEach(
                row -> held.put(new HoldingKey(row.getString(0), row.getString(1), row.getString(2)), row.getLong(3)));
        return held;
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
}
