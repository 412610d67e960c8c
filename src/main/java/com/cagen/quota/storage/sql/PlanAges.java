package com.cagen.quota.storage.sql;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * When the connections make their plans anew. A connection keeps a generic plan until its tables are analyzed again, which
 * autovacuum does once a minute at best. A plan that was made while a table had a few dozen rows reads all of it for each key:
 * with 10,000 rows, a batch of 100 quotas took 83 ms to look up instead of 0.7. Planning takes some 5 ms for all statements, so
 * plans are kept for as long as the connection exists already: tables that matter are large by then.
 */
final class PlanAges {
    static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(2);
    static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(5);

    private final Map<Integer, Planned> connections = new ConcurrentHashMap<>();
    private final int maxConnections;

    /** When a connection last made its plans, and how long it keeps them. */
    private record Planned(long atNanos, long keptNanos) {}

    /** @param maxConnections that may be open */
    PlanAges(int maxConnections) {
        this.maxConnections = maxConnections;
    }

    /**
     * Whether the plans of a connection are to be made anew, now; then they count as made now. A connection that was not asked
     * about before has none yet.
     *
     * @param processId of the server's process for the connection
     */
    boolean replan(int processId, long nowNanos) {
        if (connections.size() > 4 * maxConnections) {
            connections.clear(); // of connections that are closed, mostly
        }
        Planned planned = connections.putIfAbsent(processId, new Planned(nowNanos, FIRST_NANOS));
        return planned != null
                && nowNanos - planned.atNanos >= planned.keptNanos
                && connections.replace(
                        processId, planned, new Planned(nowNanos, Math.min(2 * planned.keptNanos, LONGEST_NANOS)));
    }
}
