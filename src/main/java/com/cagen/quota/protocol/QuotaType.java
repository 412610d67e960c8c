package com.cagen.quota.protocol;

/** Whom a quota is for: the whole organization, or one team of it. */
public enum QuotaType {
    ORGANIZATION("organization"),
    TEAM("team");

    private final String wireName;

    QuotaType(String wireName) {
        this.wireName = wireName;
    }

    public String wireName() {
        return wireName;
    }

    /** @throws IllegalArgumentException for a name that is no type */
    public static QuotaType ofWireName(String name) {
        return switch (name) {
            case "organization" -> ORGANIZATION;
            case "team" -> TEAM;
            default -> throw new IllegalArgumentException("no type is called " + name);
        };
    }
}
