package com.cagen.quota.domain.quota;

/** A request for a larger quota. */
public record IncreaseKey(String organizationId, String increaseId) {
    public static IncreaseKey of(Increase increase) {
        return new IncreaseKey(increase.organizationId(), increase.id());
    }
}
