package com.cagen.quota.storage;

import com.cagen.quota.config.Secret;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real PostgreSQL from embedded binaries, on loopback under a password of its own, as durable as a server. For development
 * and small single-machine use.
 *
 * <p>In the data folder: {@code lock} (held while a service runs on it), {@code postgres/} (the database's files), {@code
 * postgres.password} (for the owner's eyes only). The password file gets its name only after the first successful start, so
 * a first start that was interrupted is recognised and begun anew.
 */
public final class EmbeddedDatabase implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(60);

    private final EmbeddedPostgres postgres;
    private final Secret password;
    private final Path files;
    private final FileChannel lockFile;

    private EmbeddedDatabase(EmbeddedPostgres postgres, Secret password, Path files, FileChannel lockFile) {
        this.postgres = postgres;
        this.password = password;
        this.files = files;
        this.lockFile = lockFile;
    }

    /**
     * Starts it, first ending a server that an earlier, killed process left behind on the same files. Blocks for seconds.
     *
     * @throws IOException when it cannot start, or another process uses the folder: the message says which
     */
    public static EmbeddedDatabase start(Path dataDir) throws IOException {
        Path folder = dataDir.toAbsolutePath().normalize();
        Files.createDirectories(folder);
        FileChannel lockFile =
                FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (!lock(lockFile)) {
                throw new IOException("another quota service is running on the data folder " + folder
                        + "; stop it, or give another DATA_DIR");
            }
            return start(folder, lockFile);
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

    private static EmbeddedDatabase start(Path folder, FileChannel lockFile) throws IOException {
        Path files = folder.resolve("postgres");
        Optional<Postmaster> orphan = Postmaster.of(files);
        if (orphan.isPresent()) {
            LOG.warn(
                    "ending the PostgreSQL that a killed service left behind (pid {})",
                    orphan.get().pid());
            orphan.get().stop(STOP_TIMEOUT);
        }
        Postmaster.forgetStranger(files);
        try {
            return startOn(files, folder, lockFile);
        } catch (IOException | RuntimeException e) {
            Optional<Postmaster> halfStarted = Postmaster.of(files);
            if (halfStarted.isPresent()) {
                halfStarted.get().stop(STOP_TIMEOUT);
            }
            throw e;
        }
    }

    private static EmbeddedDatabase startOn(Path files, Path folder, FileChannel lockFile) throws IOException {
        Path kept = folder.resolve("postgres.password");
        Path made = folder.resolve("postgres.password.new");
        boolean first = !Files.exists(kept);
        if (first) {
            prepareFirstStart(files, made);
        }
        Secret password = new Secret(Files.readString(first ? made : kept).strip());
        EmbeddedPostgres postgres = EmbeddedPostgres.builder()
                .setDataDirectory(files)
                .setCleanDataDirectory(false)
                .setRegisterShutdownHook(false) // the service's own hook closes it, after everything else
                .setPGStartupWait(START_TIMEOUT)
                // Become options of initdb: whoever reaches loopback still needs the password, from the first moment
                // on.
                .setLocaleConfig("auth", "scram-sha-256")
                .setLocaleConfig("pwfile", made.toString())
                .setConnectConfig("password", password.reveal())
                // The library's default is a throw-away database: fsync and synchronous_commit off.
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("max_wal_size", "2GB")
                // Files of WAL are kept and overwritten: making one holds up every COMMIT for 50 ms.
                .setServerConfig("min_wal_size", "1GB")
                .setServerConfig("listen_addresses", "127.0.0.1")
                .setServerConfig("unix_socket_directories", "")
                .start();
        if (first) {
            Files.move(made, kept);
        }
        return new EmbeddedDatabase(postgres, password, files, lockFile);
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
            deleteRecursively(files);
        }
        Files.deleteIfExists(made);
        byte[] random = new byte[24];
        new SecureRandom().nextBytes(random);
        if (made.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.createFile(made, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        Files.writeString(made, Base64.getUrlEncoder().encodeToString(random) + "\n");
    }

    private static void deleteRecursively(Path root) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : all) {
            Files.delete(each);
        }
    }

    /** For its owner, a superuser: migrations need no less. */
    public DatabaseUrl url() {
        return new DatabaseUrl("127.0.0.1", postgres.getPort(), "postgres", "postgres", password, "disable", null);
    }

    /** Stops it, waiting for its last checkpoint, and gives the folder free. To be called last. */
    @Override
    public void close() throws IOException {
        try {
            Optional<Postmaster> postmaster = Postmaster.of(files);
            postgres.close();
            if (postmaster.isPresent()) {
                postmaster
                        .get()
                        .awaitEnd(STOP_TIMEOUT); // the library waits five seconds, which a checkpoint may outlast
            }
        } finally {
            lockFile.close();
        }
    }
}
