package com.cagen.quota.entry.bridge;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.entry.request.RawRequest;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Uses a credential up that comes with no operation. It is spent on the smallest list of quotas there is, so that the engine
 * checks and claims it as any other, on whichever node and across restarts.
 */
final class CredentialClaim implements Function<@Nullable JsonObject, Future<Caller>> {
    private final RequestReader reader;
    private final RequestChannel channel;

    CredentialClaim(RequestReader reader, RequestChannel channel) {
        this.reader = reader;
        this.channel = channel;
    }

    /**
     * @param headers with {@code service_id} and {@code encrypted_data}
     * @return who the credential speaks for; fails with a {@link RefusalException}
     */
    @Override
    public Future<Caller> apply(@Nullable JsonObject headers) {
        JsonObject fields = new JsonObject().put("page_size", 1);
        if (headers != null) {
            fields.put("service_id", headers.getValue("service_id"))
                    .put("encrypted_data", headers.getValue("encrypted_data"));
        }
        RawRequest smallest = new RawRequest(
                Operations.CATALOG.named("quota.list"),
                fields,
                null,
                null,
                null,
                false,
                UUID.randomUUID().toString());
        return reader.take(smallest).compose(request -> channel.send(request)
                .compose(answer -> answer instanceof Answer.Success
                        ? Future.succeededFuture(request.caller())
                        : Future.failedFuture(new RefusalException((Refusal) answer))));
    }
}
