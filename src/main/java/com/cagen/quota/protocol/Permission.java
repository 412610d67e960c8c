package com.cagen.quota.protocol;

import java.util.Locale;

/** What a user may do with a quota. {@link #OWNER} implies {@link #ADMIN} implies {@link #READ}. */
public enum Permission {
    READ,
    ADMIN,
    OWNER;

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether somebody who holds this may do what needs {@code needed}. */
    public boolean implies(Permission needed) {
        return compareTo(needed) >= 0;
    }

    /** @throws IllegalArgumentException for a name that is no permission */
    public static Permission ofWireName(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
