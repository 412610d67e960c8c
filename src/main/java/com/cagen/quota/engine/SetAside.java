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
    private static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(30);

    private static final int MAX_SLOW_ORGANIZATIONS = 10_000;

    private final int maxPerOrganization;
    private final Map<String, Line> lines = new HashMap<>();
    /** How many requests on a quota are here or under way from here. */
    private final Map<QuotaKey, Integer> quotas = new HashMap<>();
    /** When each was last found slow, the earliest first. */
    private final Map<String, Long> slow = new LinkedHashMap<>();

    private int waiting;

    private static final class Line {
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
        Line line = lines.get(pending.organizationId());
        if (line == null) {
            line = new Line();
        } else if (line.unanswered >= maxPerOrganization) {
            return false;
        }
        lines.put(pending.organizationId(), line);
        line.requests.addLast(pending);
        line.unanswered++;
        waiting++;
        QuotaKey quota = pending.quotaKey();
        if (quota != null) {
            quotas.merge(quota, 1, Integer::sum);
        }
        return true;
    }

    /** Takes an organization's next requests, which stay counted until {@link #done}. */
    List<QueuedRequest> take(String organization, int max) {
        List<QueuedRequest> taken = new ArrayList<>();
        Line line = lines.get(organization);
        while (line != null && taken.size() < max && !line.requests.isEmpty()) {
            taken.add(line.requests.removeFirst());
        }
        waiting -= taken.size();
        return taken;
    }

    /** @param taken what {@link #take} gave, carried out */
    void done(String organization, List<QueuedRequest> taken) {
        Line line = lines.get(organization);
        if (line == null) {
            throw new IllegalStateException("nothing of this organization is set aside");
        }
        line.unanswered -= taken.size();
        if (line.unanswered == 0) {
            lines.remove(organization);
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
        return lines.containsKey(organization);
    }

    int waiting() {
        return waiting;
    }

    /** Remembers that a quota of this organization was found locked. */
    void foundSlow(String organization, long nowNanos) {
        slow.remove(organization);
        slow.put(organization, nowNanos);
        if (slow.size() > MAX_SLOW_ORGANIZATIONS) {
            slow.remove(slow.keySet().iterator().next());
        }
    }

    /** Whether a quota of this organization was found locked lately. */
    boolean slow(String organization, long nowNanos) {
        Long since = slow.isEmpty() ? null : slow.get(organization);
        if (since == null) {
            return false;
        }
        if (nowNanos - since > SLOW_NANOS) {
            slow.remove(organization);
            return false;
        }
        return true;
    }
}
