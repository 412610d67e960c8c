package com.cagen.quota.messaging;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.MessageCodec;
import java.util.function.Function;

/**
 * Hands an immutable message over as it is within a node, and as JSON between nodes.
 *
 * @param <T> an immutable type: sender and receiver share the object
 */
record LocalCodec<T>(Class<T> type, Function<T, Buffer> toJson, Function<Buffer, T> fromJson)
        implements MessageCodec<T, T> {

    @Override
    public void encodeToWire(Buffer buffer, T message) {
        Buffer json = toJson.apply(message);
        buffer.appendInt(json.length()).appendBuffer(json);
    }

    @Override
    public T decodeFromWire(int position, Buffer buffer) {
        int length = buffer.getInt(position);
        return fromJson.apply(buffer.slice(position + 4, position + 4 + length));
    }

    @Override
    public T transform(T message) {
        return message;
    }

    @Override
    public String name() {
        return type.getName();
    }

    @Override
    public byte systemCodecID() {
        return -1;
    }
}
