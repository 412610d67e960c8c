package com.cagen.quota.entry.request;

import com.cagen.quota.engine.operation.Operation;
import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * A request as a front door took it from its client: nothing is checked yet.
 *
 * @param fields of path, query and body, the credential fields among them; the reader may change it
 * @param authorization the value of the header {@code Authorization}, or null
 * @param idempotencyKey the value of the header {@code Idempotency-Key}, or null
 * @param ifMatch the value of the header {@code If-Match}, or null
 * @param elsewhere whether credential fields are also where they do not belong, such as in the query of a POST
 * @param requestId sane already
 */
public record RawRequest(
        Operation<?> operation,
        JsonObject fields,
        @Nullable String authorization,
        @Nullable String idempotencyKey,
        @Nullable String ifMatch,
        boolean elsewhere,
        String requestId) {}
