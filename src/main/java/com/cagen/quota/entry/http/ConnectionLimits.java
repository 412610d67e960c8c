package com.cagen.quota.entry.http;

import com.cagen.quota.protocol.ErrorCode;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Bounds what clients can make one event loop hold, whether they have credentials or not: connections, bytes of requests that
 * are not answered and of answers that are not read, and the time that either may take.
 *
 * <p>When the bytes are used up, the connection that has kept this process waiting longest is closed: an honest client sends a
 * request, and reads its answer, within milliseconds. Only when no connection waits for its client is a new request refused.
 */
final class ConnectionLimits implements ClientConnection.Limits {
    private static final long SWEEP_MILLIS = 100;
    /** What a last answer may take before its connection is closed anyway. */
    private static final long CLOSE_MILLIS = 1_000;

    private final HttpServerOptions options;
    private final MeterRegistry metrics;
    private final int maxConnections;
    private final long maxBytes;
    private final long receiveNanos;
    private final long idleNanos;
    private final long startNanos = System.nanoTime();

    private final IdentityHashMap<HttpConnection, ClientConnection> open = new IdentityHashMap<>();
    /** Those that wait for their clients, in the order in which they began to. */
    private final Set<ClientConnection> waiting = new LinkedHashSet<>();

    private long heldBytes;

    /**
     * @param maxConnections more are closed at once
     * @param maxBytes of all connections together
     * @param receiveMillis from the first byte of a request to its last one
     * @param idleMillis from the end of one request to the first byte of the next, and for reading an answer
     */
    ConnectionLimits(
            HttpServerOptions options,
            MeterRegistry metrics,
            int maxConnections,
            long maxBytes,
            long receiveMillis,
            long idleMillis) {
        this.options = options;
        this.metrics = metrics;
        this.maxConnections = maxConnections;
        this.maxBytes = maxBytes;
        this.receiveNanos = TimeUnit.MILLISECONDS.toNanos(receiveMillis);
        this.idleNanos = TimeUnit.MILLISECONDS.toNanos(idleMillis);
    }

    void start(Vertx vertx) {
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> closeLate());
    }

    /** To be called for each connection before anything is read from it. */
    void accept(HttpConnection connection) {
        Channel channel = ((ConnectionBase) connection).channel();
        if (open.size() >= maxConnections) {
            closed("too_many");
            ClientConnection.close(channel);
            return;
        }
        ClientConnection client = new ClientConnection(this, channel);
        MeteredRequestDecoder decoder = new MeteredRequestDecoder(options, client);
        channel.pipeline().replace("httpDecoder", "httpDecoder", decoder);
        open.put(connection, client);
        connection.closeHandler(ignored -> forget(connection, client));
        client.start(decoder);
    }

    private void forget(HttpConnection connection, ClientConnection client) {
        open.remove(connection);
        waiting.remove(client);
        heldBytes -= client.countedBytes;
        client.countedBytes = 0;
        client.forgotten();
    }

    ClientConnection of(HttpConnection connection) {
        return Objects.requireNonNull(open.get(connection), "the connection was not accepted");
    }

    /** Whether there is no room for another request. */
    boolean full() {
        return heldBytes > maxBytes;
    }

    /** Counts a connection anew, and makes room if there is too much. */
    @Override
    public void changed(ClientConnection client) {
        count(client);
        if (client.waitsForClient()) {
            waiting.add(client);
        } else {
            waiting.remove(client);
        }
        while (full() && !waiting.isEmpty()) {
            ClientConnection oldest = waiting.iterator().next();
            waiting.remove(oldest);
            closed("memory");
            oldest.evict();
            count(oldest);
        }
    }

    private void count(ClientConnection client) {
        long bytes = client.heldBytes();
        heldBytes += bytes - client.countedBytes;
        client.countedBytes = bytes;
    }

    private void closeLate() {
        long now = now();
        for (ClientConnection client : List.copyOf(open.values())) {
            String reason = client.late(now);
            if (reason != null) {
                closed(reason);
                client.close();
            }
        }
    }

    private void closed(String reason) {
        Counter.builder("cagen.quota.http.connections.closed")
                .description("Connections that were closed because of a limit")
                .tag("reason", reason)
                .register(metrics)
                .increment();
    }

    /** Nanoseconds since this began: never negative, never {@link Long#MAX_VALUE}. */
    private long now() {
        return System.nanoTime() - startNanos;
    }

    @Override
    public long receiveDeadline() {
        return now() + receiveNanos;
    }

    @Override
    public long idleDeadline() {
        return now() + idleNanos;
    }

    @Override
    public long closeDeadline() {
        return now() + TimeUnit.MILLISECONDS.toNanos(CLOSE_MILLIS);
    }

    @Override
    public void refuseForMemory(RoutingContext context) {
        HttpAnswers.refuse(
                context, ErrorCode.OVERLOADED, "Too many requests and answers are on their way at once; try again.");
    }
}
