package com.cagen.quota.storage.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The PostgreSQL server that works on a data directory, found through the {@code postmaster.pid} it keeps there. */
record Postmaster(ProcessHandle process) {
    private static final long POLL_MILLIS = 20;

    /** The server that works on {@code files} right now; empty when none does. */
    static Optional<Postmaster> of(Path files) throws IOException {
        return recorded(files)
                .filter(process -> !isZombie(process))
                .filter(process ->
                        process.info().command().map(Postmaster::isPostgres).orElse(false))
                .map(Postmaster::new);
    }

    /**
     * Removes a record whose process is a zombie, or some other program that got the number later, as happens in containers.
     * PostgreSQL would take either for a running server and not start. In every other case PostgreSQL judges better than we
     * could. It still refuses to start while processes of the old server use its shared memory.
     */
    static void removeStaleRecord(Path files) throws IOException {
        boolean stale = recorded(files)
                .filter(process -> isZombie(process)
                        || process.info()
                                .command()
                                .filter(command -> !isPostgres(command))
                                .isPresent())
                .isPresent();
        if (stale) {
            Files.deleteIfExists(files.resolve("postmaster.pid"));
        }
    }

    /** The process that the record for this very directory names, whatever it is; empty when there is no such process. */
    private static Optional<ProcessHandle> recorded(Path files) throws IOException {
        Path pidFile = files.resolve("postmaster.pid");
        if (!Files.exists(pidFile)) {
            return Optional.empty();
        }
        // pid, data directory, start time, port, …: a line each.
        List<String> lines = Files.readAllLines(pidFile);
        if (lines.size() < 2) {
            return Optional.empty();
        }
        Path directory = Path.of(lines.get(1).strip());
        if (!Files.exists(directory) || !Files.isSameFile(directory, files)) {
            return Optional.empty();
        }
        return ProcessHandle.of(Long.parseLong(lines.get(0).strip())).filter(ProcessHandle::isAlive);
    }

    private static boolean isPostgres(String command) {
        String name = Path.of(command).getFileName().toString();
        return name.equals("postgres") || name.equals("postgres.exe");
    }

    /**
     * Whether it has ended, and its parent has not asked for its exit status. Java calls such a process alive. Where no init
     * process reaps orphans, as in many containers, it stays until the container ends. Known on Linux only.
     */
    private static boolean isZombie(ProcessHandle process) {
        try {
            String stat = Files.readString(
                    Path.of("/proc", Long.toString(process.pid()), "stat"), StandardCharsets.ISO_8859_1);
            // "pid (name) state …"; the name may have parentheses in it.
            return stat.startsWith(" Z", stat.lastIndexOf(')') + 1);
        } catch (IOException e) {
            return false; // gone meanwhile, or another system
        }
    }

    long pid() {
        return process.pid();
    }

    boolean isRunning() {
        return process.isAlive() && !isZombie(process);
    }

    /** @throws IOException when it is still there after {@code timeout} */
    void awaitEnd(Duration timeout) throws IOException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (isRunning()) {
            if (System.nanoTime() > deadline) {
                throw new IOException("the PostgreSQL with pid " + pid() + " does not end");
            }
            try {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
    }
}
