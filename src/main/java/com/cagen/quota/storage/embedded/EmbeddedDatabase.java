package com.cagen.quota.storage.embedded;

import com.cagen.quota.config.Secret;
import com.cagen.quota.storage.sql.DatabaseUrl;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real PostgreSQL from embedded binaries, on loopback under a password of its own, as durable as a server. For development
 * and small single-machine use. When the server ends without having been asked to, it is started again, on the same port and
 * with the same password, so that pools of connections find it.
 *
 * <p>In the data folder: {@code lock} (held while a service runs on it), {@code postgres/} (the database's files), {@code
 * postgres-binaries/} (the programs), {@code postgres.log}, {@code postgres.password} (for the owner's eyes only). The
 * password file gets its name only after the first successful start, so a first start that was interrupted is recognised and
 * begun anew.
 */
public final class EmbeddedDatabase implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);
    private static final int MAX_FAILURES_IN_A_ROW = 3;
    private static final Duration PAUSE_AFTER_FAILURE = Duration.ofMillis(500);
    /** A server that ends this soon after its start counts as one that did not start. */
    private static final Duration EARLY_END = Duration.ofSeconds(2);

    private static final Duration WATCH_INTERVAL = Duration.ofMillis(50);
    private static final Duration LOG_CHECK_INTERVAL = Duration.ofSeconds(10);

    private final PostgresServer server;
    private final Secret password;
    private final FileChannel lockFile;
    private final Consumer<IOException> onLost;
    /** Held while the server is being started or stopped. */
    private final ReentrantLock turn = new ReentrantLock();

    private volatile boolean closing;

    private EmbeddedDatabase(
            PostgresServer server, Secret password, FileChannel lockFile, Consumer<IOException> onLost) {
        this.server = server;
        this.password = password;
        this.lockFile = lockFile;
        this.onLost = onLost;
    }

    /** As {@link #start(Path, Consumer)}, for commands: they fail by themselves when they lose the database. */
    public static EmbeddedDatabase start(Path dataDir) throws IOException {
        return start(dataDir, lost -> {});
    }

    /**
     * Starts it, first ending a server that an earlier, killed process left behind on the same files. Blocks for seconds.
     *
     * @param onLost is told when the server has ended and three attempts to start it again have failed; the message has the
     *     last lines that PostgreSQL printed. Called on a thread that may block
     * @throws IOException when it cannot start, another process uses the folder, or somebody else could change what is in it:
     *     the message says which, and has the last lines that PostgreSQL printed
     */
    public static EmbeddedDatabase start(Path dataDir, Consumer<IOException> onLost) throws IOException {
        Path folder = dataDir.toAbsolutePath().normalize();
        PrivateFolder.prepareData(folder);
        FileChannel lockFile =
                FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (!lock(lockFile)) {
                throw new IOException("another quota service is running on the data folder " + folder
                        + "; stop it, or give another DATA_DIR");
            }
            return start(folder, lockFile, onLost);
        } catch (IOException | RuntimeException e) {
            lockFile.close();
            throw e;
        }
    }

    private static boolean lock(FileChannel lockFile) throws IOException {
        try {
            return lockFile.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false; // this very process holds it
        }
    }

    private static EmbeddedDatabase start(Path folder, FileChannel lockFile, Consumer<IOException> onLost)
            throws IOException {
        PostgresLog log = new PostgresLog(folder.resolve("postgres.log"));
        log.prepare();
        PostgresServer server = new PostgresServer(
                PostgresPrograms.unpack(folder.resolve("postgres-binaries")),
                folder.resolve("postgres"),
                log,
                freePort());
        Optional<Postmaster> orphan = Postmaster.of(server.files());
        if (orphan.isPresent()) {
            LOG.warn(
                    "ending the PostgreSQL that a killed service left behind (pid {})",
                    orphan.get().pid());
            server.stop(orphan.get());
        }
        Path kept = folder.resolve("postgres.password");
        Path made = folder.resolve("postgres.password.new");
        boolean first = !Files.exists(kept);
        if (first) {
            prepareFirstStart(server.files(), made);
            server.initialize(made);
        }
        Secret password = new Secret(Files.readString(first ? made : kept).strip());
        Postmaster postmaster = server.start();
        if (first) {
            Files.move(made, kept);
        }
        EmbeddedDatabase database = new EmbeddedDatabase(server, password, lockFile, onLost);
        Thread watch = new Thread(() -> database.watch(postmaster), "embedded PostgreSQL");
        watch.setDaemon(true);
        watch.start();
        return database;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** A password for initdb, and no half-made files in its way. */
    private static void prepareFirstStart(Path files, Path made) throws IOException {
        if (Files.exists(files) && !Files.exists(made)) {
            throw new IOException(
                    "there is a database in " + files + " but its password in postgres.password beside it is"
                            + " gone; put it back, or move the folder away to start with an empty one");
        }
        if (Files.exists(files)) {
            LOG.warn("the first start on {} was interrupted; beginning anew", files);
            PostgresPrograms.deleteRecursively(files);
        }
        Files.deleteIfExists(made);
        byte[] random = new byte[24];
        new SecureRandom().nextBytes(random);
        PrivateFolder.createFile(made);
        Files.writeString(made, Base64.getUrlEncoder().encodeToString(random) + "\n");
    }

    /** Starts the server again whenever it has ended by itself, until {@link #close} or three failures in a row. */
    private void watch(Postmaster first) {
        Postmaster running = first;
        while (running != null && awaitEnd(running)) {
            LOG.warn("the embedded PostgreSQL (pid {}) has ended; starting it again", running.pid());
            running = startAgain();
        }
    }

    /**
     * Looks at the server again and again: it is no child of this process, whose end the system would report.
     *
     * @return whether it has ended by itself
     */
    private boolean awaitEnd(Postmaster running) {
        long logChecked = System.nanoTime();
        while (!closing && running.isRunning()) {
            LockSupport.parkNanos(WATCH_INTERVAL.toNanos());
            if (System.nanoTime() - logChecked > LOG_CHECK_INTERVAL.toNanos()) {
                logChecked = System.nanoTime();
                server.log().boundQuietly();
            }
        }
        return !closing;
    }

    /** The new server; null when this is being closed, or it does not start. */
    private @Nullable Postmaster startAgain() {
        long begin = System.nanoTime();
        IOException last = null;
        for (int failures = 0; failures < MAX_FAILURES_IN_A_ROW; failures++) {
            try {
                Postmaster started = startInTurn();
                if (started == null) {
                    return null;
                }
                LOG.info(
                        "the embedded PostgreSQL takes connections again after {} ms",
                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
                if (outlives(started, EARLY_END)) {
                    return started;
                }
                last = server.failed("ends soon after its start", 0);
            } catch (IOException | RuntimeException e) {
                last = e instanceof IOException io ? io : new IOException(e);
            }
            LOG.error("attempt {} of {}: {}", failures + 1, MAX_FAILURES_IN_A_ROW, last.getMessage());
            LockSupport.parkNanos(PAUSE_AFTER_FAILURE.toNanos());
        }
        if (last != null && !closing) {
            onLost.accept(last);
        }
        return null;
    }

    private @Nullable Postmaster startInTurn() throws IOException {
        turn.lock();
        try {
            return closing ? null : server.start();
        } finally {
            turn.unlock();
        }
    }

    private boolean outlives(Postmaster started, Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < end && started.isRunning()) {
            LockSupport.parkNanos(WATCH_INTERVAL.toNanos());
        }
        return closing || started.isRunning();
    }

    /** For its owner, a superuser: migrations need no less. */
    public DatabaseUrl url() {
        return new DatabaseUrl("127.0.0.1", server.port(), "postgres", "postgres", password, "disable", null);
    }

    /** Stops it, waiting for its last checkpoint, and gives the folder free. To be called last. */
    @Override
    public void close() throws IOException {
        closing = true;
        turn.lock(); // a start that is under way comes to its end first
        try {
            Optional<Postmaster> postmaster = Postmaster.of(server.files());
            if (postmaster.isPresent()) {
                server.stop(postmaster.get());
            }
        } finally {
            turn.unlock();
            lockFile.close();
        }
    }
}
