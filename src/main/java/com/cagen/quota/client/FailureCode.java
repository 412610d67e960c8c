package com.cagen.quota.client;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Why a request was not done. The service's codes with their numbers (docs/event-bus.md), and the bus's own failures. */
public enum FailureCode {
    INVALID_REQUEST(40001),
    INVALID_CREDENTIAL(40101),
    CREDENTIAL_EXPIRED(40102),
    CREDENTIAL_REPLAYED(40103),
    PERMISSION_DENIED(40301),
    QUOTA_NOT_FOUND(40401),
    NOT_FOUND(40402),
    METHOD_NOT_ALLOWED(40501),
    INSUFFICIENT_QUOTA(40901),
    INSUFFICIENT_USAGE(40902),
    QUOTA_SUSPENDED(40903),
    QUOTA_NOT_EMPTY(40904),
    LAST_OWNER(40905),
    BELOW_USE(40906),
    QUOTA_DRAINING(40907),
    KEY_TAKEN(40908),
    VERSION_MISMATCH(41201),
    PAYLOAD_TOO_LARGE(41301),
    UNSUPPORTED_MEDIA_TYPE(41501),
    HIERARCHY_VIOLATION(42201),
    IDEMPOTENCY_KEY_REUSED(42202),
    INTERNAL_ERROR(50001),
    AUTH_UNAVAILABLE(50301),
    DATABASE_UNAVAILABLE(50302),
    OVERLOADED(50303),
    OUTCOME_UNKNOWN(50304),
    /** No answer came in time: a change may have been done or not. */
    NO_ANSWER(50400),
    /** Nobody listens at the address: the service is not there, so nothing was done. */
    NOT_THERE(50300),
    /** A number that this version of the client does not know. */
    UNKNOWN(50000);

    private static final Map<Integer, FailureCode> BY_NUMBER =
            Arrays.stream(values()).collect(Collectors.toMap(code -> code.number, Function.identity()));

    private final int number;

    FailureCode(int number) {
        this.number = number;
    }

    static FailureCode of(int number) {
        return BY_NUMBER.getOrDefault(number, UNKNOWN);
    }

    /** The failure code of the event-bus reply; for the bus's own failures, which have none, a number like it. */
    public int number() {
        return number;
    }

    /** The HTTP status that says the same. */
    public int httpStatus() {
        return number / 100;
    }

    /** Whether the same request, under the same idempotency key, may succeed later without anything else changing. */
    public boolean retryable() {
        return httpStatus() == 503 || this == NO_ANSWER;
    }

    /** Whether a change may have been done all the same. */
    public boolean outcomeUnknown() {
        return this == NO_ANSWER || this == OUTCOME_UNKNOWN;
    }
}
