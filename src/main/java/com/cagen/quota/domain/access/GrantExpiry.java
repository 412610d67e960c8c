package com.cagen.quota.domain.access;

import com.cagen.quota.protocol.Permission;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Until when a user holds permissions that are granted now.
 *
 * @param permissions the others keep the end that they have
 * @param at exclusive, by the clock of the database; null: until they are revoked
 */
public record GrantExpiry(
        Set<Permission> permissions, @Nullable Instant at) {
    public GrantExpiry {
        permissions = Set.copyOf(permissions);
    }
}
