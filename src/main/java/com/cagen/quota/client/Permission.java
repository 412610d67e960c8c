package com.cagen.quota.client;

import java.util.Locale;

/** What may be granted on a quota: owner implies admin, admin implies read. */
public enum Permission {
    READ,
    ADMIN,
    OWNER;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Permission of(String wireName) {
        return valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
