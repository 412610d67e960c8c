package com.cagen.quota.entry.bridge;

import com.cagen.quota.messaging.PublicAddresses.Reply;
import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/** How the two published bridge protocols write the same things. */
enum BridgeProtocol {
    /** That of vertx-tcp-eventbus-bridge. */
    TCP,
    /** That of the SockJS bridge and {@code @vertx/eventbus-bridge-client.js}. */
    SOCKJS;

    /** A message that comes to {@code address}: a reply to a request, or an event. */
    JsonObject message(String address, @Nullable Object body, boolean reply) {
        JsonObject frame = new JsonObject()
                .put("type", this == TCP ? "message" : "rec")
                .put("address", address)
                .put("body", body);
        return this == TCP ? frame.put("headers", new JsonObject()).put("send", reply) : frame;
    }

    /**
     * A failure, for whoever waits at {@code address}.
     *
     * @param sourceAddress what was asked
     */
    JsonObject failure(String address, String sourceAddress, Reply.Failure failure) {
        JsonObject frame = new JsonObject()
                .put("type", "err")
                .put("address", address)
                .put("failureCode", failure.code())
                .put("failureType", failure.type())
                .put("message", failure.message());
        return this == TCP ? frame.put("sourceAddress", sourceAddress) : frame;
    }

    /** A frame that could not be taken, such as {@code access_denied}. */
    JsonObject error(String what) {
        return new JsonObject().put("type", "err").put(this == TCP ? "message" : "body", what);
    }

    /** The answer to a ping; null when there is none. */
    @Nullable
    JsonObject pong() {
        return this == TCP ? new JsonObject().put("type", "pong") : null;
    }
}
