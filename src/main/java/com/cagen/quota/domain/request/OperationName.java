package com.cagen.quota.domain.request;

/**
 * The name of an operation on the event bus, in the audit trail and in the OpenAPI document, for example {@code
 * usage.allocate}.
 *
 * @param change whether the operation changes something: such operations take an idempotency key and are audited
 */
public record OperationName(String text, boolean change) {
    @Override
    public String toString() {
        return text;
    }
}
