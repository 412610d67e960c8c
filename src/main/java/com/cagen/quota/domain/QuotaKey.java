package com.cagen.quota.domain;

/** A quota in its organization: a quota's id alone never finds a row. */
public record QuotaKey(String organizationId, String quotaId) {}
