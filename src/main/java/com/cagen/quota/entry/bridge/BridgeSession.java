package com.cagen.quota.entry.bridge;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.messaging.PublicAddresses;
import com.cagen.quota.messaging.PublicAddresses.Reply;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
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
final class BridgeSession implements ConnectedClient {
    /** Of a frame that comes in. */
    static final int MAX_FRAME_BYTES = 64 * 1024;
    /** What a frame takes in memory besides its bytes while it waits to be sent or answered. */
    static final int FRAME_OVERHEAD_BYTES = 512;

    /** What may wait for a client that does not read. */
    private static final long MAX_UNREAD_BYTES = 4 * 1024 * 1024;
    /** Of frames that cannot be understood; the last one closes the socket. */
    private static final int MAX_BAD_FRAMES = 5;
    /** A frame counts once more for each of these. */
    private static final int BYTES_A_MESSAGE = 4 * 1024;
    /** Refusals for sending too much, before the socket is closed: as many a second as messages, and so many at least. */
    private static final int MIN_REFUSALS_A_SECOND = 10;

    private static final int MAX_UNANSWERED = 1_000;
    private static final long MAX_SILENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** A subscription has no credential to go on: it ends, and a new one needs a new credential. */
    private static final long MAX_SUBSCRIPTION_NANOS = TimeUnit.HOURS.toNanos(1);

    private static final int MAX_REPLY_ADDRESS = 255;
    private static final String TOO_MUCH = "This socket sends too much at once.";

    private final BridgeConnection connection;
    private final BridgeProtocol protocol;
    private final PublicAddresses addresses;
    private final Subscriptions subscriptions;
    private final BridgeSessions sessions;
    private final Function<@Nullable JsonObject, Future<Caller>> credentials;
    private final RateLimit rateLimit;
    private final RateLimit refusals;

    private long lastHeardNanos;
    private long subscribedNanos;
    private long unreadBytes;
    private int unanswered;
    private int badFrames;
    /** Takes and writes no more frames. */
    private boolean closed;
    /** What was unread is discarded, whatever the futures of its writes say later. */
    private boolean ended;
    /** Counts registrations, so that an old one's late answer is told apart. */
    private int registration;

    private boolean registered;
    private @Nullable Caller subscriber;

    /**
     * @param sessions bounds what all of them hold in memory together
     * @param credentials uses up the credential in a registration's headers and tells whose it is
     */
    BridgeSession(
            BridgeConnection connection,
            BridgeProtocol protocol,
            PublicAddresses addresses,
            Subscriptions subscriptions,
            BridgeSessions sessions,
            Function<@Nullable JsonObject, Future<Caller>> credentials,
            int messagesASecond,
            long nowNanos) {
        this.connection = connection;
        this.protocol = protocol;
        this.addresses = addresses;
        this.subscriptions = subscriptions;
        this.sessions = sessions;
        this.credentials = credentials;
        this.lastHeardNanos = nowNanos;
        this.rateLimit = new RateLimit(messagesASecond, nowNanos);
        this.refusals = new RateLimit(Math.max(messagesASecond, MIN_REFUSALS_A_SECOND), nowNanos);
    }

    @Override
    public boolean overdue(long nowNanos) {
        return nowNanos - lastHeardNanos > MAX_SILENCE_NANOS
                || connection.overdue(nowNanos)
                || (subscriber != null && nowNanos - subscribedNanos > MAX_SUBSCRIPTION_NANOS);
    }

    /** Takes a frame from the client. */
    void take(String text, long nowNanos) {
        if (closed) {
            return;
        }
        lastHeardNanos = nowNanos;
        // Before anything else: reading the frame and answering it cost something as well.
        boolean allowed = rateLimit.take(1 + text.length() / BYTES_A_MESSAGE, nowNanos);
        if (!allowed && !refusals.take(1, nowNanos)) {
            close();
            return;
        }
        JsonObject frame;
        try {
            frame = new JsonObject(text);
        } catch (DecodeException | ClassCastException e) {
            bad("invalid_json");
            return;
        }
        String type = text(frame, "type");
        String address = text(frame, "address");
        switch (type == null ? "" : type) {
            case "ping" -> {
                JsonObject pong = protocol.pong();
                if (pong != null && allowed) {
                    write(pong);
                }
            }
            case "send" -> send(address, frame, text.length(), allowed);
            case "register" -> register(address, frame, allowed);
            case "unregister" -> unregister(address);
            case "publish" -> write(protocol.error("access_denied"));
            default -> bad(protocol == BridgeProtocol.TCP ? "unknown_type" : "invalid_type");
        }
    }

    /** Answers a frame that no client of the published protocols sends. */
    private void bad(String problem) {
        write(protocol.error(problem));
        badFrames++;
        if (badFrames >= MAX_BAD_FRAMES) {
            close();
        }
    }

    /** Answers a frame for an address that takes no such frames from outside, or for none. */
    private void refuseAddress(@Nullable String address) {
        if (address == null) {
            bad("missing_address");
        } else {
            write(protocol.error("access_denied"));
        }
    }

    private static @Nullable String text(JsonObject frame, String name) {
        return frame.getValue(name) instanceof String text ? text : null;
    }

    private void send(@Nullable String address, JsonObject frame, int size, boolean allowed) {
        String replyAddress = text(frame, "replyAddress");
        long held = size + (long) FRAME_OVERHEAD_BYTES;
        if (address == null || !addresses.takes(address)) {
            refuseAddress(address);
        } else if (replyAddress != null && replyAddress.length() > MAX_REPLY_ADDRESS) {
            bad("invalid_reply_address");
        } else if (!allowed || unanswered >= MAX_UNANSWERED) {
            answer(address, replyAddress, failure(ErrorCode.OVERLOADED, TOO_MUCH));
        } else if (!sessions.reserveWaiting(held)) {
            answer(address, replyAddress, failure(ErrorCode.OVERLOADED, "The bridges have too much to do."));
        } else {
            unanswered++;
            // The client's headers stay here: they could name codecs and timeouts.
            JsonObject body = frame.getValue("body") instanceof JsonObject json ? json : new JsonObject();
            addresses.request(address, body).onSuccess(reply -> {
                unanswered--;
                sessions.releaseWaiting(held);
                answer(address, replyAddress, reply);
            });
        }
    }

    /** A failure is told also to a client that asked for no reply: at the address that it has sent to. */
    private void answer(String address, @Nullable String replyAddress, Reply reply) {
        if (reply instanceof Reply.Failure failure) {
            write(protocol.failure(replyAddress == null ? address : replyAddress, address, failure));
        } else if (replyAddress != null) {
            write(protocol.message(replyAddress, ((Reply.Data) reply).body(), true));
        }
    }

    private static Reply.Failure failure(ErrorCode code, String message) {
        return new Reply.Failure(code.busFailureCode(), "RECIPIENT_FAILURE", message);
    }

    private void register(@Nullable String address, JsonObject frame, boolean allowed) {
        if (!Addresses.EVENTS.equals(address)) {
            refuseAddress(address);
        } else if (registered) {
            write(protocol.error("address_already_registered"));
        } else if (!allowed) {
            refuseEvents(failure(ErrorCode.OVERLOADED, TOO_MUCH));
        } else {
            registered = true;
            subscribedNanos = lastHeardNanos;
            int mine = ++registration;
            JsonObject headers = frame.getValue("headers") instanceof JsonObject json ? json : new JsonObject();
            credentials
                    .apply(headers)
                    .onComplete(
                            granted -> {
                                if (registered && registration == mine) {
                                    subscriber = granted;
                                    subscriptions.add(granted, this);
                                    confirm(headers);
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

    /** Whoever asks for it hears that the registration stands, before the first event: the protocols have no frame for it. */
    private void confirm(JsonObject headers) {
        if ("true".equals(String.valueOf(headers.getValue("confirm")))) {
            write(protocol.message(Addresses.EVENTS, new JsonObject().put("type", "registered"), false));
        }
    }

    private static Reply.Failure failure(Refusal refusal) {
        return failure(refusal.code(), refusal.message());
    }

    /** Addressed, so that the client's handler for the events gets it. */
    private void refuseEvents(Reply.Failure failure) {
        write(protocol.failure(Addresses.EVENTS, Addresses.EVENTS, failure));
    }

    private void unregister(@Nullable String address) {
        if (!Addresses.EVENTS.equals(address)) {
            refuseAddress(address);
        } else if (registered) {
            endSubscription();
        } else if (protocol == BridgeProtocol.TCP) { // the other one says nothing
            write(protocol.error("unknown_address"));
        }
    }

    private void endSubscription() {
        registered = false;
        if (subscriber != null) {
            subscriptions.remove(subscriber, this);
            subscriber = null;
        }
    }

    @Override
    public void endEvents(Refusal refusal) {
        if (registered) {
            endSubscription();
            refuseEvents(failure(refusal));
        }
    }

    @Override
    public void event(String frame) {
        write(frame);
    }

    @Override
    public BridgeProtocol protocol() {
        return protocol;
    }

    @Override
    public long unreadBytes() {
        return unreadBytes;
    }

    private void write(JsonObject frame) {
        write(frame.encode());
    }

    private void write(String text) {
        if (closed) {
            return;
        }
        long bytes = text.getBytes(StandardCharsets.UTF_8).length + (long) FRAME_OVERHEAD_BYTES;
        if (unreadBytes + bytes > MAX_UNREAD_BYTES) {
            abort(); // it asks and does not read: its answers must not pile up here
        } else if (sessions.reserveUnread(this, bytes)) {
            unreadBytes += bytes;
            connection.write(text).onComplete(ignored -> left(bytes));
        }
    }

    private void left(long bytes) {
        if (!ended) {
            unreadBytes -= bytes;
            sessions.releaseUnread(bytes);
        }
    }

    @Override
    public void close() {
        stop();
        connection.close();
    }

    @Override
    public void abort() {
        ended();
        connection.abort();
    }

    /** The socket is closed, by whomever. */
    void ended() {
        stop();
        if (!ended) {
            ended = true;
            sessions.releaseUnread(unreadBytes);
            unreadBytes = 0;
        }
    }

    private void stop() {
        closed = true;
        endSubscription();
    }
}
