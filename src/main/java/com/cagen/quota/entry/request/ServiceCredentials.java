package com.cagen.quota.entry.request;

import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.authentication.Credentials;
import org.jspecify.annotations.Nullable;

/**
 * A credential as a calling service sent it, and what it came with.
 *
 * @param serviceId null when none was sent
 * @param encryptedData null when none was sent
 * @param sentTwice whether another one was found elsewhere in the request
 * @param action the operation that it came with, for logs and the audit trail
 * @param quotaId the quota that the request names; null when it names none that could exist
 */
record ServiceCredentials(
        @Nullable String serviceId,
        @Nullable String encryptedData,
        boolean sentTwice,
        String action,
        String requestId,
        @Nullable String quotaId)
        implements Credentials {
    /** The action of a credential that no operation comes with. */
    static final String AUTHENTICATE = "authenticate";

    boolean isOperation() {
        return !action.equals(AUTHENTICATE);
    }

    /** Without the credential itself, which must not get into logs. */
    @Override
    public JsonObject toJson() {
        return new JsonObject().put("service_id", serviceId);
    }

    @Override
    public String toString() {
        return "ServiceCredentials[" + serviceId + "]";
    }
}
