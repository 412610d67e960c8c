package com.cagen.quota.entry.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.util.AsciiString;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.impl.VertxHttpRequestDecoder;
import java.util.List;

/**
 * The decoder of Vert.x, which besides measures how much memory the request takes that is being received. Only the decoder knows
 * of a request whose head is not complete, and Vert.x has no limit for the number of headers: 16 KiB of headers of four bytes
 * each take half a megabyte.
 */
final class MeteredRequestDecoder extends VertxHttpRequestDecoder {
    /** More headers than clients and the proxies before them send. */
    static final int MAX_HEADERS = 200;

    /** What the objects for one request take, without its texts. */
    private static final int REQUEST_BYTES = 1024;
    /** What the objects for one header take, without its texts. */
    private static final int HEADER_BYTES = 144;
    /** A trailer is not counted until it is complete; the shortest one has four bytes. */
    private static final int TRAILER_FACTOR = HEADER_BYTES / 4;

    /** Hears what arrives on a connection. */
    interface Listener {
        /** The head of a request is complete. */
        void requested();

        /** The body is complete as well. */
        void completed(long bytes);

        /** Something was read, and whatever it completed was handled. */
        void received();

        /** Whether what is received waits for an earlier request's answer. */
        boolean queuesBodies();
    }

    private final Listener connection;
    private boolean inHead;
    private boolean inBody;
    private int headers;
    private long headBytes;
    private long bodyBytes;
    /** Bytes since the last piece of the body: the size of a chunk, or trailers. */
    private long framingBytes;

    MeteredRequestDecoder(HttpServerOptions options, Listener connection) {
        super(options);
        this.connection = connection;
    }

    /** Whether a request has begun to arrive and is not complete. */
    boolean receiving() {
        return inHead || inBody || actualReadableBytes() > 0;
    }

    /** Bytes of memory that the request takes that is being received; 0 when none is. */
    long heldBytes() {
        // A line that is not complete stays in the buffer that it was read into, which may be much larger.
        long buffered = actualReadableBytes() > 0 ? internalBuffer().capacity() : 0;
        return inHead || inBody ? requestBytes() + buffered : buffered;
    }

    private long requestBytes() {
        // What exceeds the limit of a body is dropped, unless the request has to wait for its turn.
        long body = connection.queuesBodies() ? bodyBytes : Math.min(bodyBytes, JsonBody.MAX_BYTES);
        // Texts and bodies twice: they are copied, and a growing buffer has room to grow.
        return REQUEST_BYTES + (long) headers * HEADER_BYTES + 2 * (headBytes + body) + TRAILER_FACTOR * framingBytes;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        super.channelRead(context, message);
        connection.received();
    }

    @Override
    protected HttpMessage createMessage(String[] initialLine) {
        inHead = true;
        return super.createMessage(initialLine);
    }

    @Override
    protected AsciiString splitHeaderName(byte[] bytes, int start, int length) {
        if (++headers > MAX_HEADERS) {
            throw new TooLongHttpHeaderException("a request has at most " + MAX_HEADERS + " headers");
        }
        return super.splitHeaderName(bytes, start, length);
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) throws Exception {
        int start = in.readerIndex();
        int decoded = out.size();
        boolean bodyBefore = inBody;
        super.decode(context, in, out);
        int consumed = in.readerIndex() - start;
        if (!bodyBefore) {
            headBytes += consumed;
        } else if (out.size() == decoded) {
            framingBytes += consumed;
        }
        for (int i = decoded; i < out.size(); i++) {
            decoded(out.get(i));
        }
        if (!inHead && !inBody) {
            headBytes = 0; // blank lines between requests
        }
    }

    private void decoded(Object part) {
        if (part instanceof HttpRequest) {
            inHead = false;
            inBody = true;
            connection.requested();
        }
        if (part instanceof HttpContent content) {
            bodyBytes += content.content().readableBytes();
            framingBytes = 0;
        }
        if (part instanceof LastHttpContent) {
            connection.completed(requestBytes());
            inBody = false;
            headers = 0;
            headBytes = 0;
            bodyBytes = 0;
        }
    }
}
