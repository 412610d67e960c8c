package com.cagen.quota.testing;

import com.cagen.quota.storage.embedded.EmbeddedDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * A data folder as the first start of an embedded PostgreSQL leaves it after its end: programs unpacked, files initialised.
 * A copy of it takes a tenth of the time that a first start takes. For tests that show something else than a first start.
 */
public final class PreparedDataFolder {
    private static @Nullable Path original;

    private PreparedDataFolder() {}

    /**
     * Makes {@code folder} such a data folder.
     *
     * @param folder empty, or not there yet
     */
    public static void copyTo(Path folder) throws IOException {
        Path source = original();
        Files.createDirectories(folder);
        Files.walkFileTree(source, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes) throws IOException {
                return each.equals(source) ? FileVisitResult.CONTINUE : copy(each);
            }

            @Override
            public FileVisitResult visitFile(Path each, BasicFileAttributes attributes) throws IOException {
                return copy(each);
            }

            private FileVisitResult copy(Path each) throws IOException {
                Files.copy(
                        each,
                        folder.resolve(source.relativize(each)),
                        StandardCopyOption.COPY_ATTRIBUTES,
                        LinkOption.NOFOLLOW_LINKS);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Made once for all tests of a JVM, and removed with it. */
    private static synchronized Path original() throws IOException {
        if (original == null) {
            Path made = Files.createTempDirectory("quota-prepared-data");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(made)));
            EmbeddedDatabase.start(made).close();
            original = made;
        }
        return original;
    }

    private static void delete(Path folder) {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path each, BasicFileAttributes attributes) throws IOException {
                    Files.delete(each);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path each, @Nullable IOException failure) throws IOException {
                    Files.delete(each);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
