package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Table {@code quotas} as a tree. Locks are taken in ascending order of ids, so two transactions wait for each other only when the
 * tree changes while they wait; PostgreSQL then ends one, and it runs again. Released quotas stay as they were, or a tree's history would make its every change slower.
 */
public final class QuotaTrees {
    private static final String LOCK_WITH_PARENT = """
            SELECT %s FROM quota.quotas q
            WHERE q.organization_id = $1
              AND (q.id = $2 OR q.id = (SELECT c.parent_quota_id FROM quota.quotas c
                                        WHERE c.organization_id = $1 AND c.id = $2))
            ORDER BY q.id FOR UPDATE OF q
            """.formatted(QuotaRows.COLUMNS);

    /** The living quotas below the quota $2, by the index: in the "C" collation {@code '0'} follows {@code '/'}. */
    private static final String BELOW_QUOTA = """
            FROM quota.quotas r
            JOIN quota.quotas q ON q.organization_id = $1 AND q.path > r.path || '/' AND q.path < r.path || '0'
            WHERE r.organization_id = $1 AND r.id = $2 AND q.status <> 'deleted'
            """;

    private static final String LOCK_IN_ORDER = """
            SELECT count(*)
            FROM (SELECT FROM quota.quotas l
                  WHERE l.organization_id = $1 AND l.id = ANY (ARRAY(
                      SELECT unnest($2::text[]) COLLATE "C"
                      UNION
                      SELECT c.parent_quota_id FROM quota.quotas c
                      WHERE c.organization_id = $1 AND c.id = ANY ($2::text[] COLLATE "C")
                      UNION
                      SELECT q.id
                      FROM quota.quotas r
                      JOIN quota.quotas q ON q.organization_id = $1 AND q.path > r.path || '/' AND q.path < r.path || '0'
                      WHERE r.organization_id = $1 AND r.id = ANY ($3::text[] COLLATE "C") AND q.status <> 'deleted'))
                  ORDER BY l.id FOR UPDATE OF l) AS locked
            """;

    private static final String FIND_BELOW =
            "SELECT " + QuotaRows.COLUMNS + BELOW_QUOTA + "ORDER BY q.level, q.id LIMIT $3";

    private static final String LOCK_BELOW = "SELECT cardinality(q.owner_ids) > 0, q.level, hashtextextended(q.id, 0) "
            + BELOW_QUOTA + "ORDER BY q.id FOR UPDATE OF q";
    /** How many, and a checksum of which. */
    private static final String COUNT_BELOW =
            "SELECT count(*), coalesce(bit_xor(hashtextextended(q.id, 0)), 0) " + BELOW_QUOTA;

    /** The living quotas below the path $2. */
    private static final String BELOW_PATH = """
            q.organization_id = $1 AND q.path > $2 || '/' AND q.path < $2 || '0' AND q.status <> 'deleted'
            """;

    /**
     * $4: who owns the quotas directly below $2 through their ancestors, in order. A quota with owners of its own adds them in
     * front of these for everything below it: $5 says whether there are such quotas. Fails unless it writes $6 rows, as it is
     * sent together with COMMIT.
     */
    private static final String PASS_OWNERS_ON = """
            WITH written AS (
                UPDATE quota.quotas q
                SET owner_id = $3,
                    inherited_owner_ids = CASE WHEN $5::boolean THEN ARRAY(
                        SELECT n.user_id
                        FROM (SELECT o.user_id, (100 - a.level)::bigint * 1000000 + o.place AS place
                              FROM quota.quotas a
                              CROSS JOIN LATERAL unnest(a.owner_ids) WITH ORDINALITY AS o (user_id, place)
                              WHERE a.organization_id = $1 AND a.id <> q.id
                                AND a.id = ANY (string_to_array(substr(q.path, length($2) + 2), '/'))
                              UNION ALL
                              SELECT o.user_id, 100000000 + o.place
                              FROM unnest($4::text[]) WITH ORDINALITY AS o (user_id, place)) n
                        GROUP BY n.user_id
                        ORDER BY min(n.place))
                    ELSE $4::text[] END
                WHERE %s RETURNING 1)
            SELECT 1 / ((SELECT count(*) FROM written) = $6::bigint)::int
            """.formatted(BELOW_PATH);

    private static final String PASS_SUSPENSION_ON = "UPDATE quota.quotas q SET suspended_by = $4::text WHERE "
            + BELOW_PATH + "AND q.suspended_by IS NOT DISTINCT FROM $3::text";

    private static final String MOVE =
            "UPDATE quota.quotas q SET path = $3::text || substr(q.path, length($2::text) + 1),"
                    + " level = q.level + $4::int, grants_version = q.grants_version + 1 WHERE " + BELOW_PATH;

    /** Of the quota $2 and what is above it, from below. By parents: the path of a released quota may be an old one. */
    private static final String OWNERS_OF = """
            WITH RECURSIVE above AS (
                SELECT q.parent_quota_id, q.owner_ids, 1 AS place
                FROM quota.quotas q WHERE q.organization_id = $1 AND q.id = $2
                UNION ALL
                SELECT q.parent_quota_id, q.owner_ids, a.place + 1
                FROM above a JOIN quota.quotas q ON q.organization_id = $1 AND q.id = a.parent_quota_id
            )
            SELECT owner_ids FROM above ORDER BY place
            """;

    /** The living quotas of the tree that the quota $2 is in, counted up to $3. */
    private static final String COUNT_TREE = """
            SELECT count(*)
            FROM (SELECT FROM quota.quotas m
                  JOIN quota.quotas q ON q.organization_id = $1 AND q.path >= '/' || split_part(m.path, '/', 2)
                    AND q.path < '/' || split_part(m.path, '/', 2) || '0'
                  WHERE m.organization_id = $1 AND m.id = $2 AND q.status <> 'deleted'
                  LIMIT $3) AS living
            """;

    private QuotaTrees() {}

    /** A quota came, went, or got another parent while locks were waited for: run the transaction again. */
    public static final class SubtreeChangedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        SubtreeChangedException() {
            super("the subtree changed while it was being locked");
        }
    }

    /**
     * Locks quotas, their parents, and the living quotas below some of them, in one order. The statements that read them follow: each
     * by itself locks in order, but one after the other they would not.
     *
     * @param quotaIds of one organization
     * @param withSubtree those of them whose subtrees are locked
     */
    public static Future<Void> lockInOrder(
            DatabaseSession connection,
            String organizationId,
            Collection<String> quotaIds,
            Collection<String> withSubtree) {
        return connection
                .preparedQuery(LOCK_IN_ORDER)
                .execute(Tuple.of(organizationId, quotaIds.toArray(String[]::new), withSubtree.toArray(String[]::new)))
                .mapEmpty();
    }

    /**
     * The quota and its parent, those of them that exist.
     *
     * @return fails with {@link SubtreeChangedException} when the quota got another parent while its lock was waited for
     */
    public static Future<List<Quota>> lockWithParent(DatabaseSession connection, QuotaKey key) {
        return connection
                .preparedQuery(LOCK_WITH_PARENT)
                .execute(Tuple.of(key.organizationId(), key.quotaId()))
                .compose(rows -> {
                    List<Quota> quotas = new ArrayList<>(rows.size());
                    Set<String> ids = new HashSet<>();
                    String parentId = null;
                    for (Row row : rows) {
                        Quota quota = QuotaRows.read(row);
                        quotas.add(quota);
                        ids.add(quota.id());
                        parentId = quota.id().equals(key.quotaId()) ? quota.parentId() : parentId;
                    }
                    return parentId == null || ids.contains(parentId)
                            ? Future.succeededFuture(quotas)
                            : Future.failedFuture(new SubtreeChangedException());
                });
    }

    /**
     * Locks every living quota below one that is locked before.
     *
     * @return fails with {@link SubtreeChangedException} when they are not the same any more once all are locked
     */
    public static Future<Subtree> lockBelow(DatabaseSession connection, QuotaKey key) {
        Tuple values = Tuple.of(key.organizationId(), key.quotaId());
        Future<RowSet<Row>> locked = connection.preparedQuery(LOCK_BELOW).execute(values);
        // A statement of its own sees what was committed while the locks were waited for.
        Future<RowSet<Row>> counted = connection.preparedQuery(COUNT_BELOW).execute(values);
        return Future.all(locked, counted).compose(ignored -> {
            boolean haveOwners = false;
            int deepest = 0;
            long checksum = 0;
            for (Row row : locked.result()) {
                haveOwners |= row.getBoolean(0);
                deepest = Math.max(deepest, row.getShort(1));
                checksum ^= row.getLong(2);
            }
            Row now = counted.result().iterator().next();
            int quotas = locked.result().size();
            return quotas == now.getLong(0) && checksum == now.getLong(1)
                    ? Future.succeededFuture(new Subtree(quotas, deepest, haveOwners))
                    : Future.failedFuture(new SubtreeChangedException());
        });
    }

    /** The living quotas below one, parents before children. */
    public static Future<List<Quota>> findBelow(DatabaseSession connection, QuotaKey key, int limit) {
        return connection
                .preparedQuery(FIND_BELOW)
                .execute(Tuple.of(key.organizationId(), key.quotaId(), (long) limit))
                .map(rows -> {
                    List<Quota> quotas = new ArrayList<>(rows.size());
                    rows.forEach(row -> quotas.add(QuotaRows.read(row)));
                    return quotas;
                });
    }

    /**
     * Takes every living quota below {@code before} along when it is moved, and makes what was learnt of their grants worthless. Who
     * owns them, and what suspends them, is written afterwards.
     *
     * @param before the quota whose subtree the caller has locked, in its old place
     * @param after the same in its new place
     */
    public static Future<Void> move(DatabaseSession connection, Quota before, Quota after) {
        return connection
                .preparedQuery(MOVE)
                .execute(Tuple.tuple()
                        .addString(before.organizationId())
                        .addString(before.path())
                        .addString(after.path())
                        .addInteger(after.level() - before.level()))
                .mapEmpty();
    }

    /**
     * Writes into every living quota below {@code root} who owns it through its ancestors, in one statement.
     *
     * @param root as it is from now on
     * @param below from {@link #lockBelow} in this transaction
     */
    public static Future<Void> passOwnersOn(DatabaseSession connection, Quota root, Subtree below) {
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
                        .addBoolean(below.haveOwners())
                        .addLong((long) below.quotas()))
                .mapEmpty();
    }

    /**
     * Replaces {@code before} as the nearest suspended quota of the living quotas below {@code root}, in one statement. Those
     * that a nearer one suspends name that one, and stay as they are.
     *
     * @param root whose subtree the caller has locked
     */
    public static Future<Void> passSuspensionOn(
            DatabaseSession connection, Quota root, @Nullable String before, @Nullable String after) {
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
    public static Future<List<String>> ownersAbove(DatabaseSession connection, Quota quota) {
        return connection
                .preparedQuery(OWNERS_OF)
                .execute(Tuple.of(quota.organizationId(), quota.parentId()))
                .map(rows -> {
                    Set<String> owners = new LinkedHashSet<>();
                    rows.forEach(row -> owners.addAll(List.of(row.getArrayOfStrings(0))));
                    return List.copyOf(owners);
                });
    }

    /** How many living quotas the quota's tree has, its root included; counts no further than {@code most}. */
    public static Future<Long> countTree(DatabaseSession connection, QuotaKey key, int most) {
        return connection
                .preparedQuery(COUNT_TREE)
                .execute(Tuple.of(key.organizationId(), key.quotaId(), (long) most))
                .map(rows -> rows.iterator().next().getLong(0));
    }
}
