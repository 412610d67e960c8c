package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.QuotaSort;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Table {@code quotas}. Whatever locks, locks in ascending order of ids. */
public final class QuotaRows {
    static final String COLUMNS = """
            q.organization_id, q.id, q.parent_quota_id, q.path, q.level, q.name, q.description, q.type, q.team_id,
            q.owner_id, q.owner_ids, q.inherited_owner_ids, q.total_mb, q.used_mb, q.allocated_mb, q.status,
            q.suspended_by, q.version, q.grants_version, q.created_at, q.updated_at, q.deleted_at, q.key, q.reserved_mb,
            q.drain_to_mb, q.reservations_due_at
            """;

    /** Without the owners, which lists do not show: their number has no bound. */
    static final String WITHOUT_OWNERS = COLUMNS.replace(
            "q.owner_ids, q.inherited_owner_ids",
            "ARRAY[]::text[] AS owner_ids, ARRAY[]::text[] AS inherited_owner_ids");

    private static final BatchStatement FIND_ALL = BatchStatement.of(QuotaRows::findAll);
    private static final BatchStatement LOCK_ALL = BatchStatement.of(form -> findAll(form) + "FOR UPDATE OF q");
    private static final BatchStatement LOCK_FREE =
            BatchStatement.of(form -> findAll(form) + "FOR UPDATE OF q SKIP LOCKED");

    /** A condition on the row {@code g} of quota_grants: the user was granted read or admin, and that has not expired. */
    private static final String READS = "(" + granted("read") + " OR " + granted("admin") + ")";

    /** What the caller ($2) owns or was granted read or admin on through this service; deleted quotas are gone. */
    static final String VISIBLE = """
            FROM quota.quotas q
            WHERE q.organization_id = $1 AND q.status <> 'deleted' AND
            """ + ownedByOrGrantedTo("$2");

    /** A quota's release is told to whoever saw it until then, so deleted quotas are not gone here. */
    private static final String VISIBILITY = """
            WITH roots AS MATERIALIZED (
                SELECT r.owner_ids FROM quota.quotas r
                WHERE r.organization_id = $1 AND r.level = 0 AND r.status <> 'deleted'
            ), asking AS MATERIALIZED (
                SELECT u.id COLLATE "C" AS id,
                       EXISTS (SELECT FROM roots r WHERE r.owner_ids @> ARRAY[u.id COLLATE "C"]) AS owns_a_root
                FROM unnest($3::text[]) u (id)
            )
            SELECT q.id, u.id
            FROM quota.quotas q CROSS JOIN asking u
            WHERE q.organization_id = $1 AND q.id = ANY ($2::text[]) AND (u.owns_a_root OR
            """ + ownedByOrGrantedTo("u.id") + ")";

    private static final String FILTERED = VISIBLE + """
              AND ($3::text IS NULL OR q.type = $3) AND ($4::text IS NULL OR q.status = $4)
              AND ($5::text IS NULL OR q.team_id = $5) AND ($6::text IS NULL OR q.parent_quota_id = $6)
              AND ($7::text IS NULL OR strpos(lower(q.name), lower($7)) > 0 OR strpos(q.key, lower($7)) > 0)
            """;
    private static final String LIST_BY_CREATION = list("q.id");
    private static final String LIST_BY_CREATION_DESCENDING = list("q.id DESC");
    private static final String LIST_BY_NAME = list("q.name COLLATE \"C\", q.id");
    private static final String LIST_BY_NAME_DESCENDING = list("q.name COLLATE \"C\" DESC, q.id");
    private static final String UTILIZATION =
            "(q.used_mb + q.allocated_mb + q.reserved_mb)::numeric / greatest(q.total_mb, 1)";
    private static final String LIST_BY_UTILIZATION = list(UTILIZATION + ", q.id");
    private static final String LIST_BY_UTILIZATION_DESCENDING = list(UTILIZATION + " DESC, q.id");

    private static final String COUNT = "SELECT count(*) " + FILTERED;

    private QuotaRows() {}

    private static String list(String order) {
        return "SELECT " + WITHOUT_OWNERS + FILTERED + "ORDER BY " + order + " LIMIT $8 OFFSET $9";
    }

    private static String list(QuotaSort sort) {
        return switch (sort) {
            case CREATED_AT -> LIST_BY_CREATION;
            case CREATED_AT_DESCENDING -> LIST_BY_CREATION_DESCENDING;
            case NAME -> LIST_BY_NAME;
            case NAME_DESCENDING -> LIST_BY_NAME_DESCENDING;
            case UTILIZATION -> LIST_BY_UTILIZATION;
            case UTILIZATION_DESCENDING -> LIST_BY_UTILIZATION_DESCENDING;
        };
    }

    /** Whether quota {@code q} of organization $1 is owned by the user, or granted to the user through this service. */
    private static String ownedByOrGrantedTo(String user) {
        return """
                (q.owner_ids @> ARRAY[%1$s] OR q.inherited_owner_ids @> ARRAY[%1$s]
                 OR EXISTS (SELECT FROM quota.quota_grants g
                            WHERE g.organization_id = $1 AND g.quota_id = q.id AND g.user_id = %1$s AND %2$s))
                """.formatted(user, READS);
    }

    /** A condition on the row {@code g} of quota_grants: the user was granted this permission, and that has not expired. */
    static String granted(String permission) {
        return "('%1$s' = ANY (g.permissions) AND coalesce(g.%1$s_expires_at > now(), true))".formatted(permission);
    }

    private static String findAll(BatchStatement.Form form) {
        return "SELECT " + COLUMNS + "FROM " + form.rows("id text") + " JOIN quota.quotas q ON " + form.same("q")
                + " AND q.id = v.id COLLATE \"C\" ORDER BY q.id ";
    }

    /** Those of {@code keys} that exist, deleted ones included. */
    public static Future<Map<QuotaKey, Quota>> find(DatabaseSession connection, Collection<QuotaKey> keys) {
        return byKey(connection, FIND_ALL, keys);
    }

    /** As {@link #find}, locking them in ascending order of ids until the transaction ends. */
    public static Future<Map<QuotaKey, Quota>> lock(DatabaseSession connection, Collection<QuotaKey> keys) {
        return byKey(connection, LOCK_ALL, keys);
    }

    /** As {@link #lock}, without waiting: quotas that another transaction has locked are missing. */
    public static Future<Map<QuotaKey, Quota>> lockIfFree(DatabaseSession connection, Collection<QuotaKey> keys) {
        return byKey(connection, LOCK_FREE, keys);
    }

    private static Future<Map<QuotaKey, Quota>> byKey(
            DatabaseSession connection, BatchStatement statement, Collection<QuotaKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        String[] organizations = keys.stream().map(QuotaKey::organizationId).toArray(String[]::new);
        String[] ids = keys.stream().map(QuotaKey::quotaId).toArray(String[]::new);
        return connection
                .run(statement, organizations, Tuple.tuple().addArrayOfString(ids))
                .map(rows -> {
                    Map<QuotaKey, Quota> found = new HashMap<>();
                    for (Row row : rows) {
                        Quota quota = read(row);
                        found.put(new QuotaKey(quota.organizationId(), quota.id()), quota);
                    }
                    return found;
                });
    }

    /** A page of something, and how many there are in all. */
    public record Page<T>(List<T> items, long totalCount) {}

    /**
     * {@code page} counts from 1; a null does not restrict.
     *
     * @param text part of a name or a key, in any case; outside ASCII, case is what it is in the database's locale
     */
    public record Filter(
            int page,
            int pageSize,
            @Nullable QuotaType quotaType,
            @Nullable QuotaStatus status,
            @Nullable String teamId,
            @Nullable String parentQuotaId,
            @Nullable String text,
            QuotaSort sort) {}

    /**
     * The quotas that {@code user} owns or was granted something on through this service, their lists of owners left empty.
     */
    public static Future<Page<Quota>> list(DatabaseSession connection, String organization, String user, Filter query) {
        Tuple filter = Tuple.tuple()
                .addString(organization)
                .addString(user)
                .addString(query.quotaType() == null ? null : query.quotaType().wireName())
                .addString(query.status() == null ? null : query.status().wireName())
                .addString(query.teamId())
                .addString(query.parentQuotaId())
                .addString(query.text());
        Tuple page = Tuple.tuple();
        for (int i = 0; i < filter.size(); i++) {
            page.addValue(filter.getValue(i));
        }
        page.addLong((long) query.pageSize()).addLong((query.page() - 1L) * query.pageSize());
        Future<Long> count = connection.preparedQuery(COUNT).execute(filter).map(rows -> rows.iterator()
                .next()
                .getLong(0));
        Future<List<Quota>> items = connection
                .preparedQuery(list(query.sort()))
                .execute(page)
                .map(rows -> {
                    List<Quota> quotas = new ArrayList<>();
                    rows.forEach(row -> quotas.add(read(row)));
                    return quotas;
                });
        return Future.all(count, items).map(ignored -> new Page<>(items.result(), count.result()));
    }

    /** Which of the users may hear of which of the quotas. */
    public static Future<VisibilityAnswer> visibility(DatabaseSession connection, VisibilityQuestion question) {
        return connection
                .preparedQuery(VISIBILITY)
                .execute(Tuple.tuple()
                        .addString(question.organizationId())
                        .addArrayOfString(question.quotaIds().toArray(String[]::new))
                        .addArrayOfString(question.userIds().toArray(String[]::new)))
                .map(rows -> {
                    Map<String, Set<String>> users = new HashMap<>();
                    rows.forEach(row -> users.computeIfAbsent(row.getString(0), ignored -> new LinkedHashSet<>())
                            .add(row.getString(1)));
                    return new VisibilityAnswer(users);
                });
    }

    static Quota read(Row row) {
        OffsetDateTime deletedAt = row.getOffsetDateTime(21);
        OffsetDateTime reservationsDueAt = row.getOffsetDateTime(25);
        return new Quota(
                new Quota.Placement(
                        row.getString(0),
                        row.getString(1),
                        row.getString(2),
                        row.getString(3),
                        row.getShort(4),
                        QuotaType.ofWireName(row.getString(7)),
                        row.getString(8)),
                new Quota.Label(row.getString(5), row.getString(6), row.getString(22)),
                new Quota.Ownership(
                        row.getString(9),
                        List.of(row.getArrayOfStrings(10)),
                        List.of(row.getArrayOfStrings(11)),
                        row.getLong(18)),
                new Quota.Figures(
                        row.getLong(12),
                        row.getLong(13),
                        row.getLong(14),
                        row.getLong(23),
                        reservationsDueAt == null ? null : reservationsDueAt.toInstant(),
                        row.getLong(24)),
                QuotaStatus.ofWireName(row.getString(15)),
                row.getString(16),
                row.getLong(17),
                row.getOffsetDateTime(19).toInstant(),
                row.getOffsetDateTime(20).toInstant(),
                deletedAt == null ? null : deletedAt.toInstant());
    }

    static OffsetDateTime utc(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }
}
