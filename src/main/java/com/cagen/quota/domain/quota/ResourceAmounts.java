package com.cagen.quota.domain.quota;

import java.util.Map;

/**
 * Megabytes of a quota's resources.
 *
 * @param byResource may be negative where they are differences
 * @param complete false when there were more than may be read at once, and some are missing
 */
public record ResourceAmounts(Map<String, Long> byResource, boolean complete) {
    public static final ResourceAmounts NONE = new ResourceAmounts(Map.of(), true);

    public ResourceAmounts {
        byResource = Map.copyOf(byResource);
    }

    /** 0 for a resource that is missing. */
    public long of(String resourceId) {
        return byResource.getOrDefault(resourceId, 0L);
    }
}
