package com.cagen.quota.quota;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Requests that wait to share a transaction, and the one place that decides which do: all that wait, in their order, or all
 * of one organization, the organizations taking turns.
 */
final class BatchQueue {
    private final Function<Pending, String> groupOf;
    private final Map<String, Deque<Pending>> groups = new LinkedHashMap<>();
    private int size;

    /** @param oneOrganization whether a transaction may only hold requests of one organization */
    BatchQueue(boolean oneOrganization) {
        this.groupOf = oneOrganization ? Pending::organizationId : ignored -> "";
    }

    void add(Pending pending) {
        groups.computeIfAbsent(groupOf.apply(pending), ignored -> new ArrayDeque<>())
                .add(pending);
        size++;
    }

    int size() {
        return size;
    }

    /** Takes the next transaction's requests, {@code max} at most; nothing when nothing waits. */
    List<Pending> take(int max) {
        List<Pending> batch = new ArrayList<>();
        Iterator<Map.Entry<String, Deque<Pending>>> all = groups.entrySet().iterator();
        if (all.hasNext()) {
            Map.Entry<String, Deque<Pending>> group = all.next();
            all.remove();
            Deque<Pending> waiting = group.getValue();
            while (batch.size() < max && !waiting.isEmpty()) {
                batch.add(waiting.remove());
            }
            if (!waiting.isEmpty()) {
                groups.put(group.getKey(), waiting);
            }
            size -= batch.size();
        }
        return batch;
    }
}
