package com.cagen.quota.audit;

import com.cagen.quota.config.SigningKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The file that signed checkpoints are appended to. It is opened anew each time, so whoever moves it away finds a new one in
 * its place. Blocks.
 */
final class CheckpointFile {
    /** More than a few of the longest lines. */
    private static final int TAIL_BYTES = 64 * 1024;

    private final Path path;
    private final SigningKey key;

    CheckpointFile(Path path, SigningKey key) {
        this.path = path;
        this.key = key;
    }

    /** Whether there is nothing in it yet, or no file. */
    boolean isEmpty() throws IOException {
        return !Files.exists(path) || Files.size(path) == 0;
    }

    /** Appends lines, on disk when it returns. A lock keeps other processes out. */
    void append(List<Checkpoint> checkpoints) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        try (FileChannel channel = FileChannel.open(
                        path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                FileLock ignored = channel.lock()) {
            String tail = tail(channel);
            // What a power cut left of a line ends here, and is passed over when read.
            StringBuilder text = new StringBuilder(tail.isEmpty() || tail.endsWith("\n") ? "" : "\n");
            String previous = lastSeal(tail);
            for (Checkpoint checkpoint : checkpoints) {
                String line = checkpoint.sign(key, previous);
                text.append(line).append('\n');
                previous = Objects.requireNonNull(new Checkpoint.Line(line).seal());
            }
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(text.toString());
            long position = channel.size();
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
            channel.force(true);
        }
    }

    private static String tail(FileChannel channel) throws IOException {
        long from = Math.max(0, channel.size() - TAIL_BYTES);
        ByteBuffer bytes = ByteBuffer.allocate((int) (channel.size() - from));
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, from + bytes.position()) < 0) {
                break;
            }
        }
        return StandardCharsets.UTF_8.decode(bytes.flip()).toString();
    }

    private static String lastSeal(String tail) {
        String[] lines = tail.split("\n", -1);
        for (int i = lines.length - 1; i >= 0; i--) {
            @Nullable String seal = new Checkpoint.Line(lines[i]).seal();
            if (seal != null) {
                return seal;
            }
        }
        return Checkpoint.FIRST;
    }
}
