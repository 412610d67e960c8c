package com.cagen.quota.protocol;

import java.util.Locale;

/** The state of a reservation: held, then one of the others, for ever. */
public enum ReservationStatus {
    HELD,
    COMMITTED,
    CANCELLED,
    EXPIRED;

    private final String wireName = name().toLowerCase(Locale.ROOT);

    public String wireName() {
        return wireName;
    }

    /** @throws IllegalArgumentException for a name that is no status */
    public static ReservationStatus ofWireName(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
