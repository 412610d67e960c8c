package com.cagen.quota.domain.scheduling;

import java.util.HashMap;
import java.util.Map;

/**
 * Divides a bounded buffer among organizations: an organization may hold as much as is still free. Alone it gets half; of n
 * greedy ones each gets 1/(n+1), and the same part stays free for the next one. Neither a list of the organizations nor a
 * setting is needed, and every method takes constant time. The rule is the dynamic threshold of Choudhury and Hahne,
 * "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches" (1998). Not thread-safe.
 */
public final class FairShare {
    private final long maxItems;
    private final long maxBytes;
    private final Map<String, Held> organizations = new HashMap<>();
    private long items;
    private long bytes;

    private static final class Held {
        long items;
        long bytes;
    }

    public FairShare(long maxItems, long maxBytes) {
        this.maxItems = maxItems;
        this.maxBytes = maxBytes;
    }

    /** Takes one item in, or does nothing and returns false. What was taken in goes with {@link #leave}. */
    public boolean enter(String organization, long itemBytes) {
        Held held = organizations.get(organization);
        long heldItems = held == null ? 0 : held.items;
        long heldBytes = held == null ? 0 : held.bytes;
        if (heldItems + 1 > maxItems - items || heldBytes + itemBytes > maxBytes - bytes) {
            return false;
        }
        if (held == null) {
            held = new Held();
            organizations.put(organization, held);
        }
        held.items++;
        held.bytes += itemBytes;
        items++;
        bytes += itemBytes;
        return true;
    }

    /** @param itemBytes as when it entered */
    public void leave(String organization, long itemBytes) {
        Held held = organizations.get(organization);
        if (held == null) {
            throw new IllegalStateException("this organization holds nothing");
        }
        held.items--;
        held.bytes -= itemBytes;
        items--;
        bytes -= itemBytes;
        if (held.items == 0) {
            organizations.remove(organization);
        }
    }

    /** Items of all organizations. */
    public long items() {
        return items;
    }
}
