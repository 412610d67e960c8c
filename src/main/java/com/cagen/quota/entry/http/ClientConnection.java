package com.cagen.quota.entry.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import org.jspecify.annotations.Nullable;

/**
 * What one client's connection takes of this process, and until when it may. {@link ConnectionLimits} owns it; both live on the
 * connection's event loop.
 *
 * <p>The deadlines do not move when a byte comes or goes: the idle timeout of Vert.x does, so that a client that sends one byte
 * every few seconds, or takes one, would stay connected without limit.
 */
final class ClientConnection implements MeteredRequestDecoder.Listener {
    private static final long NEVER = Long.MAX_VALUE;
    /** Requests that a client may send before it has the answer to the first of them. */
    private static final int MAX_PIPELINED = 100;
    /** The head of an answer, and the objects around it. */
    private static final int RESPONSE_BYTES = 1024;

    /** What all connections share. */
    interface Limits {
        /** To be called whenever what the connection holds, or waits for, may have changed. */
        void changed(ClientConnection connection);

        /** Until when a request that begins now must be received, in nanoseconds. */
        long receiveDeadline();

        /** Until when a connection that waits for its client from now on may do so. */
        long idleDeadline();

        /** Until when a last answer may be sent. */
        long closeDeadline();

        /** Answers that there is no memory for this request. */
        void refuseForMemory(RoutingContext context);
    }

    private final Limits limits;
    private final Channel channel;
    private @Nullable MeteredRequestDecoder decoder;
    private @Nullable RoutingContext current;
    private @Nullable Runnable whenWritten;

    private int unanswered;
    private long unansweredBytes;
    private long unwrittenBytes;
    /** Of these, what {@link ConnectionLimits} has counted. */
    long countedBytes;

    /** Nothing of it counts any more: it is closed, or being closed. */
    private boolean ended;

    private long closeAt = NEVER;
    private long idleUntil = NEVER;
    private long receiveUntil = NEVER;
    private long writeUntil = NEVER;

    ClientConnection(Limits limits, Channel channel) {
        this.limits = limits;
        this.channel = channel;
    }

    void start(MeteredRequestDecoder itsDecoder) {
        decoder = itsDecoder;
        changed();
    }

    // What the decoder tells.

    /** The head of a request is complete. */
    @Override
    public void requested() {
        if (++unanswered > MAX_PIPELINED) {
            close();
        }
    }

    /** The body is complete as well. */
    @Override
    public void completed(long bytes) {
        receiveUntil = NEVER;
        if (unanswered > 0) { // else it was answered before
            unansweredBytes += bytes;
        }
    }

    /** Something was read, and whatever it completed was handled. */
    @Override
    public void received() {
        changed();
    }

    /** Whether what is received waits for an earlier request's answer. */
    @Override
    public boolean queuesBodies() {
        return unanswered > 1 || whenWritten != null;
    }

    // What the requests tell.

    /** A request is about to be handled. */
    void begin(RoutingContext context) {
        current = context;
    }

    /** A request has its answer, or nobody waits for one any more. */
    void answered() {
        current = null;
        if (unanswered > 0) {
            // Of pipelined requests, the average.
            unansweredBytes -= unansweredBytes / unanswered;
            unanswered--;
        }
        changed();
    }

    /** Whether the client has taken all that was written to it. */
    boolean allWritten() {
        return unwrittenBytes == 0;
    }

    /**
     * Runs {@code work} once {@link #allWritten}, for the next request: a client that sends many requests and reads no answer has
     * one answer made, and not many.
     */
    void onceAllWritten(Runnable work) {
        whenWritten = work;
    }

    /** Ends an answer. Its bytes count until the socket has taken them. */
    Future<Void> end(HttpServerResponse response, Buffer body) {
        int bytes = body.length() + RESPONSE_BYTES;
        unwrittenBytes += bytes;
        changed();
        return response.end(body).onComplete(ignored -> written(bytes));
    }

    private void written(int bytes) {
        unwrittenBytes -= bytes;
        if (unwrittenBytes == 0) {
            writeUntil = NEVER;
        }
        changed();
        if (ended) {
            close();
        } else if (unwrittenBytes == 0 && whenWritten != null) {
            Runnable work = whenWritten;
            whenWritten = null;
            work.run();
        }
    }

    // What the limits ask.

    /** Bytes of memory that its requests and answers take. */
    long heldBytes() {
        return ended || decoder == null ? 0 : unansweredBytes + decoder.heldBytes() + unwrittenBytes;
    }

    /** Whether the next step is the client's: to send the rest of a request, or to take an answer. */
    boolean waitsForClient() {
        return !ended && (receiveUntil != NEVER || writeUntil != NEVER);
    }

    /** Which deadline is over, for metrics; null while none is. */
    @Nullable
    String late(long now) {
        if (receiveUntil <= now) {
            return "receiving";
        }
        if (writeUntil <= now) {
            return "unread";
        }
        if (closeAt <= now) {
            return "memory";
        }
        return idleUntil <= now ? "idle" : null;
    }

    /** Sets the deadlines that begin or end with the state it is in now. */
    private void changed() {
        boolean receiving = decoder != null && decoder.receiving();
        if (!receiving) {
            receiveUntil = NEVER;
        } else if (receiveUntil == NEVER) {
            receiveUntil = limits.receiveDeadline();
        }
        if (unwrittenBytes > 0 && writeUntil == NEVER) {
            writeUntil = limits.idleDeadline();
        }
        if (unanswered > 0 || receiving || unwrittenBytes > 0) {
            idleUntil = NEVER;
        } else {
            unansweredBytes = 0;
            if (idleUntil == NEVER) {
                idleUntil = limits.idleDeadline();
            }
        }
        limits.changed(this);
    }

    /** Ends it to make room, with an answer when there is a request to answer. It counts no more. */
    void evict() {
        ended = true;
        RoutingContext context = current;
        if (context == null || unwrittenBytes > 0 || context.response().headWritten()) {
            close();
        } else {
            refuseForMemory(context);
        }
    }

    /** It is closed. */
    void forgotten() {
        ended = true;
    }

    /** Answers that there is no memory for this request; its connection ends with it. */
    void refuseForMemory(RoutingContext context) {
        ended = true;
        closeAt = limits.closeDeadline();
        context.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
        limits.refuseForMemory(context);
    }

    void close() {
        close(channel);
    }

    /**
     * Closes at once. {@code channel.close()} asks the handler of Vert.x first, which waits until the client has taken what was
     * written to it.
     */
    static void close(Channel channel) {
        ChannelHandlerContext first = channel.pipeline().firstContext();
        if (first != null) { // else it is closed already
            first.close();
        }
    }
}
