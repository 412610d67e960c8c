package com.cagen.quota.domain.quota;

import com.cagen.quota.domain.request.Refusal;
import org.jspecify.annotations.Nullable;

/** Whether a quota gives capacity out, be it for usage or for a child. */
public final class Capacity {
    private Capacity() {}

    /** Suspension first, then draining, then the figures; null when the quota gives out {@code requestedMb}. */
    public static @Nullable Refusal refusal(Quota quota, long requestedMb) {
        if (quota.suspendedBy() != null) {
            return Refusal.quotaSuspended(quota.suspendedBy());
        }
        if (quota.drainToMb() != null) {
            return Refusal.quotaDraining(quota.id(), quota.drainToMb());
        }
        return requestedMb > quota.availableMb() ? Refusal.insufficientQuota(quota, requestedMb) : null;
    }
}
