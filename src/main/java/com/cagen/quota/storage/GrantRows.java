package com.cagen.quota.storage;

import com.cagen.quota.domain.Permission;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/** Table {@code quota_grants}: read and admin as granted through this service. For listing; the auth service decides. */
public final class GrantRows {
    private static final String FIND =
            "SELECT permissions FROM quota.quota_grants WHERE organization_id = $1 AND quota_id = $2 AND user_id = $3";
    private static final String WRITE = """
            INSERT INTO quota.quota_grants (organization_id, quota_id, user_id, permissions) VALUES ($1, $2, $3, $4)
            ON CONFLICT (organization_id, quota_id, user_id) DO UPDATE SET permissions = excluded.permissions
            """;
    private static final String DELETE =
            "DELETE FROM quota.quota_grants WHERE organization_id = $1 AND quota_id = $2 AND user_id = $3";

    private GrantRows() {}

    /** What {@code user} was granted on the quota, possibly nothing. */
    public static Future<Set<Permission>> find(Session connection, String organization, String quotaId, String user) {
        return connection
                .preparedQuery(FIND)
                .execute(Tuple.of(organization, quotaId, user))
                .map(rows -> {
                    Set<Permission> permissions = EnumSet.noneOf(Permission.class);
                    rows.forEach(row -> Arrays.stream(row.getArrayOfStrings(0))
                            .map(Permission::ofWireName)
                            .forEach(permissions::add));
                    return permissions;
                });
    }

    /** Replaces what {@code user} was granted on the quota; nothing means no row. */
    public static Future<Void> write(
            Session connection, String organization, String quotaId, String user, Collection<Permission> permissions) {
        if (permissions.isEmpty()) {
            return connection
                    .preparedQuery(DELETE)
                    .execute(Tuple.of(organization, quotaId, user))
                    .mapEmpty();
        }
        String[] names = permissions.stream().sorted().map(Permission::wireName).toArray(String[]::new);
        return connection
                .preparedQuery(WRITE)
                .execute(Tuple.of(organization, quotaId, user, names))
                .compose(RowCounts.expect(1));
    }
}
