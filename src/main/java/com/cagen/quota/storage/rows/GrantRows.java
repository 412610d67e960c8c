package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Table {@code quota_grants}: read and admin as granted through this service. For listing; the auth service decides. */
public final class GrantRows {
    private static final String SAME_KEY =
            "%s AND g.quota_id = v.quota_id COLLATE \"C\" AND g.user_id = v.user_id COLLATE \"C\"";

    private static final BatchStatement FIND = BatchStatement.of(
            form -> """
            SELECT g.organization_id, g.quota_id, g.user_id, g.permissions
            FROM %s JOIN quota.quota_grants g ON %s
            """.formatted(form.rows("quota_id text", "user_id text"), SAME_KEY.formatted(form.same("g"))));

    private static final BatchStatement INSERT = BatchStatement.of(
            form -> form.insert("quota.quota_grants", "", "quota_id text", "user_id text", "permissions text text[]"));

    private static final BatchStatement UPDATE = BatchStatement.guarded(form -> """
            UPDATE quota.quota_grants g SET permissions = v.permissions::text[] FROM %s WHERE %s
            """.formatted(
            form.rows("quota_id text", "user_id text", "permissions text"), SAME_KEY.formatted(form.same("g"))));

    private static final BatchStatement DELETE = BatchStatement.guarded(
            form -> """
            DELETE FROM quota.quota_grants g USING %s WHERE %s
            """.formatted(form.rows("quota_id text", "user_id text"), SAME_KEY.formatted(form.same("g"))));

    private GrantRows() {}

    /** What each of {@code keys} was granted; absent means nothing. */
    public static Future<Map<GrantKey, Set<Permission>>> find(DatabaseSession connection, Collection<GrantKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection.run(FIND, organizations(keys), keyArrays(keys)).map(rows -> {
            Map<GrantKey, Set<Permission>> found = new HashMap<>();
            for (Row row : rows) {
                Set<Permission> permissions = EnumSet.noneOf(Permission.class);
                Arrays.stream(row.getArrayOfStrings(3))
                        .map(Permission::ofWireName)
                        .forEach(permissions::add);
                found.put(new GrantKey(row.getString(0), row.getString(1), row.getString(2)), permissions);
            }
            return found;
        });
    }

    /**
     * What each user is granted from now on; one that is granted nothing loses the row.
     *
     * @param before of the same keys, as found under the quotas' locks: says which rows there are
     */
    public static List<SqlWrite> writes(Map<GrantKey, Set<Permission>> before, Map<GrantKey, Set<Permission>> after) {
        List<GrantKey> added = new ArrayList<>(0);
        List<GrantKey> changed = new ArrayList<>(0);
        List<GrantKey> ended = new ArrayList<>(0);
        after.forEach((key, permissions) -> {
            if (before.containsKey(key)) {
                (permissions.isEmpty() ? ended : changed).add(key);
            } else if (!permissions.isEmpty()) {
                added.add(key);
            }
        });
        List<SqlWrite> writes = new ArrayList<>(1);
        if (!added.isEmpty()) {
            writes.add(new SqlWrite(INSERT, organizations(added), permissions(added, after)));
        }
        if (!changed.isEmpty()) {
            writes.add(new SqlWrite(UPDATE, organizations(changed), permissions(changed, after)));
        }
        if (!ended.isEmpty()) {
            writes.add(new SqlWrite(DELETE, organizations(ended), keyArrays(ended)));
        }
        return writes;
    }

    private static Tuple permissions(List<GrantKey> keys, Map<GrantKey, Set<Permission>> permissions) {
        return keyArrays(keys)
                .addArrayOfString(keys.stream()
                        .map(key -> QuotaWrites.array(permissions.getOrDefault(key, Set.of()).stream()
                                .sorted()
                                .map(Permission::wireName)
                                .toList()))
                        .toArray(String[]::new));
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
