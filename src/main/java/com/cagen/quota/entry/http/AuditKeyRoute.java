package com.cagen.quota.entry.http;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.SigningKey;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The public key of the audit checkpoints, for everybody. Known to a node that has the key configured or in its data folder;
 * one without, such as a node of http alone, answers 404. One for each event loop.
 */
final class AuditKeyRoute {
    private static final Logger LOG = LoggerFactory.getLogger(AuditKeyRoute.class);
    private static final String PATH = "/api/v1/audit/key";

    private final Vertx vertx;
    private final Config config;
    private @Nullable VerifyingKey known;

    AuditKeyRoute(Vertx vertx, Config config) {
        this.vertx = vertx;
        this.config = config;
    }

    void mount(Router router) {
        router.get(PATH).handler(context -> {
            RequestContext.of(context).route = PATH;
            key().onSuccess(key -> answer(context, key)).onFailure(failure -> {
                LOG.error("the key of the audit checkpoints cannot be read: {}", failure.toString());
                answer(context, null);
            });
        });
    }

    private Future<@Nullable VerifyingKey> key() {
        if (known != null) {
            return Future.succeededFuture(known);
        }
        return vertx.<@Nullable VerifyingKey>executeBlocking(() -> {
                    SigningKey key = SigningKey.ifKnown(config);
                    return key == null ? null : key.verifyingKey();
                })
                .onSuccess(key -> known = key);
    }

    private static void answer(RoutingContext context, @Nullable VerifyingKey key) {
        if (key == null) {
            HttpAnswers.refuse(
                    context, ErrorCode.NOT_FOUND, "This node does not have the key of the audit checkpoints.");
            return;
        }
        HttpAnswers.succeed(
                context,
                "The public key of the audit checkpoints.",
                new JsonObject()
                        .put("algorithm", "Ed25519")
                        .put("key_id", key.id())
                        .put("public_key", key.encoded()));
    }
}
