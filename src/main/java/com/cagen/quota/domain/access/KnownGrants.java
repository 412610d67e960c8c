package com.cagen.quota.domain.access;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.protocol.Permission;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the auth service is known to have granted to the caller of one request.
 *
 * @param byQuotaId for each quota it was asked about; a quota that is not there was not asked about
 */
public record KnownGrants(Map<String, Entry> byQuotaId) {

    /** Nothing was asked yet. */
    public static final KnownGrants NONE = new KnownGrants(Map.of());

    public KnownGrants {
        byQuotaId = Map.copyOf(byQuotaId);
    }

    /**
     * One answer of the auth service.
     *
     * @param granted of {@link Permission#READ} and {@link Permission#ADMIN}, possibly none
     * @param grantsVersion the {@link Quota#grantsVersion()} that the quota had <em>before</em> the auth service was asked
     */
    public record Entry(Set<Permission> granted, long grantsVersion) {
        public Entry {
            granted = Set.copyOf(granted);
        }
    }

    /**
     * What the caller was granted on {@code quota}, or null when that is not known: never asked, or asked before its grants
     * changed.
     */
    public @Nullable Set<Permission> of(Quota quota) {
        Entry entry = byQuotaId.get(quota.id());
        return entry != null && entry.grantsVersion() == quota.grantsVersion() ? entry.granted() : null;
    }
}
