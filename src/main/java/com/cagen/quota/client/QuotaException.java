package com.cagen.quota.client;

import com.cagen.quota.protocol.ErrorCode;
import org.jspecify.annotations.Nullable;

/** A request that was refused, or whose outcome nobody knows. Its message is the service's sentence, with the figures in it. */
public final class QuotaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** How a request failed. */
    public enum Kind {
        /** The service refused it. */
        REFUSED(0),
        /** No answer came in time: a change may have been done or not. */
        NO_ANSWER(50_400),
        /** Nobody listens at the address: the service is not there, so nothing was done. */
        NOT_THERE(50_300),
        /** An answer came that could not be read. */
        UNREADABLE(50_000);

        private final int failureCode;

        Kind(int failureCode) {
            this.failureCode = failureCode;
        }
    }

    private final Kind kind;
    private final int failureCode;
    private final @Nullable String idempotencyKey;

    private QuotaException(Kind kind, int failureCode, String message, @Nullable String idempotencyKey) {
        super(message);
        this.kind = kind;
        this.failureCode = failureCode;
        this.idempotencyKey = idempotencyKey;
    }

    /** @param kind not {@link Kind#REFUSED} */
    static QuotaException of(Kind kind, String message, @Nullable String idempotencyKey) {
        return new QuotaException(kind, kind.failureCode, message, idempotencyKey);
    }

    static QuotaException refused(int failureCode, String message, @Nullable String idempotencyKey) {
        return new QuotaException(Kind.REFUSED, failureCode, message, idempotencyKey);
    }

    public Kind kind() {
        return kind;
    }

    /** The service's code; null unless it refused, and for a code that this version of the client does not know. */
    public @Nullable ErrorCode code() {
        return kind == Kind.REFUSED ? ErrorCode.ofBusFailureCode(failureCode) : null;
    }

    /** The number of the event-bus reply, HTTP status × 100 + the code's own; for {@link #kind}s without a reply one like it. */
    public int failureCode() {
        return failureCode;
    }

    public int httpStatus() {
        return failureCode / 100;
    }

    /** Whether the same request may succeed later without anything else changing; see {@link #idempotencyKey}. */
    public boolean retryable() {
        return httpStatus() == 503 || kind == Kind.NO_ANSWER;
    }

    /** Whether a change may have been done all the same. */
    public boolean outcomeUnknown() {
        return kind == Kind.NO_ANSWER || code() == ErrorCode.OUTCOME_UNKNOWN;
    }

    /** The key that the request was sent under; null for one that changes nothing. Repeat a change under the same one. */
    public @Nullable String idempotencyKey() {
        return idempotencyKey;
    }
}
