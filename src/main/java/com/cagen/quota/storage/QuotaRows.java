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
    private static final BatchStatement LOCK_FREE =
            BatchStatement.of(form -> findAll(form) + "FOR UPDATE OF q SKIP LOCKED");

    private static final String FIND_WITH_PARENT = """
            SELECT %s
            FROM quota.quotas q
            WHERE q.organization_id = $1
              AND (q.id = $2
                   OR q.id = (SELECT c.parent_quota_id FROM quota.quotas c WHERE c.organization_id = $1 AND c.id = $2))
            ORDER BY q.id
            """.formatted(COLUMNS);
    private static final String LOCK_WITH_PARENT = FIND_WITH_PARENT + "FOR UPDATE OF q";

    /**
     * Living quotas below the path $2, by the index: in the "C" collation {@code '0'} follows {@code '/'}. Released ones
     * stay as they were, or a tree's history would make its every change slower.
     */
    private static final String BELOW = """
            q.organization_id = $1 AND q.path > $2 || '/' AND q.path < $2 || '0' AND q.status <> 'deleted'
            """;

    private static final String LOCK_BELOW =
            "SELECT cardinality(q.owner_ids) > 0 FROM quota.quotas q WHERE " + BELOW + "ORDER BY q.id FOR UPDATE OF q";

    /**
     * $4: who owns the quotas directly below $2 through their ancestors, in order. A quota with owners of its own adds them in
     * front of these for everything below it: $5 says whether there are such quotas.
     */
    private static final String PASS_OWNERS_ON = """
            UPDATE quota.quotas q
            SET owner_id = $3,
                inherited_owner_ids = CASE WHEN $5::boolean THEN ARRAY(
                    SELECT n.user_id
                    FROM (SELECT o.user_id, (100 - a.level)::bigint * 1000000 + o.place AS place
                          FROM quota.quotas a CROSS JOIN LATERAL unnest(a.owner_ids) WITH ORDINALITY AS o (user_id, place)
                          WHERE a.organization_id = $1 AND a.id <> q.id
                            AND a.id = ANY (string_to_array(substr(q.path, length($2) + 2), '/'))
                          UNION ALL
                          SELECT o.user_id, 100000000 + o.place
                          FROM unnest($4::text[]) WITH ORDINALITY AS o (user_id, place)) n
                    GROUP BY n.user_id
                    ORDER BY min(n.place))
                ELSE $4::text[] END
            WHERE\s""" + BELOW;

    private static final String PASS_SUSPENSION_ON = "UPDATE quota.quotas q SET suspended_by = $4::text WHERE " + BELOW
            + "AND q.suspended_by IS NOT DISTINCT FROM $3::text";

    private static final String OWNERS_OF =
            "SELECT q.owner_ids FROM quota.quotas q WHERE q.organization_id = $1 AND q.id = ANY ($2) ORDER BY q.level DESC";

    private static final String COUNT_TREE = """
            SELECT count(*)
            FROM (SELECT FROM quota.quotas q
                  WHERE q.organization_id = $1 AND q.path >= $2 AND q.path < $2 || '0' AND q.status <> 'deleted'
                  LIMIT $3) living
            """;

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

    /** As {@link #lock}, waiting for nobody: those that another transaction has locked are missing. */
    public static Future<Map<QuotaKey, Quota>> lockIfFree(Session connection, Collection<QuotaKey> keys) {
        return byKey(connection, LOCK_FREE, keys);
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

    /** What is below a quota, as far as {@link #passOwnersOn} must know it. */
    public record Below(int quotas, boolean haveOwners) {}

    /**
     * Locks every living quota below {@code root}, whose row the caller has locked. A child may appear under a quota until
     * that one is locked, so it looks again until there is nothing new.
     */
    public static Future<Below> lockBelow(Session connection, Quota root) {
        return lockBelow(connection, root, -1);
    }

    private static Future<Below> lockBelow(Session connection, Quota root, int known) {
        return connection
                .preparedQuery(LOCK_BELOW)
                .execute(Tuple.of(root.organizationId(), root.path()))
                .compose(rows -> {
                    if (rows.size() != known && rows.size() > 0) {
                        return lockBelow(connection, root, rows.size());
                    }
                    boolean haveOwners = false;
                    for (Row row : rows) {
                        haveOwners |= row.getBoolean(0);
                    }
                    return Future.succeededFuture(new Below(rows.size(), haveOwners));
                });
    }

    /**
     * Writes into every living quota below {@code root} who owns it through its ancestors, in one statement.
     *
     * @param root as it is from now on
     * @param below from {@link #lockBelow} in this transaction
     */
    public static Future<Void> passOwnersOn(Session connection, Quota root, Below below) {
        if (below.quotas() == 0) {
            return Future.succeededFuture();
        }
        return connection
                .preparedQuery(PASS_OWNERS_ON)
                .execute(Tuple.tuple()
                        .addString(root.organizationId())
                        .addString(root.path())
                        .addString(root.ownerId())
                        .addArrayOfString(root.ownersBelow().toArray(String[]::new))
                        .addBoolean(below.haveOwners()))
                .compose(RowCounts.expect(below.quotas()));
    }

    /**
     * Replaces {@code before} as the nearest suspended quota of the living quotas below {@code root}, in one statement. Those
     * that a nearer one suspends name that one, and stay as they are.
     *
     * @param root whose subtree the caller has locked
     */
    public static Future<Void> passSuspensionOn(
            Session connection, Quota root, @Nullable String before, @Nullable String after) {
        return connection
                .preparedQuery(PASS_SUSPENSION_ON)
                .execute(Tuple.tuple()
                        .addString(root.organizationId())
                        .addString(root.path())
                        .addString(before)
                        .addString(after))
                .mapEmpty();
    }

    /** Who owns {@code quota} through its ancestors now; the row of a released quota says who did when it was released. */
    public static Future<List<String>> ownersAbove(Session connection, Quota quota) {
        String[] ancestors = quota.path()
                .substring(1, quota.path().length() - quota.id().length())
                .split("/", -1);
        return connection
                .preparedQuery(OWNERS_OF)
                .execute(Tuple.tuple().addString(quota.organizationId()).addArrayOfString(ancestors))
                .map(rows -> {
                    Set<String> owners = new LinkedHashSet<>();
                    rows.forEach(row -> owners.addAll(List.of(row.getArrayOfStrings(0))));
                    return List.copyOf(owners);
                });
    }

    /** How many living quotas the tree of {@code quota} has, its root included; counts no further than {@code most}. */
    public static Future<Long> countTree(Session connection, Quota quota, int most) {
        int end = quota.path().indexOf('/', 1);
        String root = end < 0 ? quota.path() : quota.path().substring(0, end);
        return connection
                .preparedQuery(COUNT_TREE)
                .execute(Tuple.of(quota.organizationId(), root, (long) most))
                .map(rows -> rows.iterator().next().getLong(0));
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
