package com.cagen.quota.domain.request;

import org.jspecify.annotations.Nullable;

/**
 * The decoded fields of one request, within the limits of the contract. Each operation declares its own record. Amounts are
 * megabytes; a null component means that the field was absent.
 *
 * <p>The names and values of the components identify the request under its idempotency key ({@link Fingerprint}) and travel
 * between nodes: a renamed component makes recorded keys unknown.
 */
public interface Input {
    /** The quota that the request is about, by which it is routed to a lane; null when it is about none. */
    @Nullable
    String quotaId();
}
