package com.cagen.quota.auth;

import org.jspecify.annotations.Nullable;

/**
 * No trustworthy answer from the auth service. Its message names what was wrong, never what was sent or received: an answer may
 * echo a credential.
 */
final class AuthServiceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean answered;

    private AuthServiceException(String message, boolean answered, @Nullable Throwable cause) {
        // No stack trace: while the auth service is down there is one of these for each question.
        super(message, cause, false, false);
        this.answered = answered;
    }

    /** It did not answer, or not as a working one does. */
    static AuthServiceException broken(String message) {
        return new AuthServiceException(message, false, null);
    }

    static AuthServiceException unreachable(Throwable cause) {
        // Only the kind of failure: a message might hold the whole URL.
        return new AuthServiceException(
                "the auth service cannot be reached: " + cause.getClass().getSimpleName(), false, cause);
    }

    /** It works, but said no, or something that cannot be believed. */
    static AuthServiceException refused(String message) {
        return new AuthServiceException(message, true, null);
    }

    /** Whether it is alive: such a failure must not open the breaker, which would stop other people's questions. */
    boolean answered() {
        return answered;
    }
}
