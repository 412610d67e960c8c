package com.cagen.quota.domain;

import java.util.List;

/**
 * What the auth service is told, on behalf of {@code caller}.
 *
 * @param grant true to grant, false to revoke
 */
public record PermissionChange(
        Caller caller, String resourceId, String targetUserId, List<Permission> permissions, boolean grant) {
    public PermissionChange {
        permissions = List.copyOf(permissions);
    }
}
