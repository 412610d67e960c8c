package com.cagen.quota.domain.quota;

/** What one resource holds on one quota. */
public record HoldingKey(String organizationId, String quotaId, String resourceId) {}
