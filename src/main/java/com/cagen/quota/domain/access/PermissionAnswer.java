package com.cagen.quota.domain.access;

import com.cagen.quota.protocol.Permission;
import java.util.Set;

/**
 * What the auth service said.
 *
 * @param granted of {@link Permission#READ} and {@link Permission#ADMIN}, possibly none; never {@link Permission#OWNER},
 *     which is decided here
 * @param ttlSeconds how long this may be believed: already clamped to 30 for a grant, to 5 for a refusal; 0 forbids keeping
 *     it
 */
public record PermissionAnswer(Set<Permission> granted, int ttlSeconds) {
    public PermissionAnswer {
        granted = Set.copyOf(granted);
    }
}
