package com.cagen.quota.bus;

import com.cagen.quota.domain.OperationType;

/** Every event-bus address there is. */
public final class Addresses {
    /** Committed changes, published. */
    public static final String EVENTS = "cagen.quota.v1.events";
    /** A request to a quota node for lane {@code n}: see {@link #lane}. */
    static final String INTERNAL = "cagen.quota.internal.";
    /** Typed: what the auth service knows of a user and a quota. */
    static final String PERMISSION_QUESTIONS = INTERNAL + "auth.question";
    /** Typed: a grant or a revocation that the auth service is told. */
    static final String PERMISSION_CHANGES = INTERNAL + "auth.change";
    /** The doorbell of the auth outbox. */
    static final String AUTH_BELL = INTERNAL + "auth.bell";
    /** The doorbell of the audit outbox. */
    static final String AUDIT_BELL = INTERNAL + "audit.bell";
    /** Typed: refusals that no transaction recorded. */
    static final String AUDIT_REFUSALS = INTERNAL + "audit.refusals";
    /** How far the audit trail lags behind. */
    static final String AUDIT_LAG = INTERNAL + "audit.lag";

    private Addresses() {}

    /** Where JSON bodies for an operation go, for example {@code cagen.quota.v1.usage.allocate}. */
    public static String of(OperationType operation) {
        return "cagen.quota.v1." + operation.wireName();
    }

    static String lane(int lane) {
        return INTERNAL + "lane." + lane;
    }
}
