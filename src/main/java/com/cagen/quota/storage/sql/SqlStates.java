package com.cagen.quota.storage.sql;

import io.vertx.pgclient.PgException;
import java.util.Set;

/** What PostgreSQL's SQLSTATEs mean to this service (PostgreSQL's documentation, appendix A). */
public final class SqlStates {
    private static final String UNIQUE_VIOLATION = "23505";
    private static final String SERIALIZATION_FAILURE = "40001";
    private static final String DEADLOCK_DETECTED = "40P01";
    private static final String LOCK_NOT_AVAILABLE = "55P03";
    private static final String QUERY_CANCELED = "57014";
    private static final String READ_ONLY_TRANSACTION = "25006";
    private static final String IDLE_IN_TRANSACTION_TIMEOUT = "25P03";

    private static final Set<String> RETRYABLE = Set.of(SERIALIZATION_FAILURE, DEADLOCK_DETECTED, UNIQUE_VIOLATION);

    private SqlStates() {}

    private static boolean is(Throwable failure, String state) {
        return failure instanceof PgException refused && state.equals(refused.getSqlState());
    }

    /** Whether a key or id, or a nonce, was taken by another row. */
    public static boolean uniqueViolation(Throwable failure) {
        return is(failure, UNIQUE_VIOLATION);
    }

    /** Whether a lock was waited for too long. */
    public static boolean lockTimeout(Throwable failure) {
        return is(failure, LOCK_NOT_AVAILABLE);
    }

    /** Whether a statement ran too long. */
    public static boolean statementTimeout(Throwable failure) {
        return is(failure, QUERY_CANCELED);
    }

    /** Whether nothing was done, and the same transaction may succeed when it is run again. */
    public static boolean retryable(PgException refused) {
        return RETRYABLE.contains(refused.getSqlState());
    }

    /** Timeouts; a server that is starting, stopping, read-only or full; lost connections. */
    static boolean temporary(PgException refused) {
        String state = refused.getSqlState();
        return state.startsWith("57")
                || state.startsWith("53")
                || state.startsWith("08")
                || state.equals(LOCK_NOT_AVAILABLE)
                || state.equals(READ_ONLY_TRANSACTION)
                || state.equals(IDLE_IN_TRANSACTION_TIMEOUT);
    }
}
