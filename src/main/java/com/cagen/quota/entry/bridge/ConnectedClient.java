package com.cagen.quota.entry.bridge;

import com.cagen.quota.domain.request.Refusal;

/** One client of a bridge, as far as what the clients share knows it: limits, deadlines and subscriptions. */
interface ConnectedClient {
    BridgeProtocol protocol();

    /** Passes on an event that the client's user may hear of, encoded for its {@link #protocol}. */
    void event(String frame);

    /** Ends the registration for events, and says why: the client may register again. */
    void endEvents(Refusal refusal);

    /** What was written and has not left this process yet. */
    long unreadBytes();

    /** Whether the client has gone silent, also within a frame, or heard events for as long as one credential is good for. */
    boolean overdue(long nowNanos);

    /** Closes the socket once the client has read what was written. */
    void close();

    /** Closes the socket at once and frees what it holds. */
    void abort();
}
