package com.cagen.quota.protocol;

import java.util.Locale;

/** A quota's own state. A quota whose ancestor is suspended counts as suspended, whatever its own state is. */
public enum QuotaStatus {
    ACTIVE,
    SUSPENDED,
    DELETED;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException for a name that is no status */
    public static QuotaStatus ofWireName(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
