package com.cagen.quota.domain.quota;

/** A key that a quota, or one beside it, may have: beside it are its parent's other children, or the organization's other roots. */
public record SiblingKey(QuotaKey quota, String key) {}
