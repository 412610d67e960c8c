package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TcpFramesTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final List<String> taken = new ArrayList<>();
    private int impossible;
    private long now;
    private final TcpFrames frames = new TcpFrames(taken::add, () -> impossible++, () -> now);

    private static Buffer frame(String text) {
        return Buffer.buffer().appendInt(text.length()).appendString(text);
    }

    @Test
    void cutsWhatComesInAnyPieces() {
        Buffer all = frame("{}").appendBuffer(frame("{\"a\":1}")).appendBuffer(frame("x"));
        for (int size = 1; size <= all.length(); size++) {
            taken.clear();
            for (int at = 0; at < all.length(); at += size) {
                frames.take(all.getBuffer(at, Math.min(all.length(), at + size)));
            }
            assertThat(taken).as("pieces of %s bytes", size).containsExactly("{}", "{\"a\":1}", "x");
        }
        assertThat(impossible).isZero();
    }

    @Test
    void saysOnceThatALengthIsImpossible() {
        for (int length : new int[] {0, -1, BridgeSession.MAX_FRAME_BYTES + 1, Integer.MAX_VALUE}) {
            impossible = 0;
            TcpFrames fresh = new TcpFrames(taken::add, () -> impossible++, () -> now);
            fresh.take(Buffer.buffer().appendInt(length).appendInt(length).appendString("more of it"));
            assertThat(impossible).as("length %s", length).isOne();
        }
        assertThat(taken).isEmpty();
    }

    @Test
    void isOverdueWhenAFrameIsNotFinishedInTime() {
        now = 100 * SECOND;
        Buffer whole = frame("{\"a\":1}");
        frames.take(whole.getBuffer(0, 6));
        for (int i = 1; i <= 3; i++) { // a byte now and then does not help
            frames.take(whole.getBuffer(5 + i, 6 + i));
            now += 3 * SECOND;
        }
        assertThat(frames.overdue(now)).isFalse();
        assertThat(frames.overdue(now + 2 * SECOND)).isTrue();
        frames.take(whole.getBuffer(9, whole.length()));
        assertThat(taken).containsExactly("{\"a\":1}");
        assertThat(frames.overdue(now + 100 * SECOND)).isFalse();
    }
}
