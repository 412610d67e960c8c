package com.cagen.quota.domain.request;

import com.cagen.quota.protocol.Caller;
import org.jspecify.annotations.Nullable;

/**
 * Names one changing operation: an idempotency key in its scope.
 *
 * @param key the client's idempotency key, 1 to 255 characters
 */
public record OperationKey(String organizationId, String serviceId, String key) {

    /** The key of a request; null when it has none. */
    public static @Nullable OperationKey of(Request request) {
        String key = request.idempotencyKey();
        Caller caller = request.caller();
        return key == null ? null : new OperationKey(caller.organizationId(), caller.serviceId(), key);
    }
}
