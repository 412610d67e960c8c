package com.cagen.quota.domain.access;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Permission;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the auth service is told, on behalf of {@code caller}.
 *
 * @param claim in whose name the grants of {@code targetUserId} on the quota are claimed meanwhile
 * @param grant true to grant, false to revoke
 * @param expiresAt until when it is granted; null: until it is revoked
 */
public record PermissionChange(
        UUID claim,
        Caller caller,
        String resourceId,
        String targetUserId,
        List<Permission> permissions,
        boolean grant,
        @Nullable Instant expiresAt) {
    public PermissionChange {
        permissions = List.copyOf(permissions);
    }

    /** One that does not expire. */
    public PermissionChange(
            UUID claim,
            Caller caller,
            String resourceId,
            String targetUserId,
            List<Permission> permissions,
            boolean grant) {
        this(claim, caller, resourceId, targetUserId, permissions, grant, null);
    }
}
