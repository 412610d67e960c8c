package com.cagen.quota.storage.embedded;

import com.cagen.quota.config.Settings;
import io.zonky.test.db.postgres.embedded.DefaultPostgresBinaryResolver;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The programs of PostgreSQL ({@code initdb}, {@code pg_ctl}, {@code postgres}), unpacked from the class path into a folder
 * that nobody else may write to.
 *
 * @param home has {@code bin/} in it
 */
record PostgresPrograms(Path home) {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresPrograms.class);
    private static final boolean WINDOWS =
            System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");
    private static final int EXECUTABLE_BY_OWNER = 0100;

    /**
     * Unpacks them, unless they are there. Removes those of other versions. Only for who holds the data folder's lock.
     *
     * @param folder is made with mode 0700
     * @throws IOException when somebody else may write to {@code folder}, or there are no programs for this platform
     */
    static PostgresPrograms unpack(Path folder) throws IOException {
        PrivateFolder.prepare(folder);
        byte[] archive = archive();
        Path home = folder.resolve(digest(archive));
        try (Stream<Path> found = Files.list(folder)) {
            for (Path other : found.filter(path -> !path.equals(home)).toList()) {
                deleteRecursively(other);
            }
        }
        if (!Files.exists(home)) {
            LOG.info("unpacking PostgreSQL into {}", home);
            Path unpacking = folder.resolve("unpacking");
            extract(archive, unpacking);
            Files.move(unpacking, home, StandardCopyOption.ATOMIC_MOVE); // only what is whole has that name
        }
        return new PostgresPrograms(home);
    }

    private static byte[] archive() throws IOException {
        String system = WINDOWS ? "Windows" : System.getProperty("os.name", "").startsWith("Mac") ? "Darwin" : "Linux";
        String architecture = System.getProperty("os.arch", "");
        try (InputStream resource = DefaultPostgresBinaryResolver.INSTANCE.getPgBinary(
                system, architecture.equals("amd64") ? "x86_64" : architecture)) {
            return resource.readAllBytes();
        } catch (IllegalStateException e) {
            throw new IOException("this jar has no PostgreSQL for " + system + " on " + architecture
                    + "; set DATABASE_URL, or build the jar on such a machine");
        }
    }

    private static String digest(byte[] archive) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(archive))
                    .substring(0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void extract(byte[] archive, Path target) throws IOException {
        try (TarArchiveInputStream entries =
                new TarArchiveInputStream(new XZCompressorInputStream(new ByteArrayInputStream(archive)))) {
            for (TarArchiveEntry entry = entries.getNextEntry(); entry != null; entry = entries.getNextEntry()) {
                Path path = target.resolve(entry.getName()).normalize();
                if (!path.startsWith(target)) {
                    throw new IOException("the archive of PostgreSQL names a file outside: " + entry.getName());
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                    continue;
                }
                Files.createDirectories(Objects.requireNonNull(path.getParent()));
                if (entry.isSymbolicLink() || entry.isLink()) {
                    Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
                } else {
                    Files.copy(entries, path);
                    if ((entry.getMode() & EXECUTABLE_BY_OWNER) != 0
                            && !path.toFile().setExecutable(true)) {
                        throw new IOException("cannot make " + path + " executable");
                    }
                }
            }
        }
    }

    static void deleteRecursively(Path root) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : all) {
            Files.delete(each);
        }
    }

    /**
     * Runs a program and waits for its end.
     *
     * @param log what it prints is appended to it, and what a server prints that it leaves running
     * @return its exit status
     */
    int run(String program, List<String> arguments, Path log) throws IOException {
        List<String> command = new ArrayList<>();
        if (LinuxUtils.isUnshareAvailable()) {
            command.addAll(List.of("unshare", "-U")); // PostgreSQL refuses to run as root
        }
        command.add(home.resolve("bin")
                .resolve(WINDOWS ? program + ".exe" : program)
                .toString());
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().keySet().removeAll(Settings.NAMES); // it needs none of the service's secrets
        try {
            return builder.start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while running " + program, e);
        }
    }
}
