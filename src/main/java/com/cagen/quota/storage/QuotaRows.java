package com.cagen.quota.storage;

import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaKey;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.QuotaType;
import com.cagen.quota.domain.VisibilityAnswer;
import com.cagen.quota.domain.VisibilityQuestion;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
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
    private static final String COLUMNS = """
            q.organization_id, q.id, q.parent_quota_id, q.path, q.level, q.name, q.description, q.type, q.team_id,
            q.owner_id, q.owner_ids, q.inherited_owner_ids, q.total_mb, q.used_mb, q.allocated_mb, q.status,
            q.suspended_by, q.version, q.grants_version, q.created_at, q.updated_at, q.deleted_at
            """;

    private static final BatchStatement FIND_ALL = BatchStatement.of(QuotaRows::findAll);
    private static final BatchStatement LOCK_ALL = BatchStatement.of(form -> findAll(form) + "FOR UPDATE OF q");

    private static final String FIND_WITH_PARENT = """
            SELECT %s
            FROM quota.quotas q
            WHERE q.organization_id = $1
              AND (q.id = $2
                   OR q.id = (SELECT c.parent_quota_id FROM quota.quotas c WHERE c.organization_id = $1 AND c.id = $2))
            ORDER BY q.id
            """.formatted(COLUMNS);
    private static final String LOCK_WITH_PARENT = FIND_WITH_PARENT + "FOR UPDATE OF q";

    /** In the "C" collation {@code '0'} follows {@code '/'}: this is every path below the given one, by the index. */
    private static final String LOCK_BELOW = """
            SELECT %s
            FROM quota.quotas q
            WHERE q.organization_id = $1 AND q.path > $2 || '/' AND q.path < $2 || '0'
            ORDER BY q.id
            FOR UPDATE OF q
            """.formatted(COLUMNS);

    private static final String INSERT = """
            INSERT INTO quota.quotas (organization_id, id, parent_quota_id, path, level, name, description, type, team_id,
                owner_id, owner_ids, inherited_owner_ids, total_mb, used_mb, allocated_mb, status, suspended_by, version,
                grants_version, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 'active', NULL, 1, 0, $14, $14)
            """;

    private static final BatchStatement UPDATE_FIGURES = BatchStatement.guarded(form -> """
            UPDATE quota.quotas q
            SET used_mb = v.used_mb, allocated_mb = v.allocated_mb, version = v.version, updated_at = $6
            FROM %s
            WHERE %s AND q.id = v.id COLLATE "C"
            """.formatted(
                    form.rows("id text", "used_mb bigint", "allocated_mb bigint", "version bigint"), form.same("q")));

    private static final String UPDATE_STATE = """
            UPDATE quota.quotas
            SET status = $3, suspended_by = $4, owner_id = $5, owner_ids = $6, inherited_owner_ids = $7, version = $8,
                grants_version = $9, updated_at = $10, deleted_at = $11
            WHERE organization_id = $1 AND id = $2
            """;

    private static final String SET_SUSPENDED_BY =
            "UPDATE quota.quotas SET suspended_by = $3 WHERE organization_id = $1 AND id = ANY ($2)";

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
            """;
    /** Without the owners, which a list does not show: their number has no bound. */
    private static final String LIST = "SELECT "
            + COLUMNS.replace("q.owner_ids, q.inherited_owner_ids", "ARRAY[]::text[], ARRAY[]::text[]")
            + FILTERED + "ORDER BY q.id LIMIT $7 OFFSET $8";

    private static final String COUNT = "SELECT count(*) " + FILTERED;

    private QuotaRows() {}

    /** Whether quota {@code q} of organization $1 is owned by the user, or granted to the user through this service. */
    private static String ownedByOrGrantedTo(String user) {
        return """
                (q.owner_ids @> ARRAY[%1$s] OR q.inherited_owner_ids @> ARRAY[%1$s]
                 OR EXISTS (SELECT FROM quota.quota_grants g
                            WHERE g.organization_id = $1 AND g.quota_id = q.id AND g.user_id = %1$s))
                """.formatted(user);
    }

    private static String findAll(BatchStatement.Form form) {
        return "SELECT " + COLUMNS + "FROM " + form.rows("id text") + " JOIN quota.quotas q ON " + form.same("q")
                + " AND q.id = v.id COLLATE \"C\" ORDER BY q.id ";
    }

    /** Those of {@code keys} that exist, deleted ones included. */
    public static Future<Map<QuotaKey, Quota>> find(Session connection, Collection<QuotaKey> keys) {
        return byKey(connection, FIND_ALL, keys);
    }

    /** As {@link #find}, locking them in ascending order of ids until the transaction ends. */
    public static Future<Map<QuotaKey, Quota>> lock(Session connection, Collection<QuotaKey> keys) {
        return byKey(connection, LOCK_ALL, keys);
    }

    private static Future<Map<QuotaKey, Quota>> byKey(
            Session connection, BatchStatement statement, Collection<QuotaKey> keys) {
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

    /** The quota and its parent, those of them that exist, by id. */
    public static Future<Map<String, Quota>> findWithParent(Session connection, String organization, String id) {
        return connection
                .preparedQuery(FIND_WITH_PARENT)
                .execute(Tuple.of(organization, id))
                .map(QuotaRows::byId);
    }

    /** As {@link #findWithParent}, locking both in ascending order of ids. */
    public static Future<Map<String, Quota>> lockWithParent(Session connection, String organization, String id) {
        return connection
                .preparedQuery(LOCK_WITH_PARENT)
                .execute(Tuple.of(organization, id))
                .map(QuotaRows::byId);
    }

    private static Map<String, Quota> byId(RowSet<Row> rows) {
        Map<String, Quota> found = new HashMap<>();
        rows.forEach(row -> {
            Quota quota = read(row);
            found.put(quota.id(), quota);
        });
        return found;
    }

    /**
     * Locks every quota below {@code root}, deleted ones included (their audit trails still have owners), whose row the
     * caller has locked. A child may appear under a quota until that
     * one is locked, so it looks again until there is nothing new.
     */
    public static Future<List<Quota>> lockBelow(Session connection, Quota root) {
        return lockBelow(connection, root, -1);
    }

    private static Future<List<Quota>> lockBelow(Session connection, Quota root, int known) {
        return connection
                .preparedQuery(LOCK_BELOW)
                .execute(Tuple.of(root.organizationId(), root.path()))
                .compose(rows -> {
                    if (rows.size() != known && rows.size() > 0) {
                        return lockBelow(connection, root, rows.size());
                    }
                    List<Quota> quotas = new ArrayList<>(rows.size());
                    rows.forEach(row -> quotas.add(read(row)));
                    return Future.succeededFuture(quotas);
                });
    }

    public static Future<Void> insert(Session connection, Quota quota) {
        return connection
                .preparedQuery(INSERT)
                .execute(Tuple.tuple()
                        .addString(quota.organizationId())
                        .addString(quota.id())
                        .addString(quota.parentId())
                        .addString(quota.path())
                        .addShort((short) quota.level())
                        .addString(quota.name())
                        .addString(quota.description())
                        .addString(quota.type().wireName())
                        .addString(quota.teamId())
                        .addString(quota.ownerId())
                        .addArrayOfString(quota.ownerIds().toArray(String[]::new))
                        .addArrayOfString(quota.inheritedOwnerIds().toArray(String[]::new))
                        .addLong(quota.totalMb())
                        .addOffsetDateTime(utc(quota.createdAt())))
                .compose(RowCounts.expect(1));
    }

    /** Used, allocated and version of quotas that the caller has locked. */
    public static Write figures(Collection<Quota> quotas, Instant now) {
        int n = quotas.size();
        String[] organizations = new String[n];
        String[] ids = new String[n];
        Long[] used = new Long[n];
        Long[] allocated = new Long[n];
        Long[] versions = new Long[n];
        int i = 0;
        for (Quota quota : quotas) {
            organizations[i] = quota.organizationId();
            ids[i] = quota.id();
            used[i] = quota.usedMb();
            allocated[i] = quota.allocatedMb();
            versions[i] = quota.version();
            i++;
        }
        return new Write(UPDATE_FIGURES, organizations, Tuple.of(ids, used, allocated, versions, utc(now)));
    }

    /** Writes everything but the figures of a quota that the caller has locked. */
    public static Future<Void> updateState(Session connection, Quota quota) {
        return connection
                .preparedQuery(UPDATE_STATE)
                .execute(Tuple.tuple()
                        .addString(quota.organizationId())
                        .addString(quota.id())
                        .addString(quota.status().wireName())
                        .addString(quota.suspendedBy())
                        .addString(quota.ownerId())
                        .addArrayOfString(quota.ownerIds().toArray(String[]::new))
                        .addArrayOfString(quota.inheritedOwnerIds().toArray(String[]::new))
                        .addLong(quota.version())
                        .addLong(quota.grantsVersion())
                        .addOffsetDateTime(utc(quota.updatedAt()))
                        .addOffsetDateTime(quota.deletedAt() == null ? null : utc(quota.deletedAt())))
                .compose(RowCounts.expect(1));
    }

    public static Future<Void> setSuspendedBy(
            Session connection, String organization, List<String> ids, @Nullable String suspendedBy) {
        if (ids.isEmpty()) {
            return Future.succeededFuture();
        }
        return connection
                .preparedQuery(SET_SUSPENDED_BY)
                .execute(Tuple.tuple()
                        .addString(organization)
                        .addArrayOfString(ids.toArray(String[]::new))
                        .addString(suspendedBy))
                .compose(RowCounts.expect(ids.size()));
    }

    /** A page of something, and how many there are in all. */
    public record Page<T>(List<T> items, long totalCount) {}

    /**
     * The quotas that {@code user} owns or was granted something on through this service, oldest first, their lists of owners
     * left empty.
     */
    public static Future<Page<Quota>> list(
            Session connection, String organization, String user, Operation.ListQuotas query) {
        Tuple filter = Tuple.tuple()
                .addString(organization)
                .addString(user)
                .addString(query.quotaType() == null ? null : query.quotaType().wireName())
                .addString(query.status() == null ? null : query.status().wireName())
                .addString(query.teamId())
                .addString(query.parentQuotaId());
        Tuple page = Tuple.tuple();
        for (int i = 0; i < filter.size(); i++) {
            page.addValue(filter.getValue(i));
        }
        page.addLong((long) query.pageSize()).addLong((query.page() - 1L) * query.pageSize());
        Future<Long> count = connection.preparedQuery(COUNT).execute(filter).map(rows -> rows.iterator()
                .next()
                .getLong(0));
        Future<List<Quota>> items = connection.preparedQuery(LIST).execute(page).map(rows -> {
            List<Quota> quotas = new ArrayList<>();
            rows.forEach(row -> quotas.add(read(row)));
            return quotas;
        });
        return Future.all(count, items).map(ignored -> new Page<>(items.result(), count.result()));
    }

    /** Which of the users may hear of which of the quotas. */
    public static Future<VisibilityAnswer> visibility(Session connection, VisibilityQuestion question) {
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

    private static Quota read(Row row) {
        OffsetDateTime deletedAt = row.getOffsetDateTime(21);
        return new Quota(
                row.getString(0),
                row.getString(1),
                row.getString(2),
                row.getString(3),
                row.getShort(4),
                row.getString(5),
                row.getString(6),
                QuotaType.ofWireName(row.getString(7)),
                row.getString(8),
                row.getString(9),
                List.of(row.getArrayOfStrings(10)),
                List.of(row.getArrayOfStrings(11)),
                row.getLong(12),
                row.getLong(13),
                row.getLong(14),
                QuotaStatus.ofWireName(row.getString(15)),
                row.getString(16),
                row.getLong(17),
                row.getLong(18),
                row.getOffsetDateTime(19).toInstant(),
                row.getOffsetDateTime(20).toInstant(),
                deletedAt == null ? null : deletedAt.toInstant());
    }

    static OffsetDateTime utc(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }
}
