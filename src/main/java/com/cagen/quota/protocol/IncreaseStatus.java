package com.cagen.quota.protocol;

import java.util.Locale;

/** The state of a request for a larger quota: pending, then one of the others, for ever. */
public enum IncreaseStatus {
    PENDING,
    APPROVED,
    REJECTED,
    WITHDRAWN;

    private final String wireName = name().toLowerCase(Locale.ROOT);

    public String wireName() {
        return wireName;
    }

    /** @throws IllegalArgumentException for a name that is no status */
    public static IncreaseStatus ofWireName(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
