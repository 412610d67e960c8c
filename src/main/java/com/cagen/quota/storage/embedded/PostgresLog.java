package com.cagen.quota.storage.embedded;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the embedded PostgreSQL prints. When the file has grown too large, its content goes to a second one with {@code .1}
 * at the end, whose content is lost. So both are bounded.
 */
record PostgresLog(Path file) {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresLog.class);
    private static final long MAX_BYTES = 8 << 20;
    private static final int LAST_LINES_BYTES = 4_096;
    private static final int LAST_LINES = 20;

    /** Makes the file, for its owner's eyes only, unless it is there. */
    void prepare() throws IOException {
        if (!Files.exists(file)) {
            PrivateFolder.createFile(file);
        }
        bound();
    }

    /** Empties the file when it is too large. The server that writes to it goes on at its start. */
    void bound() throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            Files.copy(
                    file,
                    file.resolveSibling(file.getFileName() + ".1"),
                    StandardCopyOption.REPLACE_EXISTING,
                    StandardCopyOption.COPY_ATTRIBUTES);
            FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
                    .close();
        }
    }

    /** As {@link #bound}, for a server that runs: when it cannot be done now, it is tried again later. */
    void boundQuietly() {
        try {
            bound();
        } catch (IOException e) {
            LOG.warn("{} cannot be emptied: {}", file, e.getMessage());
        }
    }

    /** In bytes. */
    long size() throws IOException {
        return Files.size(file);
    }

    /** The last lines that were written after {@code start}, an earlier {@link #size}. */
    String lastLines(long start) throws IOException {
        try (RandomAccessFile reader = new RandomAccessFile(file.toFile(), "r")) {
            long from = Math.max(Math.min(start, reader.length()), reader.length() - LAST_LINES_BYTES);
            byte[] bytes = new byte[(int) (reader.length() - from)];
            reader.seek(from);
            reader.readFully(bytes);
            List<String> lines =
                    new String(bytes, StandardCharsets.UTF_8).strip().lines().toList();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
        }
    }
}
