package com.cagen.quota.client;

import com.cagen.quota.credential.Credentials;
import com.cagen.quota.domain.Caller;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.util.Base64;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Asks the quota service over the event bus, clustered or not. Makes a fresh credential for each attempt, and sends a request
 * again, a change under one idempotency key, when it got no answer or one that says: not now. So a change whose future
 * succeeds was done exactly once. May be shared by verticles and threads.
 */
public final class QuotaClient {
    private static final String ADDRESS = "cagen.quota.v1.";
    private static final long MAX_BACKOFF_MILLIS = 5_000;

    private final Vertx vertx;
    private final QuotaClientOptions options;
    private final Credentials credentials;

    private QuotaClient(Vertx vertx, QuotaClientOptions options) {
        this.vertx = vertx;
        this.options = options;
        this.credentials =
                new Credentials(options.serviceId(), Base64.getDecoder().decode(options.key()));
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
        return vertx.eventBus()
                .<JsonObject>request(
                        ADDRESS + request.operation(),
                        body,
                        new DeliveryOptions().setSendTimeout(options.timeoutMillis()))
                .map(reply -> request.answer(reply.body()))
                .recover(failure -> {
                    QuotaException refused = explain(failure, key);
                    return refused.retryable() && number < options.attempts()
                            ? vertx.timer(backoffMillis(number), TimeUnit.MILLISECONDS)
                                    .compose(ignored -> attempt(user, request, key, number + 1))
                            : Future.failedFuture(refused);
                });
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
            QuotaException unreadable = new QuotaException(
                    FailureCode.UNKNOWN, FailureCode.UNKNOWN.number(), "The answer could not be read.", key);
            unreadable.initCause(failure);
            return unreadable;
        }
        String message = String.valueOf(reply.getMessage());
        return switch (reply.failureType()) {
            case TIMEOUT -> bus(FailureCode.NO_ANSWER, message, key);
            case NO_HANDLERS -> bus(FailureCode.NOT_THERE, message, key);
            case RECIPIENT_FAILURE ->
                new QuotaException(FailureCode.of(reply.failureCode()), reply.failureCode(), message, key);
            default -> bus(FailureCode.UNKNOWN, message, key);
        };
    }

    private static QuotaException bus(FailureCode code, String message, @Nullable String key) {
        return new QuotaException(code, code.number(), message, key);
    }
}
