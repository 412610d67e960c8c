package com.cagen.quota.storage.sql;

import com.cagen.quota.domain.quota.QuotaKey;
import io.vertx.core.json.Json;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/**
 * What a transaction may see: the setting that the row-level-security policies read. Without one it sees nothing.
 *
 * @param setting the name of the setting
 * @param value its value
 */
public record SecurityScope(String setting, String value) {
    private static final String CLAIMS = "app.scope";

    /** The rows of one organization. */
    public static SecurityScope organization(String organizationId) {
        return new SecurityScope("app.organization_id", organizationId);
    }

    /** Which organizations have work waiting, figures for metrics, retention: reads across organizations, no writes. */
    public static SecurityScope maintenance() {
        return new SecurityScope("app.purpose", "maintenance");
    }

    /** What each of these organizations has as a whole: chain head, nonces, operations, journal, seals. */
    public static SecurityScope organizations(Collection<String> organizations) {
        return of(Set.of(), new HashSet<>(organizations));
    }

    /**
     * The rows of these quotas, and what each of these organizations has as a whole. Of one organization: all its rows. Of a
     * quota that cannot exist ({@link QuotaKey#canExist}) no row is claimed.
     */
    public static SecurityScope batch(Collection<QuotaKey> quotas, Set<String> organizations) {
        return of(quotas.stream().filter(QuotaKey::canExist).toList(), organizations);
    }

    private static SecurityScope of(Collection<QuotaKey> quotas, Set<String> organizations) {
        if (organizations.size() == 1) { // which costs each statement less, and is all that Citus knows
            return organization(organizations.iterator().next());
        }
        Set<String> keys = new HashSet<>();
        quotas.forEach(quota -> keys.add(quotaKey(quota.quotaId(), quota.organizationId())));
        organizations.forEach(organization -> keys.add(organizationKey(organization)));
        return claims(keys);
    }

    /** @param keys of {@link #quotaKey} and {@link #organizationKey} */
    static SecurityScope claims(Collection<String> keys) {
        StringBuilder claims = new StringBuilder(keys.size() * 64);
        keys.forEach(key -> claims.append(claims.isEmpty() ? '{' : ',')
                .append(plain(key) ? '"' + key + '"' : Json.encode(key))
                .append(":1"));
        return new SecurityScope(
                CLAIMS, claims.isEmpty() ? "{}" : claims.append('}').toString());
    }

    /** Whether it is the same as a JSON string. */
    private static boolean plain(String key) {
        for (int i = 0; i < key.length(); i++) {
            char c = key.charAt(i);
            if (c < ' ' || c >= 127 || c == '"' || c == '\\') {
                return false;
            }
        }
        return true;
    }

    /** Claims the rows of one quota under one organization's name. */
    static String quotaKey(String quotaId, String organizationId) {
        return quotaId + '/' + organizationId;
    }

    /** Claims the rows that an organization has as a whole. */
    static String organizationKey(String organizationId) {
        return '/' + organizationId;
    }
}
