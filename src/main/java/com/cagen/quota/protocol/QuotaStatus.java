package com.cagen.quota.protocol;

/** A quota's own state. A quota whose ancestor is suspended counts as suspended, whatever its own state is. */
public enum QuotaStatus {
    ACTIVE("active"),
    SUSPENDED("suspended"),
    DELETED("deleted");

    private final String wireName;

    QuotaStatus(String wireName) {
        this.wireName = wireName;
    }

    public String wireName() {
        return wireName;
    }

    /** @throws IllegalArgumentException for a name that is no status */
    public static QuotaStatus ofWireName(String name) {
        return switch (name) {
            case "active" -> ACTIVE;
            case "suspended" -> SUSPENDED;
            case "deleted" -> DELETED;
            default -> throw new IllegalArgumentException("no status is called " + name);
        };
    }
}
