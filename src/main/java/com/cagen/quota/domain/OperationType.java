package com.cagen.quota.domain;

/** The operations of the service, by the names they have on the event bus and in the audit trail. */
public enum OperationType {
    QUOTA_CREATE("quota.create", true),
    QUOTA_ALLOCATE("quota.allocate", true),
    QUOTA_RELEASE("quota.release", true),
    QUOTA_SUSPEND("quota.suspend", true),
    QUOTA_RESUME("quota.resume", true),
    QUOTA_GET("quota.get", false),
    QUOTA_LIST("quota.list", false),
    USAGE_ALLOCATE("usage.allocate", true),
    USAGE_DEALLOCATE("usage.deallocate", true),
    USAGE_HISTORY("usage.history", false),
    USAGE_RUNTIMES("usage.runtimes", false),
    PERMISSION_GRANT("permission.grant", true),
    PERMISSION_REVOKE("permission.revoke", true),
    AUDIT_LIST("audit.list", false);

    private final String wireName;
    private final boolean change;

    OperationType(String wireName, boolean change) {
        this.wireName = wireName;
        this.change = change;
    }

    /** For example {@code usage.allocate}. */
    public String wireName() {
        return wireName;
    }

    /** Whether it changes something: such operations take an idempotency key and are audited. */
    public boolean change() {
        return change;
    }
}
