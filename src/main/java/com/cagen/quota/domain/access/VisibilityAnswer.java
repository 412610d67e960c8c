package com.cagen.quota.domain.access;

import java.util.Map;
import java.util.Set;

/** @param usersByQuota for a quota's id those of the users asked for who may hear of it; quotas without any are absent */
public record VisibilityAnswer(Map<String, Set<String>> usersByQuota) {
    public VisibilityAnswer {
        usersByQuota = Map.copyOf(usersByQuota);
    }
}
