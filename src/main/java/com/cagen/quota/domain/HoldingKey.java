package com.cagen.quota.domain;

/** What one resource holds on one quota. */
public record HoldingKey(String organizationId, String quotaId, String resourceId) {}
