package com.cagen.quota.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The PostgreSQL server that works on a data directory, found through the {@code postmaster.pid} it keeps there. */
record Postmaster(ProcessHandle process) {

    /** The server that works on {@code files} right now; empty when none does. */
    static Optional<Postmaster> of(Path files) throws IOException {
        return recorded(files)
                .filter(process ->
                        process.info().command().map(Postmaster::isPostgres).orElse(false))
                .map(Postmaster::new);
    }

    /**
     * Removes a record whose number belongs to some other program by now, as happens in containers: PostgreSQL would take it
     * for a server and not start. In every other case PostgreSQL judges better than we could.
     */
    static void forgetStranger(Path files) throws IOException {
        boolean stranger = recorded(files)
                .flatMap(process -> process.info().command())
                .filter(command -> !isPostgres(command))
                .isPresent();
        if (stranger) {
            Files.deleteIfExists(files.resolve("postmaster.pid"));
        }
    }

    /** The living process that the record for this very directory names, whatever it is. */
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

    long pid() {
        return process.pid();
    }

    /**
     * A fast shutdown: sessions are cut, what was committed is kept.
     *
     * @throws IOException when it is still there after {@code timeout}
     */
    void stop(Duration timeout) throws IOException {
        boolean unix = Files.isExecutable(Path.of("/bin/sh"));
        if (unix) {
            // SIGINT; Java itself can only send SIGTERM, on which PostgreSQL waits for its sessions to end.
            new ProcessBuilder("/bin/sh", "-c", "kill -INT " + pid()).start();
        } else {
            process.destroy();
        }
        awaitEnd(timeout);
    }

    /** @throws IOException when it is still there after {@code timeout} */
    void awaitEnd(Duration timeout) throws IOException {
        try {
            process.onExit().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the PostgreSQL with pid " + pid() + " does not end", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
