package com.cagen.quota.entry.bridge;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.parsetools.RecordParser;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Cuts what a socket receives into frames of vertx-tcp-eventbus-bridge: four bytes of length, big endian, and so many of JSON. */
final class TcpFrames {
    static final int LENGTH_BYTES = 4;
    private static final long MAX_UNFINISHED_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Consumer<String> taker;
    private final Runnable impossible;
    private final LongSupplier clock;
    private final RecordParser parser = RecordParser.newFixed(LENGTH_BYTES);
    private boolean lengthIsNext = true;
    private long begunNanos;

    /**
     * @param taker gets each frame
     * @param impossible is called once, for a length that no frame has: what follows cannot be told apart
     * @param clock nanoseconds, as {@link System#nanoTime}
     */
    TcpFrames(Consumer<String> taker, Runnable impossible, LongSupplier clock) {
        this.taker = taker;
        this.impossible = impossible;
        this.clock = clock;
        parser.handler(this::record);
    }

    void take(Buffer received) {
        parser.handle(received);
    }

    /** Whether the length of a frame came, and the frame itself not within ten seconds. */
    boolean overdue(long nowNanos) {
        return !lengthIsNext && nowNanos - begunNanos > MAX_UNFINISHED_NANOS;
    }

    private void record(Buffer record) {
        if (!lengthIsNext) {
            lengthIsNext = true;
            parser.fixedSizeMode(LENGTH_BYTES);
            taker.accept(record.toString());
            return;
        }
        int length = record.getInt(0);
        if (length < 1 || length > BridgeSession.MAX_FRAME_BYTES) {
            parser.handler(null);
            impossible.run();
        } else {
            lengthIsNext = false;
            begunNanos = clock.getAsLong();
            parser.fixedSizeMode(length);
        }
    }
}
