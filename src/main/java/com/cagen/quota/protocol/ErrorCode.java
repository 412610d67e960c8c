package com.cagen.quota.protocol;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Every way a request can be refused: the one place that knows HTTP statuses and event-bus failure codes. The numbers are
 * part of the wire contract (docs/event-bus.md) and are never renumbered.
 */
public enum ErrorCode {
    INVALID_REQUEST(400, 1),
    INVALID_CREDENTIAL(401, 1),
    CREDENTIAL_EXPIRED(401, 2),
    CREDENTIAL_REPLAYED(401, 3),
    PERMISSION_DENIED(403, 1, Trait.AUDITED),
    QUOTA_NOT_FOUND(404, 1),
    NOT_FOUND(404, 2),
    RESERVATION_NOT_FOUND(404, 3),
    INCREASE_NOT_FOUND(404, 4),
    METHOD_NOT_ALLOWED(405, 1),
    INSUFFICIENT_QUOTA(409, 1, Trait.AUDITED),
    INSUFFICIENT_USAGE(409, 2, Trait.AUDITED),
    QUOTA_SUSPENDED(409, 3, Trait.AUDITED),
    QUOTA_NOT_EMPTY(409, 4, Trait.AUDITED),
    LAST_OWNER(409, 5, Trait.AUDITED),
    BELOW_USE(409, 6, Trait.AUDITED),
    QUOTA_DRAINING(409, 7, Trait.AUDITED),
    KEY_TAKEN(409, 8, Trait.AUDITED),
    RESERVATION_CLOSED(409, 9, Trait.AUDITED),
    RESERVATION_EXPIRED(409, 10, Trait.AUDITED),
    INCREASE_CLOSED(409, 11, Trait.AUDITED),
    VERSION_MISMATCH(412, 1, Trait.AUDITED),
    PAYLOAD_TOO_LARGE(413, 1),
    UNSUPPORTED_MEDIA_TYPE(415, 1),
    HIERARCHY_VIOLATION(422, 1, Trait.AUDITED),
    IDEMPOTENCY_KEY_REUSED(422, 2, Trait.AUDITED),
    INTERNAL_ERROR(500, 1),
    AUTH_UNAVAILABLE(503, 1, Trait.RETRYABLE),
    DATABASE_UNAVAILABLE(503, 2, Trait.RETRYABLE),
    OVERLOADED(503, 3, Trait.RETRYABLE),
    OUTCOME_UNKNOWN(503, 4, Trait.RETRYABLE);

    private enum Trait {
        RETRYABLE,
        AUDITED
    }

    private final int httpStatus;
    private final int number;
    private final boolean retryable;
    private final boolean audited;
    private final String wireName;

    ErrorCode(int httpStatus, int number, Trait... traits) {
        this.httpStatus = httpStatus;
        this.number = number;
        this.retryable = List.of(traits).contains(Trait.RETRYABLE);
        this.audited = List.of(traits).contains(Trait.AUDITED);
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

    /** The code with a failure code of the event bus; null for a number that this version does not know. */
    public static @Nullable ErrorCode ofBusFailureCode(int failureCode) {
        for (ErrorCode code : values()) {
            if (code.busFailureCode() == failureCode) {
                return code;
            }
        }
        return null;
    }

    /** Whether the same request may succeed later without anything else changing: it then carries {@code Retry-After}. */
    public boolean retryable() {
        return retryable;
    }

    /** Whether the refusal of a change goes into the organization's audit trail. */
    public boolean audited() {
        return audited;
    }
}
