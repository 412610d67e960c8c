package com.cagen.quota.domain.request;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import org.jspecify.annotations.Nullable;

/**
 * One authenticated, decoded request, whatever way it came in.
 *
 * @param requestId follows the request through logs and into the audit trail
 * @param nonce not yet claimed: whoever carries the request out claims it in the same transaction; null for the system's own
 *     requests, which have no credential
 * @param idempotencyKey 1 to 255 characters, or null; only on operations that change something
 * @param command the decoded fields, as the operation defines them
 */
public record Request(
        String requestId,
        Caller caller,
        @Nullable Nonce nonce,
        @Nullable String idempotencyKey,
        OperationName operation,
        Input command) {}
