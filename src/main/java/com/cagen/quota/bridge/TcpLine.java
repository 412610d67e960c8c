package com.cagen.quota.bridge;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.parsetools.RecordParser;
import java.util.function.Consumer;

/** Frames of vertx-tcp-eventbus-bridge: four bytes of length, big endian, and so many bytes of JSON. */
final class TcpLine implements Line {
    private static final int LENGTH_BYTES = 4;

    private final NetSocket socket;

    TcpLine(NetSocket socket) {
        this.socket = socket;
    }

    /** Hands each frame to {@code taker}. A length that no frame has closes the socket: what follows cannot be told apart. */
    void listen(Consumer<String> taker) {
        RecordParser parser = RecordParser.newFixed(LENGTH_BYTES);
        boolean[] lengthIsNext = {true};
        parser.handler(record -> {
            if (!lengthIsNext[0]) {
                lengthIsNext[0] = true;
                parser.fixedSizeMode(LENGTH_BYTES);
                taker.accept(record.toString());
                return;
            }
            int length = record.getInt(0);
            if (length < 1 || length > Session.MAX_FRAME_BYTES) {
                parser.handler(null);
                socket.handler(null);
                socket.close();
            } else {
                lengthIsNext[0] = false;
                parser.fixedSizeMode(length);
            }
        });
        socket.handler(parser);
    }

    @Override
    public Future<Void> write(String frame) {
        Buffer json = Buffer.buffer(frame);
        return socket.write(Buffer.buffer(LENGTH_BYTES + json.length())
                .appendInt(json.length())
                .appendBuffer(json));
    }

    @Override
    public void close() {
        socket.close();
    }
}
