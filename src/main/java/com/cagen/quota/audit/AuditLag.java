package com.cagen.quota.audit;

import java.util.concurrent.TimeUnit;

/**
 * The age of the oldest entry that is not sealed, as far as known. It goes on growing while the database cannot be asked.
 * Written by one thread, read by any.
 */
final class AuditLag {
    private static final long NONE = Long.MAX_VALUE;

    /** When the oldest one was made, on this node's clock: of the last complete look over all organizations. */
    private volatile long known = NONE;
    /** The same of the look under way. */
    private volatile long seen = NONE;

    private static long nowMillis() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }

    void lookBegins() {
        seen = NONE;
    }

    void saw(long ageMillis) {
        seen = Math.min(seen, nowMillis() - ageMillis);
    }

    /** Every organization that waits has been seen. */
    void lookEnds() {
        known = seen;
    }

    /** Milliseconds, 0 when nothing waits. */
    long millis() {
        long oldest = Math.min(known, seen);
        return oldest == NONE ? 0 : Math.max(0, nowMillis() - oldest);
    }
}
