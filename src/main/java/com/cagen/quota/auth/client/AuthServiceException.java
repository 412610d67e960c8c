package com.cagen.quota.auth.client;

import com.cagen.quota.protocol.Identifiers;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * No trustworthy answer from the auth service. Its message names what was wrong, never what was sent: an answer may echo a
 * credential.
 */
public final class AuthServiceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int MAX_REASON = 200;
    /** What might be a credential or a key. */
    private static final Pattern SECRET = Pattern.compile("[A-Za-z0-9+/=_-]{40,}");

    private enum Kind {
        BROKEN,
        UNREACHABLE,
        UNANSWERED,
        UNBELIEVABLE,
        REFUSED
    }

    private final Kind kind;
    private final @Nullable String reason;

    private AuthServiceException(Kind kind, String message, @Nullable String reason, @Nullable Throwable cause) {
        // No stack trace: while the auth service is down there is one of these for each question.
        super(message, cause, false, false);
        this.kind = kind;
        this.reason = reason;
    }

    /** It did not answer as a working one does. */
    static AuthServiceException broken(String message) {
        return new AuthServiceException(Kind.BROKEN, message, null, null);
    }

    /** Nothing was sent. */
    static AuthServiceException unreachable(Throwable cause) {
        // Only the kind of failure: a message might hold the whole URL.
        return new AuthServiceException(
                Kind.UNREACHABLE,
                "the auth service cannot be reached: " + cause.getClass().getSimpleName(),
                null,
                cause);
    }

    /** It was sent something and did not answer it in time: it may still do what it was asked. */
    static AuthServiceException unanswered(Throwable cause) {
        return new AuthServiceException(
                Kind.UNANSWERED,
                "the auth service cannot be reached: " + cause.getClass().getSimpleName(),
                null,
                cause);
    }

    /** It works, but what it said cannot be believed. */
    public static AuthServiceException unbelievable(String message) {
        return new AuthServiceException(Kind.UNBELIEVABLE, message, null, null);
    }

    /**
     * It understood and said no, so it did nothing.
     *
     * @param reason in its own words, cut to 200 characters, without control characters and what looks like a credential
     */
    static AuthServiceException refused(String reason) {
        String plain = SECRET.matcher(reason)
                .replaceAll("…")
                .codePoints()
                .filter(c -> !Identifiers.unprintable(c))
                .limit(MAX_REASON)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return new AuthServiceException(
                Kind.REFUSED, "the auth service did not confirm success: " + plain, plain, null);
    }

    /** Whether it is alive: such a failure must not open the breaker, which would stop other people's questions. */
    boolean answered() {
        return kind == Kind.UNBELIEVABLE || kind == Kind.REFUSED;
    }

    /** Why the auth service refused, when it did: {@link #refused}. Null for every other failure. */
    public static @Nullable String reason(Throwable failure) {
        return failure instanceof AuthServiceException said ? said.reason : null;
    }

    /** Whether what was asked may still be done, at some later time. */
    public static boolean mayStillHappen(Throwable failure) {
        return failure instanceof AuthServiceException said && said.kind == Kind.UNANSWERED;
    }
}
