package com.cagen.quota.domain.access;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Permission;
import java.util.List;
import java.util.UUID;

/**
 * What the auth service is told, on behalf of {@code caller}.
 *
 * @param claim in whose name the grants of {@code targetUserId} on the quota are claimed meanwhile
 * @param grant true to grant, false to revoke
 */
public record PermissionChange(
        UUID claim,
        Caller caller,
        String resourceId,
        String targetUserId,
        List<Permission> permissions,
        boolean grant) {
    public PermissionChange {
        permissions = List.copyOf(permissions);
    }
}
