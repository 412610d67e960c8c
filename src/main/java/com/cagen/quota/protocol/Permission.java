package com.cagen.quota.protocol;

/** What a user may do with a quota. {@link #OWNER} implies {@link #ADMIN} implies {@link #READ}. */
public enum Permission {
    READ("read"),
    ADMIN("admin"),
    OWNER("owner");

    private final String wireName;

    Permission(String wireName) {
        this.wireName = wireName;
    }

    public String wireName() {
        return wireName;
    }

    /** Whether somebody who holds this may do what needs {@code needed}. */
    public boolean implies(Permission needed) {
        return compareTo(needed) >= 0;
    }

    /** @throws IllegalArgumentException for a name that is no permission */
    public static Permission ofWireName(String name) {
        return switch (name) {
            case "read" -> READ;
            case "admin" -> ADMIN;
            case "owner" -> OWNER;
            default -> throw new IllegalArgumentException("no permission is called " + name);
        };
    }
}
