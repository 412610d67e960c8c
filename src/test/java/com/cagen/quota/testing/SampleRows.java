package com.cagen.quota.testing;

import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Permission;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The rows of one organization that an operation is tried with: those that were given, and no others. */
public final class SampleRows implements Rows {
    private final Map<String, Quota> quotas = new HashMap<>();
    private final Map<String, Long> heldMb = new HashMap<>();
    private final Map<String, Increase> increases = new HashMap<>();
    private long treeSize = 1;

    private SampleRows() {}

    public static SampleRows of(Quota... quotas) {
        SampleRows rows = new SampleRows();
        for (Quota quota : quotas) {
            rows.quotas.put(quota.id(), quota);
        }
        return rows;
    }

    /** Lets a resource hold {@code megabytes} on a quota. */
    public SampleRows held(String quotaId, String resourceId, long megabytes) {
        heldMb.put(quotaId + "/" + resourceId, megabytes);
        return this;
    }

    /** Says that every tree has so many living quotas; else it is 1. */
    public SampleRows treesOf(long livingQuotas) {
        treeSize = livingQuotas;
        return this;
    }

    @Override
    public @Nullable Quota find(String quotaId) {
        return quotas.get(quotaId);
    }

    @Override
    public @Nullable String siblingWithKey(String quotaId, String key) {
        Quota quota = quota(quotaId);
        return quotas.values().stream()
                .filter(other -> key.equals(other.key()) && Objects.equals(other.parentId(), quota.parentId()))
                .map(Quota::id)
                .findFirst()
                .orElse(null);
    }

    @Override
    public @Nullable String childWithKeyOf(String quotaId) {
        return null;
    }

    @Override
    public Subtree subtree(String quotaId) {
        return Subtree.NONE;
    }

    @Override
    public List<Quota> quotasBelow(String quotaId) {
        return List.of();
    }

    @Override
    public long treeSize(String quotaId) {
        return treeSize;
    }

    @Override
    public long heldMb(String quotaId, String resourceId) {
        return heldMb.getOrDefault(quotaId + "/" + resourceId, 0L);
    }

    @Override
    public ResourceAmounts holdings(String quotaId) {
        return ResourceAmounts.NONE;
    }

    @Override
    public ResourceAmounts usageAfter(String quotaId) {
        return ResourceAmounts.NONE;
    }

    @Override
    public @Nullable Reservation reservation(String quotaId, String reservationId) {
        return null;
    }

    @Override
    public DueReservations dueReservations(String quotaId) {
        return DueReservations.NONE;
    }

    /** With a request for a larger quota. */
    public SampleRows with(Increase increase) {
        increases.put(increase.id(), increase);
        return this;
    }

    @Override
    public @Nullable Increase increase(String increaseId) {
        return increases.get(increaseId);
    }

    @Override
    public Set<Permission> granted(String quotaId, String userId) {
        return Set.of();
    }
}
