package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.QuotaKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Requests that a batch did not wait for, as another transaction holds their quotas: by organization, a bounded number of each.
 * They run in transactions of their organization alone. Also remembers for a while which organizations such requests came
 * from. Not thread-safe.
 */
final class SetAside {
    /** How long an organization's locks are not waited for after one of its quotas was found locked. */
    private static final long AVOID_LOCKS_NANOS = TimeUnit.SECONDS.toNanos(30);

    private static final int MAX_LOCKED_ORGANIZATIONS = 10_000;

    private final int maxPerOrganization;
    private final Map<String, OrganizationQueue> queues = new HashMap<>();
    /** How many requests on a quota are here or under way from here. */
    private final Map<QuotaKey, Integer> quotas = new HashMap<>();
    /** When a quota of each was last found locked, the earliest first. */
    private final Map<String, Long> lockedLately = new LinkedHashMap<>();

    private int waiting;

    private static final class OrganizationQueue {
        final Deque<QueuedRequest> requests = new ArrayDeque<>();
        /** Waiting and under way. */
        int unanswered;
    }

    SetAside(int maxPerOrganization) {
        this.maxPerOrganization = maxPerOrganization;
    }

    /** Whether requests on this quota are here, so that a new one had better wait behind them. */
    boolean holds(@Nullable QuotaKey quota) {
        return quota != null && !quotas.isEmpty() && quotas.containsKey(quota);
    }

    /** False, and nothing is added, when too many of the organization are here. */
    boolean add(QueuedRequest pending) {
        OrganizationQueue queue = queues.get(pending.organizationId());
        if (queue == null) {
            queue = new OrganizationQueue();
        } else if (queue.unanswered >= maxPerOrganization) {
            return false;
        }
        queues.put(pending.organizationId(), queue);
        queue.requests.addLast(pending);
        queue.unanswered++;
        waiting++;
        QuotaKey quota = pending.quotaKey();
        if (quota != null) {
            quotas.merge(quota, 1, Integer::sum);
        }
        return true;
    }

    /**
     * Takes an organization's next requests, which stay counted until {@link #done}.
     *
     * @param most the weight that they may have together; the last one may exceed it
     */
    List<QueuedRequest> take(String organization, int most) {
        List<QueuedRequest> taken = new ArrayList<>();
        OrganizationQueue queue = queues.get(organization);
        int weight = 0;
        while (queue != null && weight < most && !queue.requests.isEmpty()) {
            QueuedRequest next = queue.requests.removeFirst();
            taken.add(next);
            weight += next.weight;
        }
        waiting -= taken.size();
        return taken;
    }

    /** @param taken what {@link #take} gave, carried out */
    void done(String organization, List<QueuedRequest> taken) {
        OrganizationQueue queue = queues.get(organization);
        if (queue == null) {
            throw new IllegalStateException("nothing of this organization is set aside");
        }
        queue.unanswered -= taken.size();
        if (queue.unanswered == 0) {
            queues.remove(organization);
        }
        for (QueuedRequest pending : taken) {
            QuotaKey key = pending.quotaKey();
            if (key != null) {
                quotas.computeIfPresent(key, (quota, count) -> count == 1 ? null : count - 1);
            }
        }
    }

    /** Whether requests of this organization are here or under way from here. */
    boolean busy(String organization) {
        return queues.containsKey(organization);
    }

    int waiting() {
        return waiting;
    }

    /** Remembers that a quota of this organization was found locked. */
    void foundLocked(String organization, long nowNanos) {
        lockedLately.remove(organization);
        lockedLately.put(organization, nowNanos);
        if (lockedLately.size() > MAX_LOCKED_ORGANIZATIONS) {
            lockedLately.remove(lockedLately.keySet().iterator().next());
        }
    }

    /** Whether a quota of this organization was found locked lately. */
    boolean lockedLately(String organization, long nowNanos) {
        Long since = lockedLately.isEmpty() ? null : lockedLately.get(organization);
        if (since == null) {
            return false;
        }
        if (nowNanos - since > AVOID_LOCKS_NANOS) {
            lockedLately.remove(organization);
            return false;
        }
        return true;
    }
}
