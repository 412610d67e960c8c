package com.cagen.quota.entry.bridge;

import io.vertx.core.Future;

/** One client's socket, whatever the transport. */
interface BridgeConnection {
    /** How long {@link #close} waits for a client that does not read. */
    long CLOSE_MILLIS = 1_000;

    /** Sends a frame; ends when it has left this process, or never will. */
    Future<Void> write(String frame);

    /**
     * Reads nothing more from the socket, as each frame costs time even when it is ignored, and closes it once what was
     * written has left. A client that does not read cannot delay that for more than {@link #CLOSE_MILLIS}.
     */
    void close();

    /** Closes the socket at once. What was written and has not left yet is discarded, and its memory freed. */
    void abort();

    /** Whether the client began a frame and did not finish it in time. */
    boolean overdue(long nowNanos);
}
