package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.protocol.Permission;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The rows that one operation named in its {@link Needs}, of its caller's organization, as its predecessors left them. */
public interface Rows {

    /** The quota, deleted or not; null when there is none. */
    @Nullable
    Quota find(String quotaId);

    /**
     * A quota that exists.
     *
     * @throws IllegalStateException when it does not, or was not named
     */
    default Quota quota(String quotaId) {
        Quota quota = find(quotaId);
        if (quota == null) {
            throw new IllegalStateException("the quota was not loaded: " + quotaId);
        }
        return quota;
    }

    /** The parent of a quota that was locked with it; null for a root. */
    default @Nullable Quota parentOf(Quota quota) {
        return quota.parentId() == null ? null : quota(quota.parentId());
    }

    /** The id of the living quota that has the key: the quota itself or one beside it; null when none has. */
    @Nullable
    String siblingWithKey(String quotaId, String key);

    /** The id of the living child of the parent that was named, which has the quota's key; null when none has. */
    @Nullable
    String childWithKeyOf(String quotaId);

    /** What is below a quota that was locked with its subtree. */
    Subtree subtree(String quotaId);

    /**
     * The living quotas below a quota of which they were asked for, in no order. Of more than {@link Quota#MAX_BELOW} some are missing,
     * and there is one too many.
     */
    List<Quota> quotasBelow(String quotaId);

    /** How many living quotas the quota's tree has, itself included; counted up to {@link Quota#MAX_TREE}. */
    long treeSize(String quotaId);

    /** What the resource holds on the quota, in megabytes. */
    long heldMb(String quotaId, String resourceId);

    /** What every resource holds on the quota, in megabytes. */
    ResourceAmounts holdings(String quotaId);

    /** How the usage of the quota's resources has changed after the moment that was named, in megabytes. */
    ResourceAmounts usageAfter(String quotaId);

    /** The reservation of the quota; null when there is none. */
    @Nullable
    Reservation reservation(String quotaId, String reservationId);

    /**
     * What was due of a locked quota when the transaction began. The system ends it before anything else is decided about the quota.
     */
    DueReservations dueReservations(String quotaId);

    /** The request for a larger quota; null when there is none. */
    @Nullable
    Increase increase(String increaseId);

    /** What was granted through this service, ownership aside. */
    Set<Permission> granted(String quotaId, String userId);
}
