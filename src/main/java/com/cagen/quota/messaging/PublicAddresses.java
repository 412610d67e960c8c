package com.cagen.quota.messaging;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The public addresses, seen from outside: what a bridge sends there for its clients, and what comes back. */
public final class PublicAddresses {
    private final Vertx vertx;
    private final Set<String> addresses;
    private final DeliveryOptions options;

    /**
     * @param operations the names of the operations that take messages
     * @param timeoutMillis after which a request without a reply fails; above that of the operations themselves
     */
    public PublicAddresses(Vertx vertx, Set<String> operations, long timeoutMillis) {
        this.vertx = vertx;
        this.addresses = operations.stream().map(Addresses::of).collect(Collectors.toUnmodifiableSet());
        this.options = new DeliveryOptions().setSendTimeout(timeoutMillis);
    }

    /** What came back. */
    public sealed interface Reply {
        record Data(@Nullable Object body) implements Reply {}

        /** {@code type} is {@code RECIPIENT_FAILURE}, {@code TIMEOUT}, {@code NO_HANDLERS} or {@code ERROR}. */
        record Failure(int code, String type, @Nullable String message) implements Reply {}
    }

    /** Whether {@code address} is that of an operation; no other one takes messages from outside. */
    public boolean takes(@Nullable String address) {
        return address != null && addresses.contains(address);
    }

    /**
     * Never fails: a failure is a {@link Reply.Failure}.
     *
     * @throws IllegalArgumentException for an address that does not {@linkplain #takes take} messages
     */
    public Future<Reply> request(String address, JsonObject body) {
        if (!takes(address)) {
            throw new IllegalArgumentException("not a public address");
        }
        return vertx.eventBus()
                .request(address, body, options)
                .<Reply>map(reply -> new Reply.Data(reply.body()))
                .otherwise(failure -> failure instanceof ReplyException reply
                        ? new Reply.Failure(
                                reply.failureCode(), reply.failureType().name(), reply.getMessage())
                        : new Reply.Failure(-1, "ERROR", null));
    }
}
