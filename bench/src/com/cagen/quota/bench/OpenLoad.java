package com.cagen.quota.bench;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Locale;

/**
 * An open loop: requests are due at a constant rate, whatever the answers do. A latency counts from the time at which its
 * request was due, not from when a connection was free to send it, so a service that stops for a second gets the waiting of
 * that second into its percentiles. wrk cannot do that: it sends the next request after the answer.
 *
 * <p>One thread, one selector, no pipelining. Requests that are due wait in the file until a connection is free; so what it
 * keeps in memory does not depend on how far the service falls behind.
 */
final class OpenLoad {
    private static final long GIVE_UP_NANOS = 10_000_000_000L;
    private static final int ANSWER_BYTES = 16_384;

    /**
     * What was measured.
     *
     * @param ownMicros CPU time of this generator for each request
     */
    record Result(LoadResult load, double ownMicros) {}

    private static final class Connection {
        final SocketChannel channel;
        final ByteBuffer answer = ByteBuffer.allocate(ANSWER_BYTES);
        long dueNanos;

        Connection(SocketChannel channel) {
            this.channel = channel;
        }
    }

    private final DataInputStream requests;
    private final ArrayDeque<Connection> free = new ArrayDeque<>();
    private final long[] latencies;
    private int answered;
    private long errors;

    private OpenLoad(DataInputStream requests, int count) {
        this.requests = requests;
        this.latencies = new long[count];
    }

    /**
     * Sends {@code perSecond * seconds} requests of {@code file}, which {@link HttpLoad#prepare} wrote. Those without an answer
     * 10 s after the last one was due count as errors.
     */
    static Result run(int port, Path file, int connections, int perSecond, int seconds) throws IOException {
        try (DataInputStream requests =
                        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 20));
                Selector selector = Selector.open()) {
            OpenLoad load = new OpenLoad(requests, perSecond * seconds);
            try {
                load.connect(selector, port, connections);
                return load.run(selector, perSecond);
            } finally {
                for (SelectionKey key : selector.keys()) {
                    key.channel().close();
                }
            }
        }
    }

    private void connect(Selector selector, int port, int connections) throws IOException {
        for (int i = 0; i < connections; i++) {
            SocketChannel channel = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            Connection connection = new Connection(channel);
            channel.register(selector, SelectionKey.OP_READ, connection);
            free.add(connection);
        }
    }

    private Result run(Selector selector, int perSecond) throws IOException {
        var threads = ManagementFactory.getThreadMXBean();
        long cpuBefore = threads.getCurrentThreadCpuTime();
        int count = latencies.length;
        int sent = 0;
        long start = System.nanoTime();
        long end = start + nanos(count, perSecond);
        long now = start;
        while (answered + errors < count && now < end + GIVE_UP_NANOS) {
            while (sent < count && start + nanos(sent, perSecond) <= now && !free.isEmpty()) {
                send(free.remove(), start + nanos(sent, perSecond));
                sent++;
            }
            // For 1 ms at most: a selector cannot wait for less. A request is sent so much too late at worst.
            selector.select(key -> receive((Connection) key.attachment()), 1);
            now = System.nanoTime();
        }
        long lost = count - answered - errors;
        double cpuMicros = (threads.getCurrentThreadCpuTime() - cpuBefore) / 1e3;
        if (answered == 0) {
            throw new IllegalStateException("no request was answered");
        }
        long[] sorted = Arrays.copyOf(latencies, answered);
        Arrays.sort(sorted);
        return new Result(
                new LoadResult(
                        answered / ((Math.max(now, end) - start) / 1e9),
                        sorted[answered / 2] / 1e6,
                        sorted[(int) (answered * 99L / 100)] / 1e6,
                        sorted[answered - 1] / 1e6,
                        answered,
                        errors + lost),
                cpuMicros / count);
    }

    /** When request {@code number} is due, after the start. */
    private static long nanos(int number, int perSecond) {
        return number * 1_000_000_000L / perSecond;
    }

    private void send(Connection connection, long dueNanos) throws IOException {
        byte[] length = requests.readNBytes(6);
        if (length.length < 6) {
            throw new IllegalStateException("the requests ran out");
        }
        ByteBuffer request =
                ByteBuffer.wrap(requests.readNBytes(Integer.parseInt(new String(length, StandardCharsets.US_ASCII))));
        connection.dueNanos = dueNanos;
        connection.channel.write(request);
        if (request.hasRemaining()) {
            throw new IllegalStateException("a request did not fit into the buffer of an idle connection");
        }
    }

    private void receive(Connection connection) {
        ByteBuffer answer = connection.answer;
        try {
            if (connection.channel.read(answer) < 0) {
                throw new IOException("closed");
            }
        } catch (IOException e) {
            // Its request counts as an error. An idle connection that ends has none.
            errors += free.remove(connection) ? 0 : 1;
            close(connection);
            return;
        }
        String text =
                StandardCharsets.ISO_8859_1.decode(answer.duplicate().flip()).toString();
        int body = text.indexOf("\r\n\r\n") + 4;
        if (body < 4 || answer.position() < body + contentLength(text.substring(0, body))) {
            if (!answer.hasRemaining()) {
                throw new IllegalStateException("an answer is larger than " + ANSWER_BYTES + " bytes");
            }
            return; // the rest is to come
        }
        if (text.startsWith("HTTP/1.1 2")) {
            latencies[answered++] = System.nanoTime() - connection.dueNanos;
        } else {
            errors++;
        }
        answer.clear();
        free.add(connection);
    }

    private static int contentLength(String head) {
        String name = "\r\ncontent-length: ";
        int at = head.toLowerCase(Locale.ROOT).indexOf(name);
        if (at < 0) {
            throw new IllegalStateException("an answer without a length: " + head);
        }
        int from = at + name.length();
        return Integer.parseInt(head, from, head.indexOf('\r', from), 10);
    }

    private static void close(Connection connection) {
        try {
            connection.channel.close();
        } catch (IOException e) {
            // it is of no use any more
        }
    }
}
