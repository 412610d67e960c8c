package com.cagen.quota.testing;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/** Stands between the service and PostgreSQL, and loses the connection at the COMMIT of a transaction that the test chose. */
public final class CommitLossProxy implements AutoCloseable {
    /** What becomes of the chosen COMMIT; the service never gets its answer. */
    public enum Fate {
        /** It is carried out. */
        DONE,
        /** It never arrives. */
        LOST,
        /** It arrives when {@link #release} is called. */
        LATE
    }

    private record Plan(String marker, Fate fate) {}

    private static final String COMMIT = "COMMIT\0";

    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final URI database;
    private final AtomicReference<Plan> plan = new AtomicReference<>();
    private final CountDownLatch released = new CountDownLatch(1);
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private volatile boolean refusing;

    /** @param databaseUrl where connections go on to */
    public CommitLossProxy(String databaseUrl) throws IOException {
        this.database = URI.create(databaseUrl);
        daemon(() -> {
            while (true) {
                Socket client = listener.accept();
                sockets.add(client);
                if (refusing) {
                    client.close();
                    continue;
                }
                Socket server = new Socket(database.getHost(), database.getPort());
                // Or small messages wait 40 ms for an acknowledgement, which no direct connection does.
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                daemon(() -> {
                    server.getInputStream().transferTo(client.getOutputStream());
                    client.close();
                });
                daemon(() -> forward(client, server));
            }
        });
    }

    /** The database's URL by way of this. */
    public String url() {
        return "postgresql://" + database.getUserInfo() + "@127.0.0.1:" + listener.getLocalPort() + database.getPath();
    }

    /** Chooses the next transaction in which {@code marker} is sent. */
    public void choose(String marker, Fate fate) {
        plan.set(new Plan(marker, fate));
    }

    public void release() {
        released.countDown();
    }

    /** Cuts every connection, and lets nobody through until told otherwise: as if the service's machine were gone. */
    public void refuse(boolean refuse) {
        refusing = refuse;
        if (refuse) {
            sockets.forEach(CommitLossProxy::close);
            sockets.clear();
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void forward(Socket client, Socket server) throws IOException {
        OutputStream out = server.getOutputStream();
        byte[] buffer = new byte[64 * 1024];
        StringBuilder sent = new StringBuilder();
        for (int n = client.getInputStream().read(buffer);
                n >= 0;
                n = client.getInputStream().read(buffer)) {
            sent.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
            Plan current = plan.get();
            boolean commits = sent.indexOf(COMMIT) >= 0;
            if (current != null
                    && commits
                    && sent.indexOf(current.marker()) >= 0
                    && plan.compareAndSet(current, null)) {
                client.close();
                finish(current.fate(), server, out, buffer, n);
                return;
            }
            if (commits) {
                sent.setLength(0);
            }
            out.write(buffer, 0, n);
        }
        server.close();
        client.close();
    }

    private void finish(Fate fate, Socket server, OutputStream out, byte[] last, int length) throws IOException {
        if (fate == Fate.LATE) {
            try {
                released.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        if (fate != Fate.LOST) {
            out.write(last, 0, length);
            server.shutdownOutput(); // after what was sent: PostgreSQL carries it out before it sees the end
        } else {
            server.close();
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // one of the two ends is gone
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
