package com.cagen.quota.storage;

import com.cagen.quota.config.Secret;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real PostgreSQL from embedded binaries, on loopback, as durable as a server. Its files stay under the data folder. It
 * trusts whoever can reach loopback: for development and small single-machine use.
 */
public final class EmbeddedDatabase implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);
    private static final long STOP_SECONDS = 30;

    private final EmbeddedPostgres postgres;
    private final FileChannel lockFile;

    private EmbeddedDatabase(EmbeddedPostgres postgres, FileChannel lockFile) {
        this.postgres = postgres;
        this.lockFile = lockFile;
    }

    /**
     * Starts it, first ending a server that an earlier, killed process left behind on the same files. Blocks for seconds.
     *
     * @throws IOException when it cannot start, or another process uses the folder: the message says which
     */
    public static EmbeddedDatabase start(Path dataDir) throws IOException {
        Files.createDirectories(dataDir);
        FileChannel lockFile =
                FileChannel.open(dataDir.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!lock(lockFile)) {
            lockFile.close();
            throw new IOException("another quota service is running on the data folder " + dataDir.toAbsolutePath()
                    + "; stop it, or give another DATA_DIR");
        }
        Path files = dataDir.toAbsolutePath().resolve("postgres");
        endOrphan(files);
        EmbeddedPostgres postgres = EmbeddedPostgres.builder()
                .setDataDirectory(files)
                .setCleanDataDirectory(false)
                .setRegisterShutdownHook(false)
                .setPGStartupWait(Duration.ofSeconds(60))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("max_wal_size", "2GB")
                .setServerConfig("listen_addresses", "127.0.0.1")
                .start();
        return new EmbeddedDatabase(postgres, lockFile);
    }

    private static boolean lock(FileChannel lockFile) throws IOException {
        try {
            FileLock lock = lockFile.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /** The first line of {@code postmaster.pid} is the process, the second its data directory: both must fit. */
    private static void endOrphan(Path files) throws IOException {
        Path pidFile = files.resolve("postmaster.pid");
        if (!Files.exists(pidFile)) {
            return;
        }
        List<String> lines = Files.readAllLines(pidFile);
        Optional<ProcessHandle> process =
                lines.size() < 2 || !Path.of(lines.get(1).strip()).equals(files)
                        ? Optional.empty()
                        : ProcessHandle.of(Long.parseLong(lines.get(0).strip()));
        boolean postmaster = process.flatMap(p -> p.info().command())
                .filter(command -> command.endsWith("postgres"))
                .isPresent();
        if (process.isPresent() && postmaster) {
            LOG.warn(
                    "ending the PostgreSQL that an earlier process left behind (pid {})",
                    process.get().pid());
            process.get().destroy();
            try {
                process.get().onExit().get(STOP_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException e) {
                throw new IOException(
                        "the PostgreSQL left behind does not end; pid "
                                + process.get().pid(),
                        e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
        Files.deleteIfExists(pidFile);
    }

    public DatabaseUrl url() {
        return new DatabaseUrl(
                "127.0.0.1", postgres.getPort(), "postgres", "postgres", new Secret("postgres"), "disable", null);
    }

    @Override
    public void close() throws IOException {
        postgres.close();
        lockFile.close();
    }
}
