package com.cagen.quota.bridge;

import com.cagen.quota.bus.Addresses;
import com.cagen.quota.bus.PublicAddresses;
import com.cagen.quota.bus.PublicAddresses.Reply;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import io.vertx.core.Future;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What one client may do: send to the operations' addresses, and hear its own organization's events. Everything else is
 * refused, whatever the transport. Used on its verticle's context.
 */
final class Session {
    /** Of a frame that comes in. */
    static final int MAX_FRAME_BYTES = 64 * 1024;
    /** What may wait for a client that does not read. */
    private static final long MAX_UNREAD_BYTES = 4 * 1024 * 1024;

    private static final int MAX_UNANSWERED = 1_000;
    private static final long MAX_SILENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** A subscription has no credential to go on: it ends, and a new one needs a new credential. */
    private static final long MAX_SUBSCRIPTION_NANOS = TimeUnit.HOURS.toNanos(1);

    private static final int MAX_REPLY_ADDRESS = 255;

    private final Line line;
    private final Dialect dialect;
    private final PublicAddresses addresses;
    private final Subscriptions subscriptions;
    private final Function<@Nullable JsonObject, Future<String>> credentials;
    private final Allowance allowance;

    private long lastHeardNanos;
    private long subscribedNanos;
    private long unreadBytes;
    private int unanswered;
    private boolean closed;
    /** Counts registrations, so that an old one's late answer is told apart. */
    private int registration;

    private boolean registered;
    private @Nullable String organization;

    /** @param credentials uses up the credential in a registration's headers and tells its organization */
    Session(
            Line line,
            Dialect dialect,
            PublicAddresses addresses,
            Subscriptions subscriptions,
            Function<@Nullable JsonObject, Future<String>> credentials,
            int messagesASecond,
            long nowNanos) {
        this.line = line;
        this.dialect = dialect;
        this.addresses = addresses;
        this.subscriptions = subscriptions;
        this.credentials = credentials;
        this.lastHeardNanos = nowNanos;
        this.allowance = new Allowance(messagesASecond, nowNanos);
    }

    /** Whether the client has gone silent, or heard events for as long as one credential is good for. */
    boolean overdue(long nowNanos) {
        return nowNanos - lastHeardNanos > MAX_SILENCE_NANOS
                || (organization != null && nowNanos - subscribedNanos > MAX_SUBSCRIPTION_NANOS);
    }

    /** Takes a frame from the client. */
    void take(String text, long nowNanos) {
        if (closed) {
            return;
        }
        lastHeardNanos = nowNanos;
        JsonObject frame;
        try {
            frame = new JsonObject(text);
        } catch (DecodeException | ClassCastException e) {
            write(dialect.error("invalid_json"));
            return;
        }
        String type = text(frame, "type");
        String address = text(frame, "address");
        boolean allowed = allowance.take(lastHeardNanos);
        switch (type == null ? "" : type) {
            case "ping" -> {
                JsonObject pong = dialect.pong();
                if (pong != null && allowed) {
                    write(pong);
                }
            }
            case "send" -> send(address, frame, allowed);
            case "register" -> register(address, frame, allowed);
            case "unregister" -> unregister(address);
            case "publish" -> write(dialect.error("access_denied"));
            default -> write(dialect.error(dialect == Dialect.TCP ? "unknown_type" : "invalid_type"));
        }
    }

    private static @Nullable String text(JsonObject frame, String name) {
        return frame.getValue(name) instanceof String text ? text : null;
    }

    private void send(@Nullable String address, JsonObject frame, boolean allowed) {
        String replyAddress = text(frame, "replyAddress");
        if (address == null || !PublicAddresses.takes(address)) {
            write(dialect.error(address == null ? "missing_address" : "access_denied"));
        } else if (replyAddress != null && replyAddress.length() > MAX_REPLY_ADDRESS) {
            write(dialect.error("invalid_reply_address"));
        } else if (!allowed || unanswered >= MAX_UNANSWERED) {
            answer(address, replyAddress, failure(ErrorCode.OVERLOADED, "This socket sends too much at once."));
        } else {
            unanswered++;
            // The client's headers stay here: they could name codecs and timeouts.
            JsonObject body = frame.getValue("body") instanceof JsonObject json ? json : new JsonObject();
            addresses.request(address, body).onSuccess(reply -> {
                unanswered--;
                answer(address, replyAddress, reply);
            });
        }
    }

    private void answer(String address, @Nullable String replyAddress, Reply reply) {
        if (replyAddress == null) {
            return;
        }
        write(
                reply instanceof Reply.Data data
                        ? dialect.message(replyAddress, data.body(), true)
                        : dialect.failure(replyAddress, address, (Reply.Failure) reply));
    }

    private static Reply.Failure failure(ErrorCode code, String message) {
        return new Reply.Failure(code.busFailureCode(), "RECIPIENT_FAILURE", message);
    }

    private void register(@Nullable String address, JsonObject frame, boolean allowed) {
        if (!Addresses.EVENTS.equals(address)) {
            write(dialect.error(address == null ? "missing_address" : "access_denied"));
        } else if (registered) {
            write(dialect.error("address_already_registered"));
        } else if (!allowed) {
            refuseEvents(failure(ErrorCode.OVERLOADED, "This socket sends too much at once."));
        } else {
            registered = true;
            subscribedNanos = lastHeardNanos;
            int mine = ++registration;
            credentials
                    .apply(frame.getValue("headers") instanceof JsonObject headers ? headers : null)
                    .onComplete(
                            granted -> {
                                if (registered && registration == mine) {
                                    organization = granted;
                                    subscriptions.add(granted, this);
                                }
                            },
                            refused -> {
                                if (registered && registration == mine) {
                                    registered = false;
                                    refuseEvents(
                                            refused instanceof RefusalException because
                                                    ? failure(because.refusal())
                                                    : failure(
                                                            ErrorCode.INTERNAL_ERROR,
                                                            "The request could not be answered."));
                                }
                            });
        }
    }

    private static Reply.Failure failure(Refusal refusal) {
        return failure(refusal.code(), refusal.message());
    }

    /** Addressed, so that the client's handler for the events gets it. */
    private void refuseEvents(Reply.Failure failure) {
        write(dialect.failure(Addresses.EVENTS, Addresses.EVENTS, failure));
    }

    private void unregister(@Nullable String address) {
        if (!Addresses.EVENTS.equals(address)) {
            write(dialect.error(address == null ? "missing_address" : "access_denied"));
        } else if (registered) {
            endSubscription();
        } else if (dialect == Dialect.TCP) { // the other one says nothing
            write(dialect.error("unknown_address"));
        }
    }

    private void endSubscription() {
        registered = false;
        if (organization != null) {
            subscriptions.remove(organization, this);
            organization = null;
        }
    }

    /** Passes on an event of the session's own organization. */
    void event(JsonObject event) {
        write(dialect.message(Addresses.EVENTS, event, false));
    }

    private void write(JsonObject frame) {
        if (closed) {
            return;
        }
        String text = frame.encode();
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        unreadBytes += bytes;
        if (unreadBytes > MAX_UNREAD_BYTES) {
            close(); // it asks and does not read: its answers must not pile up here
            return;
        }
        line.write(text).onComplete(ignored -> unreadBytes -= bytes);
    }

    /** Closes the socket. */
    void close() {
        ended();
        line.close();
    }

    /** The socket is closed, by whomever. */
    void ended() {
        closed = true;
        endSubscription();
    }
}
