package com.cagen.quota.protocol;

import java.util.Locale;

/** Whom a quota is for: the whole organization, or one team of it. */
public enum QuotaType {
    ORGANIZATION,
    TEAM;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException for a name that is no type */
    public static QuotaType ofWireName(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
