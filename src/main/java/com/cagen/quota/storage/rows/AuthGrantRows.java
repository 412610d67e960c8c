package com.cagen.quota.storage.rows;

import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the built-in auth service knows: resources, and who was granted what on them. Needs {@link SecurityScope#organization}. */
public final class AuthGrantRows {
    private static final String CLAIM_NONCE = """
            INSERT INTO nonces (organization_id, service_id, nonce, timestamp_ms) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
            """;
    private static final String REGISTER = """
            INSERT INTO auth_resources (organization_id, resource_id, resource_type, display_name, description,
                                        metadata, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, now()) ON CONFLICT DO NOTHING
            """;
    private static final String EXISTS = """
            SELECT 1 FROM auth_resources WHERE organization_id = $1 AND resource_id = $2
            """;
    private static final String HELD = """
            SELECT permission FROM auth_grants
            WHERE organization_id = $1 AND resource_id = $2 AND user_id = $3 AND (expires_at IS NULL OR expires_at > now())
            """;
    private static final String GRANT = """
            INSERT INTO auth_grants (organization_id, resource_id, user_id, permission, expires_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (organization_id, resource_id, user_id, permission) DO UPDATE SET expires_at = excluded.expires_at
            """;
    private static final String REVOKE = """
            DELETE FROM auth_grants
            WHERE organization_id = $1 AND resource_id = $2 AND user_id = $3 AND permission = ANY ($4::text[])
            """;

    /** @param metadata JSON text, kept as it came */
    public record Resource(String id, String type, String displayName, String description, String metadata) {}

    /** What is known of a user and a resource; {@code held} without what has expired, and without what is implied. */
    public record Known(boolean exists, Set<Permission> held) {}

    private AuthGrantRows() {}

    /** Uses a nonce up; false when it was used before. */
    public static Future<Boolean> claimNonce(
            DatabaseSession connection, String organizationId, String serviceId, Nonce nonce) {
        return connection
                .preparedQuery(CLAIM_NONCE)
                .execute(Tuple.of(organizationId, serviceId, nonce.value(), nonce.timestampMillis()))
                .map(rows -> rows.rowCount() == 1);
    }

    /** Makes a resource known; one that is known already stays as it is. */
    public static Future<Void> register(
            DatabaseSession connection, String organizationId, String userId, Resource resource) {
        return connection
                .preparedQuery(REGISTER)
                .execute(Tuple.of(
                        organizationId,
                        resource.id(),
                        resource.type(),
                        resource.displayName(),
                        resource.description(),
                        resource.metadata(),
                        userId))
                .mapEmpty();
    }

    public static Future<Known> known(
            DatabaseSession connection, String organizationId, String resourceId, String userId) {
        Future<Boolean> exists = connection
                .preparedQuery(EXISTS)
                .execute(Tuple.of(organizationId, resourceId))
                .map(rows -> rows.size() > 0);
        Future<Set<Permission>> held = connection
                .preparedQuery(HELD)
                .execute(Tuple.of(organizationId, resourceId, userId))
                .map(rows -> {
                    Set<Permission> permissions = EnumSet.noneOf(Permission.class);
                    rows.forEach(row -> permissions.add(Permission.ofWireName(row.getString(0))));
                    return permissions;
                });
        return Future.all(exists, held).map(both -> new Known(exists.result(), held.result()));
    }

    /** Grants, again or anew; the last expiry counts. */
    public static Future<Void> grant(
            DatabaseSession connection,
            String organizationId,
            String resourceId,
            String userId,
            List<Permission> permissions,
            @Nullable OffsetDateTime expiresAt) {
        List<Future<?>> granted = new ArrayList<>();
        for (Permission permission : Set.copyOf(permissions)) {
            granted.add(connection
                    .preparedQuery(GRANT)
                    .execute(Tuple.of(organizationId, resourceId, userId, permission.wireName(), expiresAt)));
        }
        return Future.join(granted).mapEmpty();
    }

    public static Future<Void> revoke(
            DatabaseSession connection,
            String organizationId,
            String resourceId,
            String userId,
            List<Permission> permissions) {
        return connection
                .preparedQuery(REVOKE)
                .execute(Tuple.of(
                        organizationId,
                        resourceId,
                        userId,
                        permissions.stream().map(Permission::wireName).toArray(String[]::new)))
                .mapEmpty();
    }
}
