package com.cagen.quota.delivery;

import org.jspecify.annotations.Nullable;

/**
 * What the auth service refused of one message, and why.
 *
 * @param grant null when it did not refuse the grant, or the registration
 * @param revocation null when it did not refuse the revocation
 */
record AuthRefusal(@Nullable String grant, @Nullable String revocation) {
    boolean refused() {
        return grant != null || revocation != null;
    }
}
