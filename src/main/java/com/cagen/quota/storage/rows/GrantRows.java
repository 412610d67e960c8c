package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.access.GrantExpiry;
import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Table {@code quota_grants}: read and admin as granted through this service. For listing; the auth service decides. */
public final class GrantRows {
    private static final String SAME_KEY =
            "%s AND g.quota_id = v.quota_id COLLATE \"C\" AND g.user_id = v.user_id COLLATE \"C\"";

    private static final BatchStatement FIND = BatchStatement.of(
            form -> """
            SELECT g.organization_id, g.quota_id, g.user_id, g.permissions, g.read_expires_at, g.admin_expires_at,
                clock_timestamp()
            FROM %s JOIN quota.quota_grants g ON %s
            """.formatted(form.rows("quota_id text", "user_id text"), SAME_KEY.formatted(form.same("g"))));

    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.quota_grants",
            "granted_at $8",
            "quota_id text",
            "user_id text",
            "permissions text text[]",
            "granted_by text",
            "read_expires_at timestamptz",
            "admin_expires_at timestamptz"));

    private static final BatchStatement UPDATE = BatchStatement.guarded(form -> """
            UPDATE quota.quota_grants g
            SET permissions = v.permissions::text[],
                granted_by = coalesce(v.granted_by, g.granted_by),
                granted_at = CASE WHEN v.granted_by IS NULL THEN g.granted_at ELSE $9 END,
                read_expires_at = CASE
                    WHEN 'read' <> ALL (v.permissions::text[]) THEN NULL
                    WHEN 'read' = ANY (v.renewed::text[]) THEN v.read_expires_at ELSE g.read_expires_at END,
                admin_expires_at = CASE
                    WHEN 'admin' <> ALL (v.permissions::text[]) THEN NULL
                    WHEN 'admin' = ANY (v.renewed::text[]) THEN v.admin_expires_at ELSE g.admin_expires_at END
            FROM %s WHERE %s
            """.formatted(
                    form.rows(
                            "quota_id text",
                            "user_id text",
                            "permissions text",
                            "granted_by text",
                            "read_expires_at timestamptz",
                            "admin_expires_at timestamptz",
                            "renewed text"),
                    SAME_KEY.formatted(form.same("g"))));

    private static final BatchStatement DELETE = BatchStatement.guarded(
            form -> """
            DELETE FROM quota.quota_grants g USING %s WHERE %s
            """.formatted(form.rows("quota_id text", "user_id text"), SAME_KEY.formatted(form.same("g"))));

    private static final String LIST =
            PageBytes.cut("""
            SELECT g.user_id, g.permissions, g.granted_by, g.granted_at, g.read_expires_at, g.admin_expires_at,
                clock_timestamp() AS now
            FROM quota.quota_grants g
            WHERE g.organization_id = $1 AND g.quota_id = $2 AND ($3::text IS NULL OR g.user_id > $3::text)
            ORDER BY g.user_id LIMIT $4
            """, "user_id", "octet_length(user_id) + coalesce(octet_length(granted_by), 0)", "$4");

    /** In how many milliseconds the first of a user's grants on a quota expires. */
    private static final String FIRST_EXPIRY = """
            SELECT g.quota_id, extract(epoch FROM least(
                CASE WHEN g.read_expires_at > now() THEN g.read_expires_at END,
                CASE WHEN g.admin_expires_at > now() THEN g.admin_expires_at END) - now())::float8 * 1000
            FROM quota.quota_grants g
            WHERE g.organization_id = $1 AND g.user_id = $2 AND g.quota_id = ANY ($3)
              AND greatest(g.read_expires_at, g.admin_expires_at) > now()
            """;

    /** The owners of the quota $2 and of its ancestors, from the root down. */
    private static final String OWNERS = """
            SELECT o.user_id, q.id FROM quota.quotas c
            JOIN quota.quotas q ON q.organization_id = $1 AND q.id = ANY (string_to_array(substr(c.path, 2), '/'))
            CROSS JOIN LATERAL unnest(q.owner_ids) WITH ORDINALITY AS o (user_id, place)
            WHERE c.organization_id = $1 AND c.id = $2
            ORDER BY q.level, o.place LIMIT $3
            """;

    private GrantRows() {}

    /**
     * What a user is granted after a change.
     *
     * @param permissions possibly none
     * @param grantedBy who added some of them; null when the change only took some away
     * @param expiry of those that are granted now; null when all keep their end
     */
    public record Grant(
            Set<Permission> permissions,
            @Nullable String grantedBy,
            @Nullable GrantExpiry expiry) {
        private @Nullable OffsetDateTime expiresAt(Permission permission) {
            return expiry == null
                            || expiry.at() == null
                            || !expiry.permissions().contains(permission)
                    ? null
                    : QuotaRows.utc(expiry.at());
        }
    }

    /**
     * A grant as it is listed.
     *
     * @param expiresAt null: when it is revoked
     * @param grantedBy null when it was granted before that was recorded, as is {@code grantedAt}
     */
    public record Listed(
            String userId,
            List<Permission> permissions,
            @Nullable Instant expiresAt,
            @Nullable String grantedBy,
            @Nullable Instant grantedAt) {}

    /** @param quotaId the quota, itself or an ancestor, that the user was made owner of */
    public record Owner(String userId, String quotaId) {}

    /** @param nextCursor the last user of the page when there are more, else null */
    public record Page(List<Listed> grants, @Nullable String nextCursor) {}

    /**
     * A page of the grants on a quota, by user. A user is in it twice when read and admin end at different times, and not at all when
     * both have expired.
     *
     * @param after the user that the page begins after; null: it begins with the first one
     */
    public static Future<Page> list(DatabaseSession connection, QuotaKey quota, @Nullable String after, long limit) {
        return connection
                .preparedQuery(LIST)
                .execute(Tuple.of(quota.organizationId(), quota.quotaId(), after, limit + 1))
                .map(rows -> {
                    List<Listed> grants = new ArrayList<>(rows.size());
                    String last = null;
                    for (Row row : rows) {
                        OffsetDateTime grantedAt = row.getOffsetDateTime(3);
                        byExpiry(held(row, 1, 4))
                                .forEach((expiresAt, permissions) -> grants.add(new Listed(
                                        row.getString(0),
                                        permissions,
                                        expiresAt.orElse(null),
                                        row.getString(2),
                                        grantedAt == null ? null : grantedAt.toInstant())));
                        last = row.getString(0);
                    }
                    return new Page(grants, PageBytes.more(rows) ? last : null);
                });
    }

    /** What has not expired, by the moment at which it will. */
    public static Map<Optional<Instant>, List<Permission>> byExpiry(Map<Permission, Optional<Instant>> held) {
        Map<Optional<Instant>, List<Permission>> permissions = new LinkedHashMap<>();
        held.forEach((permission, expiresAt) -> permissions
                .computeIfAbsent(expiresAt, ignored -> new ArrayList<>(2))
                .add(permission));
        return permissions;
    }

    /** @param expiry the first of the columns with the expiries and the clock */
    private static Map<Permission, Optional<Instant>> held(Row row, int permissions, int expiry) {
        Map<Permission, Optional<Instant>> held = new EnumMap<>(Permission.class);
        for (Permission permission : permissions(row.getArrayOfStrings(permissions))) {
            OffsetDateTime expiresAt = row.getOffsetDateTime(permission == Permission.READ ? expiry : expiry + 1);
            if (expiresAt == null || expiresAt.isAfter(row.getOffsetDateTime(expiry + 2))) {
                held.put(permission, Optional.ofNullable(expiresAt).map(OffsetDateTime::toInstant));
            }
        }
        return held;
    }

    /** How long it takes until the first of a user's grants on each of the quotas expires, for those that have one that does. */
    public static Future<Map<String, Duration>> firstExpiries(
            DatabaseSession connection, String organization, String userId, Collection<String> quotaIds) {
        return connection
                .preparedQuery(FIRST_EXPIRY)
                .execute(Tuple.of(organization, userId).addArrayOfString(quotaIds.toArray(String[]::new)))
                .map(rows -> {
                    Map<String, Duration> found = new HashMap<>();
                    rows.forEach(row -> found.put(
                            row.getString(0),
                            Duration.ofMillis(Math.max(0, row.getDouble(1).longValue()))));
                    return found;
                });
    }

    /** Who owns a quota, from its root down. */
    public static Future<List<Owner>> owners(DatabaseSession connection, QuotaKey quota, long limit) {
        return connection
                .preparedQuery(OWNERS)
                .execute(Tuple.of(quota.organizationId(), quota.quotaId(), limit))
                .map(rows -> {
                    List<Owner> owners = new ArrayList<>(rows.size());
                    rows.forEach(row -> owners.add(new Owner(row.getString(0), row.getString(1))));
                    return owners;
                });
    }

    private static List<Permission> permissions(String[] wireNames) {
        return Arrays.stream(wireNames).map(Permission::ofWireName).sorted().toList();
    }

    /** What each of {@code keys} was granted and holds: none when all of it has expired. Absent: there is no row. */
    public static Future<Map<GrantKey, Set<Permission>>> find(DatabaseSession connection, Collection<GrantKey> keys) {
        return findWithExpiries(connection, keys).map(found -> {
            Map<GrantKey, Set<Permission>> held = new HashMap<>();
            found.forEach((key, expiries) -> held.put(key, expiries.keySet()));
            return held;
        });
    }

    /** As {@link #find}, with when each permission expires, if it does. */
    public static Future<Map<GrantKey, Map<Permission, Optional<Instant>>>> findWithExpiries(
            DatabaseSession connection, Collection<GrantKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection.run(FIND, organizations(keys), keyArrays(keys)).map(rows -> {
            Map<GrantKey, Map<Permission, Optional<Instant>>> found = new HashMap<>();
            for (Row row : rows) {
                found.put(new GrantKey(row.getString(0), row.getString(1), row.getString(2)), held(row, 3, 4));
            }
            return found;
        });
    }

    /**
     * What each user is granted from now on; one that is granted nothing loses the row.
     *
     * @param before of the same keys, as found under the quotas' locks: says which rows there are
     * @param now the time of the transaction
     */
    public static List<SqlWrite> writes(
            Map<GrantKey, Set<Permission>> before, Map<GrantKey, Grant> after, Instant now) {
        List<GrantKey> added = new ArrayList<>(0);
        List<GrantKey> changed = new ArrayList<>(0);
        List<GrantKey> ended = new ArrayList<>(0);
        after.forEach((key, grant) -> {
            if (before.containsKey(key)) {
                (grant.permissions().isEmpty() ? ended : changed).add(key);
            } else if (!grant.permissions().isEmpty()) {
                added.add(key);
            }
        });
        List<SqlWrite> writes = new ArrayList<>(1);
        if (!added.isEmpty()) {
            writes.add(new SqlWrite(
                    INSERT, organizations(added), values(added, after).addOffsetDateTime(QuotaRows.utc(now))));
        }
        if (!changed.isEmpty()) {
            writes.add(new SqlWrite(
                    UPDATE, organizations(changed), renewals(changed, after).addOffsetDateTime(QuotaRows.utc(now))));
        }
        if (!ended.isEmpty()) {
            writes.add(new SqlWrite(DELETE, organizations(ended), keyArrays(ended)));
        }
        return writes;
    }

    private static Tuple renewals(List<GrantKey> keys, Map<GrantKey, Grant> grants) {
        String[] renewed = keys.stream()
                .map(key -> Objects.requireNonNull(grants.get(key)).expiry())
                .map(expiry -> names(expiry == null ? Set.of() : expiry.permissions()))
                .toArray(String[]::new);
        return values(keys, grants).addArrayOfString(renewed);
    }

    private static String names(Set<Permission> permissions) {
        return QuotaWrites.array(
                permissions.stream().sorted().map(Permission::wireName).toList());
    }

    private static Tuple values(List<GrantKey> keys, Map<GrantKey, Grant> grants) {
        int n = keys.size();
        String[] permissions = new String[n];
        String[] grantedBy = new String[n];
        OffsetDateTime[] readExpiresAt = new OffsetDateTime[n];
        OffsetDateTime[] adminExpiresAt = new OffsetDateTime[n];
        for (int i = 0; i < n; i++) {
            Grant grant = Objects.requireNonNull(grants.get(keys.get(i)));
            permissions[i] = names(grant.permissions());
            grantedBy[i] = grant.grantedBy();
            readExpiresAt[i] = grant.expiresAt(Permission.READ);
            adminExpiresAt[i] = grant.expiresAt(Permission.ADMIN);
        }
        return keyArrays(keys)
                .addArrayOfString(permissions)
                .addArrayOfString(grantedBy)
                .addArrayOfOffsetDateTime(readExpiresAt)
                .addArrayOfOffsetDateTime(adminExpiresAt);
    }

    private static String[] organizations(Collection<GrantKey> keys) {
        return keys.stream().map(GrantKey::organizationId).toArray(String[]::new);
    }

    private static Tuple keyArrays(Collection<GrantKey> keys) {
        return Tuple.tuple()
                .addArrayOfString(keys.stream().map(GrantKey::quotaId).toArray(String[]::new))
                .addArrayOfString(keys.stream().map(GrantKey::userId).toArray(String[]::new));
    }
}
