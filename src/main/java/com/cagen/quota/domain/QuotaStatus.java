package com.cagen.quota.domain;

import java.util.Locale;

/** A quota's own state; whether an ancestor suspends it is {@link Quota#suspendedBy()}. */
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
