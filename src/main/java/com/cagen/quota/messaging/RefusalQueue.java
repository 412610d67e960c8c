package com.cagen.quota.messaging;

import com.cagen.quota.domain.audit.AuditEntry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Audit entries that wait to be sent, bounded in number and in memory. When it is full, the newest entry of the organization
 * that holds the most memory is dropped: a flood of one organization displaces no entry of another one. Not thread-safe.
 */
final class RefusalQueue {
    /** Of an entry's objects, beside its characters. */
    private static final int OVERHEAD_BYTES = 512;

    private final int maxEntries;
    private final long maxBytes;
    /** In the order of their turns. */
    private final Map<String, Waiting> organizations = new LinkedHashMap<>();

    private List<AuditEntry> taken = List.of();
    private int entries;
    private long bytes;

    private static final class Waiting {
        final Deque<AuditEntry> entries = new ArrayDeque<>();
        long bytes;
    }

    /**
     * @param maxEntries including those taken and not yet {@link #done}
     * @param maxBytes of memory, as {@link #bytes} estimates it
     */
    RefusalQueue(int maxEntries, long maxBytes) {
        this.maxEntries = maxEntries;
        this.maxBytes = maxBytes;
    }

    /** How much memory an entry takes, at most, in bytes. */
    static long bytes(AuditEntry entry) {
        return OVERHEAD_BYTES
                + 2L
                        * (length(entry.organizationId())
                                + length(entry.quotaId())
                                + length(entry.parentQuotaId())
                                + length(entry.actorUserId())
                                + length(entry.serviceId())
                                + length(entry.targetUserId())
                                + length(entry.details())
                                + length(entry.requestId()));
    }

    private static int length(@Nullable String text) {
        return text == null ? 0 : text.length();
    }

    /** @return how many entries were dropped to make room, this one included */
    int add(AuditEntry entry) {
        Waiting waiting = organizations.computeIfAbsent(entry.organizationId(), ignored -> new Waiting());
        waiting.entries.add(entry);
        waiting.bytes += bytes(entry);
        entries++;
        bytes += bytes(entry);
        int dropped = 0;
        while (entries > maxEntries || bytes > maxBytes) {
            drop();
            dropped++;
        }
        return dropped;
    }

    private void drop() {
        String largest = "";
        long most = -1;
        for (Map.Entry<String, Waiting> each : organizations.entrySet()) {
            if (each.getValue().bytes > most) {
                largest = each.getKey();
                most = each.getValue().bytes;
            }
        }
        Waiting waiting = organizations.get(largest);
        if (waiting == null) {
            throw new IllegalStateException("what was taken alone is larger than the queue");
        }
        AuditEntry dropped = waiting.entries.removeLast();
        waiting.bytes -= bytes(dropped);
        entries--;
        bytes -= bytes(dropped);
        if (waiting.entries.isEmpty()) {
            organizations.remove(largest);
        }
    }

    /**
     * The oldest entries of the organization whose turn it is; they go on counting until they are {@link #done}.
     *
     * @param maxBytes as {@link #bytes} estimates them; one entry is always taken
     * @return empty when nothing waits
     */
    List<AuditEntry> take(int maxEntries, long maxBytes) {
        if (!taken.isEmpty()) {
            throw new IllegalStateException("the entries taken before are not done");
        }
        if (organizations.isEmpty()) {
            return List.of();
        }
        Map.Entry<String, Waiting> turn = organizations.entrySet().iterator().next();
        String organization = turn.getKey();
        Waiting waiting = turn.getValue();
        organizations.remove(organization);
        List<AuditEntry> some = new ArrayList<>();
        long size = 0;
        for (AuditEntry next = waiting.entries.peek(); next != null; next = waiting.entries.peek()) {
            size += bytes(next);
            if (!some.isEmpty() && (some.size() == maxEntries || size > maxBytes)) {
                break;
            }
            some.add(waiting.entries.remove());
            waiting.bytes -= bytes(next);
        }
        if (!waiting.entries.isEmpty()) {
            organizations.put(organization, waiting); // behind all others
        }
        taken = List.copyOf(some);
        return taken;
    }

    /** What was taken is no longer this queue's. */
    void done() {
        entries -= taken.size();
        for (AuditEntry entry : taken) {
            bytes -= bytes(entry);
        }
        taken = List.of();
    }

    /** How many entries there are, those that were taken included. */
    int size() {
        return entries;
    }
}
