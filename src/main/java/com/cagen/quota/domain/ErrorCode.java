package com.cagen.quota.domain;

import java.util.Locale;

/**
 * Every way a request can be refused: the one place that knows HTTP statuses and event-bus failure codes. The numbers are
 * part of the wire contract (docs/event-bus.md) and are never renumbered.
 */
public enum ErrorCode {
    INVALID_REQUEST(400, 1, false),
    INVALID_CREDENTIAL(401, 1, false),
    CREDENTIAL_EXPIRED(401, 2, false),
    CREDENTIAL_REPLAYED(401, 3, false),
    PERMISSION_DENIED(403, 1, false),
    QUOTA_NOT_FOUND(404, 1, false),
    NOT_FOUND(404, 2, false),
    METHOD_NOT_ALLOWED(405, 1, false),
    INSUFFICIENT_QUOTA(409, 1, false),
    INSUFFICIENT_USAGE(409, 2, false),
    QUOTA_SUSPENDED(409, 3, false),
    QUOTA_NOT_EMPTY(409, 4, false),
    LAST_OWNER(409, 5, false),
    PAYLOAD_TOO_LARGE(413, 1, false),
    UNSUPPORTED_MEDIA_TYPE(415, 1, false),
    HIERARCHY_VIOLATION(422, 1, false),
    IDEMPOTENCY_KEY_REUSED(422, 2, false),
    INTERNAL_ERROR(500, 1, false),
    AUTH_UNAVAILABLE(503, 1, true),
    DATABASE_UNAVAILABLE(503, 2, true),
    OVERLOADED(503, 3, true),
    OUTCOME_UNKNOWN(503, 4, true);

    private final int httpStatus;
    private final int number;
    private final boolean retryable;
    private final String wireName;

    ErrorCode(int httpStatus, int number, boolean retryable) {
        this.httpStatus = httpStatus;
        this.number = number;
        this.retryable = retryable;
        this.wireName = name().toLowerCase(Locale.ROOT);
    }

    /** The {@code code} of an HTTP answer, for example {@code insufficient_quota}. */
    public String wireName() {
        return wireName;
    }

    public int httpStatus() {
        return httpStatus;
    }

    /** The failure code of an event-bus reply: HTTP status × 100 + a number fixed for each code. */
    public int busFailureCode() {
        return httpStatus * 100 + number;
    }

    /** Whether the same request may succeed later without anything else changing: it then carries {@code Retry-After}. */
    public boolean retryable() {
        return retryable;
    }
}
