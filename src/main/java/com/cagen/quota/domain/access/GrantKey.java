package com.cagen.quota.domain.access;

/** A user's grants on a quota. */
public record GrantKey(String organizationId, String quotaId, String userId) {}
