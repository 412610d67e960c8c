package com.cagen.quota.domain;

/**
 * Names one changing operation for ever: an idempotency key in its scope.
 *
 * @param key the client's idempotency key, 1 to 255 characters
 */
public record OperationKey(String organizationId, String serviceId, String key) {}
