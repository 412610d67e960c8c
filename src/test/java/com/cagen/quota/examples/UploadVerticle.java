package com.cagen.quota.examples;

import com.cagen.quota.client.QuotaClient;
import com.cagen.quota.client.QuotaClientOptions;
import com.cagen.quota.client.QuotaException;
import com.cagen.quota.client.QuotaRequest;
import com.cagen.quota.client.User;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;

/**
 * A business service that asks for capacity before it takes an upload. Send it {@code {user, organization, quota, upload,
 * mb}}; it replies with what is left, or says why the upload cannot be taken.
 */
public final class UploadVerticle extends VerticleBase {
    private final QuotaClientOptions options;
    private QuotaClient quotas;

    /** @param key base64 of the 32 bytes that this service shares with the quota service: from its environment */
    @SuppressWarnings("NullAway.Init") // made by start()
    public UploadVerticle(String key) {
        this.options = new QuotaClientOptions(key);
    }

    @Override
    public Future<?> start() {
        quotas = QuotaClient.create(vertx, options);
        return vertx.eventBus()
                .<JsonObject>consumer("uploads.begin", this::begin)
                .completion();
    }

    private void begin(Message<JsonObject> message) {
        JsonObject upload = message.body();
        User user = new User(upload.getString("user"), upload.getString("organization"));
        String uploadId = upload.getString("upload");
        QuotaRequest.AllocateUsage use =
                new QuotaRequest.AllocateUsage(upload.getString("quota"), uploadId, upload.getLong("mb"));
        // The upload's own id makes the key: an upload that is begun twice, or again after a crash, is counted once.
        quotas.send(user, use, "upload/" + uploadId)
                .onSuccess(usage -> message.reply(new JsonObject().put("left_mb", usage.availableMb())))
                .onFailure(failure -> {
                    if (failure instanceof QuotaException refused && refused.code() == ErrorCode.INSUFFICIENT_QUOTA) {
                        message.fail(507, refused.getMessage());
                    } else {
                        message.fail(503, "Uploads are not possible at the moment.");
                    }
                });
    }
}
