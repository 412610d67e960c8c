package com.cagen.quota.client;

import org.jspecify.annotations.Nullable;

/** A request that was refused, or whose outcome nobody knows. Its message is the service's sentence, with the figures in it. */
public final class QuotaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final FailureCode code;
    private final int failureCode;
    private final @Nullable String idempotencyKey;

    QuotaException(FailureCode code, int failureCode, String message, @Nullable String idempotencyKey) {
        super(message);
        this.code = code;
        this.failureCode = failureCode;
        this.idempotencyKey = idempotencyKey;
    }

    public FailureCode code() {
        return code;
    }

    /** The number as it came, for codes that this version does not know. */
    public int failureCode() {
        return failureCode;
    }

    public int httpStatus() {
        return failureCode / 100;
    }

    /** Whether the same request may succeed later; see {@link #idempotencyKey}. */
    public boolean retryable() {
        return code.retryable();
    }

    /** The key that the request was sent under; null for one that changes nothing. Repeat a change under the same one. */
    public @Nullable String idempotencyKey() {
        return idempotencyKey;
    }
}
