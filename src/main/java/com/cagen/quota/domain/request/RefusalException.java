package com.cagen.quota.domain.request;

/** Carries a {@link Refusal} through futures. Its message is the refusal's, safe to show; a cause is for the log only. */
public final class RefusalException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Refusal refusal;

    public RefusalException(Refusal refusal) {
        this(refusal, null);
    }

    public RefusalException(Refusal refusal, @org.jspecify.annotations.Nullable Throwable cause) {
        // No stack trace: a refusal is an answer, not a fault, and some come by the thousand.
        super(refusal.message(), cause, false, false);
        this.refusal = refusal;
    }

    public Refusal refusal() {
        return refusal;
    }
}
