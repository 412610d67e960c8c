package com.cagen.quota.entry.bridge;

import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The open sessions of both bridges, and what they hold in memory together. Used on the verticle's context. */
final class BridgeSessions {
    private final long maxBytes;
    private final Set<ConnectedClient> open = new LinkedHashSet<>();
    private long waitingBytes;
    private long unreadBytes;

    /**
     * @param maxBytes that all clients together may leave unread; and as many again that may wait for an answer of the
     *     service: requests, and events of which it is not known yet who may hear of them
     */
    BridgeSessions(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    void add(ConnectedClient session) {
        open.add(session);
    }

    void remove(ConnectedClient session) {
        open.remove(session);
    }

    List<ConnectedClient> all() {
        return List.copyOf(open);
    }

    int count() {
        return open.size();
    }

    /** Counts {@code bytes} as waiting for an answer, if that many more may wait. */
    boolean reserveWaiting(long bytes) {
        if (waitingBytes + bytes > maxBytes) {
            return false;
        }
        waitingBytes += bytes;
        return true;
    }

    void releaseWaiting(long bytes) {
        waitingBytes -= bytes;
    }

    /**
     * Counts {@code bytes} as unread by {@code session}'s client. Makes room by closing the clients that have the most to
     * read; whoever reads in time has little.
     *
     * @return whether {@code session} itself is still open; else nothing was counted
     */
    boolean reserveUnread(ConnectedClient session, long bytes) {
        while (unreadBytes + bytes > maxBytes) {
            ConnectedClient slowest = open.stream()
                    .filter(each -> each.unreadBytes() > session.unreadBytes())
                    .max(Comparator.comparingLong(ConnectedClient::unreadBytes))
                    .orElse(session);
            slowest.abort();
            if (slowest == session) {
                return false;
            }
        }
        unreadBytes += bytes;
        return true;
    }

    void releaseUnread(long bytes) {
        unreadBytes -= bytes;
    }
}
