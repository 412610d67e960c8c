package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.protocol.Caller;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What it takes to make a quota larger or smaller: its parent gives or gets the difference, in the same transaction. */
public final class Resizing {
    private Resizing() {}

    /**
     * Admin on the parent, which gives or gets the difference; of a root, owner.
     *
     * @param parent null of a root
     */
    public static Access.Result access(Quota quota, @Nullable Quota parent, Caller caller, KnownGrants grants) {
        return parent == null ? Access.owner(quota, caller) : Access.admin(parent, caller, grants);
    }

    /**
     * Adds the changes of both quotas to {@code change}.
     *
     * @param parent null of a root, which gets capacity from nowhere
     */
    public static Change apply(Change change, Quota before, Quota after, @Nullable Quota parent, Instant now) {
        change.quota(QuotaChange.of(before, after));
        long moreMb = after.totalMb() - before.totalMb();
        if (parent != null && moreMb != 0) {
            Quota parentAfter = parent.withFigures(parent.usedMb(), parent.allocatedMb() + moreMb, now);
            change.quota(QuotaChange.of(parent, parentAfter));
        }
        return change;
    }
}
