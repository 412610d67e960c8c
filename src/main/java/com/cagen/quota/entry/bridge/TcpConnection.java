package com.cagen.quota.entry.bridge;

import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetSocket;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A socket of the TCP bridge. */
final class TcpConnection implements BridgeConnection {
    private final Vertx vertx;
    private final NetSocket socket;
    private @Nullable TcpFrames frames;

    TcpConnection(Vertx vertx, NetSocket socket) {
        this.vertx = vertx;
        this.socket = socket;
    }

    /** Hands each frame to {@code taker}. A length that no frame has closes the socket. */
    void listen(Consumer<String> taker) {
        TcpFrames cut = new TcpFrames(taker, this::close, System::nanoTime);
        frames = cut;
        socket.handler(cut::take);
    }

    @Override
    public Future<Void> write(String frame) {
        Buffer json = Buffer.buffer(frame);
        return socket.write(Buffer.buffer(TcpFrames.LENGTH_BYTES + json.length())
                .appendInt(json.length())
                .appendBuffer(json));
    }

    @Override
    public void close() {
        socket.handler(null);
        context().channel().config().setAutoRead(false);
        socket.close();
        vertx.setTimer(CLOSE_MILLIS, ignored -> abort());
    }

    /** {@link NetSocket#close} would wait without limit until the client has read everything. */
    @Override
    public void abort() {
        socket.handler(null);
        context().close();
    }

    /** Of Vert.x's own handler: closing here does not wait for the client, closing the channel does. */
    private ChannelHandlerContext context() {
        return ((NetSocketInternal) socket).channelHandlerContext();
    }

    @Override
    public boolean overdue(long nowNanos) {
        return frames != null && frames.overdue(nowNanos);
    }
}
