package com.cagen.quota.client;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.json.JsonObject;
import java.util.Base64;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Asks the quota service over the event bus, clustered or not. Makes a fresh credential for each attempt, and sends a request
 * again, a change under one idempotency key, when it got no answer or one that says: not now. So a change whose future
 * succeeds was done exactly once. May be shared by verticles and threads.
 *
 * <p>When a node of the service is lost, all requests that wait are sent again at once rather than after their timeout: it is
 * not known here which node has which of them. Create the client outside of verticles, or in one that lives as long as the
 * client does: the client hears of lost nodes by a consumer, and Vert.x unregisters a verticle's consumers with the verticle.
 */
public final class QuotaClient {
    private static final String ADDRESS = "cagen.quota.v1.";
    /** Where the service's nodes publish the id of one that is lost. */
    private static final String NODE_LOST = "cagen.quota.internal.lost";

    private static final long MAX_BACKOFF_MILLIS = 5_000;

    private final Vertx vertx;
    private final QuotaClientOptions options;
    private final CredentialCipher credentials;
    /** Ends the wait of each attempt that may be followed by another one. */
    private final Set<Runnable> waiting = ConcurrentHashMap.newKeySet();
    /** Each of the other nodes tells of it. */
    private final AtomicReference<String> lastLost = new AtomicReference<>("");

    private QuotaClient(Vertx vertx, QuotaClientOptions options) {
        this.vertx = vertx;
        this.options = options;
        this.credentials =
                new CredentialCipher(options.serviceId(), Base64.getDecoder().decode(options.key()));
        vertx.eventBus().<String>consumer(NODE_LOST, message -> {
            String node = message.body();
            if (!node.equals(lastLost.getAndSet(node))) {
                waiting.forEach(Runnable::run);
            }
        });
    }

    public static QuotaClient create(Vertx vertx, QuotaClientOptions options) {
        return new QuotaClient(vertx, options);
    }

    /**
     * Sends a request, a change under a key of its own.
     *
     * @return fails with a {@link QuotaException}
     */
    public <T> Future<T> send(User user, QuotaRequest<T> request) {
        String key =
                request instanceof QuotaRequest.Change<T> ? UUID.randomUUID().toString() : null;
        return attempt(user, request, key, 1);
    }

    /**
     * Sends a change under a key that the caller keeps, so that it can be repeated after a crash without a second effect.
     *
     * @param idempotencyKey 1 to 255 characters, for this one change
     * @return fails with a {@link QuotaException}
     */
    public <T> Future<T> send(User user, QuotaRequest.Change<T> change, String idempotencyKey) {
        return attempt(user, change, idempotencyKey, 1);
    }

    private <T> Future<T> attempt(User user, QuotaRequest<T> request, @Nullable String key, int number) {
        JsonObject body = request.fields()
                .put("service_id", options.serviceId())
                .put("encrypted_data", credential(user))
                .put("idempotency_key", key);
        return request(ADDRESS + request.operation(), body, number < options.attempts())
                .map(reply -> request.answer(reply.body()))
                .recover(failure -> {
                    QuotaException refused = explain(failure, key);
                    return refused.retryable() && number < options.attempts()
                            ? vertx.timer(backoffMillis(number), TimeUnit.MILLISECONDS)
                                    .compose(ignored -> attempt(user, request, key, number + 1))
                            : Future.failedFuture(refused);
                });
    }

    /** @param again whether losing a node ends the wait, as one that may be the one that has the request */
    private Future<Message<JsonObject>> request(String address, JsonObject body, boolean again) {
        Context context = vertx.getOrCreateContext();
        Promise<Message<JsonObject>> answer = Promise.promise();
        Runnable lost = () -> context.runOnContext(
                ignored -> answer.tryFail(new ReplyException(ReplyFailure.TIMEOUT, "A node of the service was lost.")));
        if (again) {
            waiting.add(lost);
        }
        vertx.eventBus()
                .<JsonObject>request(address, body, new DeliveryOptions().setSendTimeout(options.timeoutMillis()))
                .onComplete(reply -> {
                    waiting.remove(lost);
                    if (reply.succeeded()) {
                        answer.tryComplete(reply.result());
                    } else {
                        answer.tryFail(reply.cause());
                    }
                });
        return answer.future();
    }

    private String credential(User user) {
        Caller caller = new Caller(user.organizationId(), user.userId(), options.serviceId(), user.teamIds());
        synchronized (credentials) { // it keeps a cipher
            return credentials.seal(caller, System.currentTimeMillis());
        }
    }

    /** Half of it by chance, so that clients that failed together do not come back together. */
    private long backoffMillis(int attempt) {
        long millis = Math.min(MAX_BACKOFF_MILLIS, options.backoffMillis() << (attempt - 1));
        return Math.max(1, ThreadLocalRandom.current().nextLong(millis / 2, millis + 1));
    }

    private static QuotaException explain(Throwable failure, @Nullable String key) {
        if (!(failure instanceof ReplyException reply)) {
            QuotaException unreadable =
                    QuotaException.of(QuotaException.Kind.UNREADABLE, "The answer could not be read.", key);
            unreadable.initCause(failure);
            return unreadable;
        }
        String message = String.valueOf(reply.getMessage());
        return switch (reply.failureType()) {
            case TIMEOUT -> QuotaException.of(QuotaException.Kind.NO_ANSWER, message, key);
            case NO_HANDLERS -> QuotaException.of(QuotaException.Kind.NOT_THERE, message, key);
            case RECIPIENT_FAILURE -> QuotaException.refused(reply.failureCode(), message, key);
            default -> QuotaException.of(QuotaException.Kind.UNREADABLE, message, key);
        };
    }
}
