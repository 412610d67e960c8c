package com.cagen.quota.entry.bridge;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.handler.sockjs.SockJSSocket;

/** A WebSocket of the SockJS bridge. A frame of the bridge is a message of its own. */
final class SockJsConnection implements BridgeConnection {
    private static final int PINGS_A_SECOND = 10;

    private static final String PINGS = "pings";

    private final Vertx vertx;
    private final SockJSSocket socket;
    /** Of a handler in front of Vert.x's own: closing here does not wait for the client, closing the channel does. */
    private final ChannelHandlerContext context;

    SockJsConnection(Vertx vertx, SockJSSocket socket) {
        this.vertx = vertx;
        this.socket = socket;
        HttpConnection connection = socket.routingContext().request().connection();
        ChannelPipeline pipeline = context(connection).pipeline();
        pipeline.addBefore("handler", PINGS, new PingLimit());
        this.context = pipeline.context(PINGS);
    }

    private static ChannelHandlerContext context(HttpConnection connection) {
        return ((ConnectionBase) connection).channelHandlerContext();
    }

    /** As {@link #abort}, for a connection that has not become a WebSocket. */
    static void abort(HttpConnection connection) {
        context(connection).close();
    }

    @Override
    public Future<Void> write(String frame) {
        return socket.write(frame);
    }

    @Override
    public void close() {
        context.channel().config().setAutoRead(false);
        socket.close();
        vertx.setTimer(CLOSE_MILLIS, ignored -> abort());
    }

    /** {@link SockJSSocket#close} would wait without limit until the client has read everything. */
    @Override
    public void abort() {
        context.close();
    }

    /** Each part of a message is held up to {@link BridgeSession#MAX_FRAME_BYTES}, and a silent session is closed. */
    @Override
    public boolean overdue(long nowNanos) {
        return false;
    }

    /** Vert.x answers pings of the WebSocket protocol itself, however many there are and whether or not the client reads. */
    private static final class PingLimit extends ChannelInboundHandlerAdapter {
        private final RateLimit allowance = new RateLimit(PINGS_A_SECOND, System.nanoTime());

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof PingWebSocketFrame && !allowance.take(1, System.nanoTime())) {
                ReferenceCountUtil.release(message);
                context.close();
            } else {
                context.fireChannelRead(message);
            }
        }
    }
}
