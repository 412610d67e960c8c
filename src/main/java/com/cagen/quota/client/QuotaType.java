package com.cagen.quota.client;

import java.util.Locale;

/** Whose capacity a quota is. */
public enum QuotaType {
    ORGANIZATION,
    TEAM;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    static QuotaType of(String wireName) {
        return valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
