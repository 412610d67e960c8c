package com.cagen.quota.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Requests that wait to share a transaction, and the one place that decides which do. Organizations are served round-robin, request by
 * request, and each organization's requests keep their order; one that is alone fills a whole transaction. Adding and taking a
 * request take constant time.
 */
final class BatchQueue {
    private final boolean oneOrganization;
    private final Map<String, Line> lines = new HashMap<>();
    /** All of {@link #lines}; the first one is next. */
    private final Deque<Line> turns = new ArrayDeque<>();

    private int size;

    private record Line(String organization, Deque<QueuedRequest> requests) {}

    /** @param oneOrganization whether a transaction may only hold requests of one organization */
    BatchQueue(boolean oneOrganization) {
        this.oneOrganization = oneOrganization;
    }

    void add(QueuedRequest pending) {
        Line line = lines.get(pending.organizationId());
        if (line == null) {
            line = new Line(pending.organizationId(), new ArrayDeque<>());
            lines.put(line.organization, line);
            turns.addLast(line);
        }
        line.requests.addLast(pending);
        size++;
    }

    int size() {
        return size;
    }

    /**
     * Takes the next transaction's requests; nothing when nothing waits.
     *
     * @param most the weight that they may have together; the last one may exceed it
     */
    List<QueuedRequest> take(int most) {
        List<QueuedRequest> batch = new ArrayList<>(Math.min(most, size));
        int weight = 0;
        while (weight < most && !turns.isEmpty()) {
            Line line = turns.removeFirst();
            do {
                QueuedRequest next = line.requests.removeFirst();
                batch.add(next);
                weight += next.weight;
            } while (oneOrganization && weight < most && !line.requests.isEmpty());
            if (line.requests.isEmpty()) {
                lines.remove(line.organization);
            } else {
                turns.addLast(line);
            }
            if (oneOrganization) {
                break;
            }
        }
        size -= batch.size();
        return batch;
    }
}
