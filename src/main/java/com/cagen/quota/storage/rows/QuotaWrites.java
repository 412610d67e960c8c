package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Writes to table {@code quotas}. Quotas that exist are locked by the caller. */
public final class QuotaWrites {
    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.quotas",
            "created_at $22",
            "id text",
            "parent_quota_id text",
            "path text",
            "level smallint",
            "name text",
            "description text",
            "key text",
            "type text",
            "team_id text",
            "owner_id text",
            "owner_ids text text[]",
            "inherited_owner_ids text text[]",
            "total_mb bigint",
            "used_mb bigint",
            "allocated_mb bigint",
            "status text",
            "suspended_by text",
            "version bigint",
            "grants_version bigint",
            "updated_at timestamptz"));

    /** The hot path: what usage changes. */
    private static final BatchStatement UPDATE_FIGURES = BatchStatement.guarded(form -> """
            UPDATE quota.quotas q
            SET used_mb = v.used_mb, allocated_mb = v.allocated_mb, version = v.version, updated_at = $6
            FROM %s
            WHERE %s AND q.id = v.id COLLATE "C"
            """.formatted(
                    form.rows("id text", "used_mb bigint", "allocated_mb bigint", "version bigint"), form.same("q")));

    /** What usage and reservations change. */
    private static final BatchStatement UPDATE_CAPACITY = BatchStatement.guarded(form -> """
            UPDATE quota.quotas q
            SET used_mb = v.used_mb, allocated_mb = v.allocated_mb, version = v.version, updated_at = v.updated_at,
                reserved_mb = v.reserved_mb, reservations_due_at = v.reservations_due_at
            FROM %s
            WHERE %s AND q.id = v.id COLLATE "C"
            """.formatted(
                    form.rows(
                            "id text",
                            "used_mb bigint",
                            "allocated_mb bigint",
                            "version bigint",
                            "updated_at timestamptz",
                            "reserved_mb bigint",
                            "reservations_due_at timestamptz"),
                    form.same("q")));

    /** Everything that can change. */
    private static final BatchStatement UPDATE = BatchStatement.guarded(form -> """
            UPDATE quota.quotas q
            SET parent_quota_id = v.parent_quota_id, path = v.path, level = v.level, name = v.name, description = v.description, key = v.key, total_mb = v.total_mb, used_mb = v.used_mb,
                allocated_mb = v.allocated_mb, reserved_mb = v.reserved_mb,
                reservations_due_at = v.reservations_due_at, drain_to_mb = v.drain_to_mb,
                status = v.status, suspended_by = v.suspended_by,
                owner_id = v.owner_id, owner_ids = v.owner_ids::text[],
                inherited_owner_ids = v.inherited_owner_ids::text[], version = v.version,
                grants_version = v.grants_version, updated_at = v.updated_at, deleted_at = v.deleted_at
            FROM %s
            WHERE %s AND q.id = v.id COLLATE "C"
            """.formatted(
                    form.rows(
                            "id text",
                            "parent_quota_id text",
                            "path text",
                            "level smallint",
                            "name text",
                            "description text",
                            "key text",
                            "total_mb bigint",
                            "used_mb bigint",
                            "allocated_mb bigint",
                            "reserved_mb bigint",
                            "reservations_due_at timestamptz",
                            "drain_to_mb bigint",
                            "status text",
                            "suspended_by text",
                            "owner_id text",
                            "owner_ids text",
                            "inherited_owner_ids text",
                            "version bigint",
                            "grants_version bigint",
                            "updated_at timestamptz",
                            "deleted_at timestamptz"),
                    form.same("q")));

    private QuotaWrites() {}

    /**
     * New quotas, and what changes of those that were there.
     *
     * @param before the quotas as they were read, by their keys
     * @param after each changed or new quota, once
     * @param now the time of the transaction
     */
    public static List<SqlWrite> of(Map<QuotaKey, Quota> before, Collection<Quota> after, Instant now) {
        List<Quota> created = new ArrayList<>(0);
        List<Quota> figures = new ArrayList<>(after.size());
        List<Quota> capacity = new ArrayList<>(0);
        List<Quota> changed = new ArrayList<>(0);
        for (Quota quota : after) {
            Quota old = before.get(new QuotaKey(quota.organizationId(), quota.id()));
            if (old == null) {
                created.add(quota);
            } else if (quota.differsInUseOnly(old) && quota.updatedAt().equals(now)) {
                figures.add(quota);
            } else if (quota.differsInCapacityOnly(old)) {
                capacity.add(quota);
            } else {
                changed.add(quota);
            }
        }
        List<SqlWrite> writes = new ArrayList<>(2);
        if (!created.isEmpty()) {
            writes.add(new SqlWrite(INSERT, organizations(created), insertValues(created, now)));
        }
        if (!figures.isEmpty()) {
            writes.add(figures(figures, now));
        }
        if (!capacity.isEmpty()) {
            writes.add(new SqlWrite(UPDATE_CAPACITY, organizations(capacity), capacityValues(capacity)));
        }
        if (!changed.isEmpty()) {
            writes.add(new SqlWrite(UPDATE, organizations(changed), changeValues(changed)));
        }
        return writes;
    }

    /** Everything that can change of one quota. */
    public static Future<Void> update(DatabaseSession connection, Quota quota) {
        List<Quota> one = List.of(quota);
        return connection.write(new SqlWrite(UPDATE, organizations(one), changeValues(one)));
    }

    private static Tuple insertValues(List<Quota> quotas, Instant now) {
        return Tuple.tuple()
                .addArrayOfString(texts(quotas, Quota::id))
                .addArrayOfString(texts(quotas, Quota::parentId))
                .addArrayOfString(texts(quotas, Quota::path))
                .addArrayOfShort(levels(quotas))
                .addArrayOfString(texts(quotas, Quota::name))
                .addArrayOfString(texts(quotas, Quota::description))
                .addArrayOfString(texts(quotas, Quota::key))
                .addArrayOfString(texts(quotas, q -> q.type().wireName()))
                .addArrayOfString(texts(quotas, Quota::teamId))
                .addArrayOfString(texts(quotas, Quota::ownerId))
                .addArrayOfString(texts(quotas, q -> array(q.ownerIds())))
                .addArrayOfString(texts(quotas, q -> array(q.inheritedOwnerIds())))
                .addArrayOfLong(numbers(quotas, Quota::totalMb))
                .addArrayOfLong(numbers(quotas, Quota::usedMb))
                .addArrayOfLong(numbers(quotas, Quota::allocatedMb))
                .addArrayOfString(texts(quotas, q -> q.status().wireName()))
                .addArrayOfString(texts(quotas, Quota::suspendedBy))
                .addArrayOfLong(numbers(quotas, Quota::version))
                .addArrayOfLong(numbers(quotas, Quota::grantsVersion))
                .addArrayOfOffsetDateTime(times(quotas, Quota::updatedAt))
                .addOffsetDateTime(QuotaRows.utc(now));
    }

    /** Used, allocated and version of quotas. */
    public static SqlWrite figures(List<Quota> quotas, Instant now) {
        int n = quotas.size();
        String[] ids = new String[n];
        Long[] used = new Long[n];
        Long[] allocated = new Long[n];
        Long[] versions = new Long[n];
        for (int i = 0; i < n; i++) {
            Quota quota = quotas.get(i);
            ids[i] = quota.id();
            used[i] = quota.usedMb();
            allocated[i] = quota.allocatedMb();
            versions[i] = quota.version();
        }
        return new SqlWrite(
                UPDATE_FIGURES, organizations(quotas), Tuple.of(ids, used, allocated, versions, QuotaRows.utc(now)));
    }

    private static Tuple capacityValues(List<Quota> quotas) {
        return Tuple.tuple()
                .addArrayOfString(texts(quotas, Quota::id))
                .addArrayOfLong(numbers(quotas, Quota::usedMb))
                .addArrayOfLong(numbers(quotas, Quota::allocatedMb))
                .addArrayOfLong(numbers(quotas, Quota::version))
                .addArrayOfOffsetDateTime(times(quotas, Quota::updatedAt))
                .addArrayOfLong(numbers(quotas, Quota::reservedMb))
                .addArrayOfOffsetDateTime(times(quotas, QuotaWrites::reservationsDueAt));
    }

    private static @Nullable Instant reservationsDueAt(Quota quota) {
        return quota.figures().reservationsDueAt();
    }

    private static Tuple changeValues(List<Quota> quotas) {
        return Tuple.tuple()
                .addArrayOfString(texts(quotas, Quota::id))
                .addArrayOfString(texts(quotas, Quota::parentId))
                .addArrayOfString(texts(quotas, Quota::path))
                .addArrayOfShort(levels(quotas))
                .addArrayOfString(texts(quotas, Quota::name))
                .addArrayOfString(texts(quotas, Quota::description))
                .addArrayOfString(texts(quotas, Quota::key))
                .addArrayOfLong(numbers(quotas, Quota::totalMb))
                .addArrayOfLong(numbers(quotas, Quota::usedMb))
                .addArrayOfLong(numbers(quotas, Quota::allocatedMb))
                .addArrayOfLong(numbers(quotas, Quota::reservedMb))
                .addArrayOfOffsetDateTime(times(quotas, QuotaWrites::reservationsDueAt))
                .addArrayOfLong(numbers(quotas, Quota::drainToMb))
                .addArrayOfString(texts(quotas, q -> q.status().wireName()))
                .addArrayOfString(texts(quotas, Quota::suspendedBy))
                .addArrayOfString(texts(quotas, Quota::ownerId))
                .addArrayOfString(texts(quotas, q -> array(q.ownerIds())))
                .addArrayOfString(texts(quotas, q -> array(q.inheritedOwnerIds())))
                .addArrayOfLong(numbers(quotas, Quota::version))
                .addArrayOfLong(numbers(quotas, Quota::grantsVersion))
                .addArrayOfOffsetDateTime(times(quotas, Quota::updatedAt))
                .addArrayOfOffsetDateTime(times(quotas, Quota::deletedAt));
    }

    private static Short[] levels(List<Quota> quotas) {
        return quotas.stream().map(quota -> (short) quota.level()).toArray(Short[]::new);
    }

    private static String[] organizations(List<Quota> quotas) {
        return texts(quotas, Quota::organizationId);
    }

    private static String[] texts(List<Quota> quotas, Function<Quota, String> column) {
        return quotas.stream().map(column).toArray(String[]::new);
    }

    private static Long[] numbers(List<Quota> quotas, Function<Quota, Long> column) {
        return quotas.stream().map(column).toArray(Long[]::new);
    }

    private static OffsetDateTime[] times(List<Quota> quotas, Function<Quota, Instant> column) {
        return quotas.stream()
                .map(column)
                .map(time -> time == null ? null : QuotaRows.utc(time))
                .toArray(OffsetDateTime[]::new);
    }

    /** PostgreSQL's text form of an array of texts: lists of different lengths do not fit into one array parameter. */
    static String array(List<String> values) {
        return values.stream()
                .map(value -> '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(",", "{", "}"));
    }
}
