package com.cagen.quota.storage;

import io.vertx.core.json.Json;
import io.vertx.core.json.JsonObject;
import java.util.Collection;
import java.util.List;

/**
 * What a transaction may see: the setting that the row-level-security policies read. Without one it sees nothing.
 *
 * @param setting the name of the setting
 * @param value its value
 */
public record Scope(String setting, String value) {
    private static final String CLAIMS = "app.scope";

    /** The rows of one organization. */
    public static Scope organization(String organizationId) {
        return new Scope("app.organization_id", organizationId);
    }

    /** Which organizations have work waiting, figures for metrics, retention: reads across organizations, no writes. */
    public static Scope maintenance() {
        return new Scope("app.purpose", "maintenance");
    }

    /** What a batch claims: keys of {@link #quotaKey} and {@link #organizationKey}. */
    public static Scope claims(Collection<String> keys) {
        StringBuilder claims = new StringBuilder(keys.size() * 64);
        keys.forEach(key -> claims.append(claims.isEmpty() ? '{' : ',')
                .append(plain(key) ? '"' + key + '"' : Json.encode(key))
                .append(":1"));
        return new Scope(CLAIMS, claims.isEmpty() ? "{}" : claims.append('}').toString());
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

    /**
     * The same for an engine whose transactions keep to one organization.
     *
     * @throws IllegalStateException when it claims several
     */
    Scope ofOneOrganization() {
        if (!setting.equals(CLAIMS)) {
            return this;
        }
        List<String> organizations = new JsonObject(value)
                .fieldNames().stream()
                        .map(key -> key.substring(key.indexOf('/') + 1))
                        .distinct()
                        .toList();
        if (organizations.size() != 1) {
            throw new IllegalStateException("a transaction over " + organizations.size() + " organizations");
        }
        return organization(organizations.get(0));
    }

    /** Claims the rows of one quota under one organization's name. */
    public static String quotaKey(String quotaId, String organizationId) {
        return quotaId + '/' + organizationId;
    }

    /** Claims the rows that an organization has as a whole: chain head, nonces, operations, outbox, audit entries. */
    public static String organizationKey(String organizationId) {
        return '/' + organizationId;
    }
}
