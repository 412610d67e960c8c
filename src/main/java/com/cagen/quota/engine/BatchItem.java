package com.cagen.quota.engine;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Operation;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One request, as the decision about it needs it.
 *
 * @param operationId identifies what the request does
 * @param nonceAccepted whether its credential was used for the first time
 * @param grants what is known of its caller's
 * @param fingerprint the request's, or null without an idempotency key
 * @param toldAuth whether the auth service has confirmed the change that this request asks for
 */
// Items are never compared; the array is not written to.
@SuppressWarnings("ArrayRecordComponent")
record BatchItem(
        UUID operationId,
        Request request,
        Operation<?> operation,
        boolean nonceAccepted,
        KnownGrants grants,
        byte @Nullable [] fingerprint,
        boolean toldAuth) {}
