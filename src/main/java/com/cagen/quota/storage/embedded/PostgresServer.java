package com.cagen.quota.storage.embedded;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A PostgreSQL server on loopback: its data directory, and how it is made, started and stopped.
 *
 * @param files the data directory
 * @param port of 127.0.0.1, free while the server does not run
 */
record PostgresServer(PostgresPrograms programs, Path files, PostgresLog log, int port) {
    /** Replaying the WAL after a crash may take minutes. A server that ends meanwhile is noticed at once. */
    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);

    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(60);
    /** Processes of a server that was killed keep its shared memory in use until they have noticed. */
    private static final String LEFTOVER_PROCESSES = "pre-existing shared memory block";

    private static final Duration LEFTOVER_TIMEOUT = Duration.ofSeconds(30);
    private static final long LEFTOVER_POLL_MILLIS = 200;

    private static final Map<String, String> SETTINGS = Map.of(
            "timezone",
            "UTC",
            "max_connections",
            "300",
            "max_wal_size",
            "2GB",
            // Files of WAL are kept and overwritten: making one holds up every COMMIT for 50 ms.
            "min_wal_size",
            "1GB",
            "listen_addresses",
            "127.0.0.1",
            // No socket in a folder where somebody else could put one of that name first.
            "unix_socket_directories",
            "",
            // Only the server's own messages. A failed statement is reported to the service, which logs it; here its
            // values
            // would be written down, and callers could fill the disk.
            "log_min_messages",
            "log",
            "log_min_error_statement",
            "panic");

    /**
     * Makes the data directory. Whoever reaches loopback needs the password, from the first moment on.
     *
     * @param passwordFile has the password of the superuser {@code postgres} as its first line
     * @throws IOException with the last lines that were printed
     */
    void initialize(Path passwordFile) throws IOException {
        long logStart = log.size();
        List<String> arguments = List.of(
                "-D",
                files.toString(),
                "-U",
                "postgres",
                "-A",
                "scram-sha-256",
                "--pwfile=" + passwordFile,
                "-E",
                "UTF-8");
        if (programs.run("initdb", arguments, log.file()) != 0) {
            throw failed("cannot be initialized", logStart);
        }
    }

    /**
     * Starts it and returns when it takes connections. By then, what was committed before a crash is recovered. No server may
     * be running on the files.
     *
     * @throws IOException with the last lines that were printed, as soon as it has ended
     */
    Postmaster start() throws IOException {
        long deadline = System.nanoTime() + LEFTOVER_TIMEOUT.toNanos();
        while (true) {
            Postmaster.removeStaleRecord(files);
            log.bound();
            long logStart = log.size();
            List<String> options = new ArrayList<>(List.of("-p", Integer.toString(port)));
            SETTINGS.forEach((name, value) -> options.addAll(List.of("-c", name + "=" + value)));
            int status = programs.run(
                    "pg_ctl", onFiles("start", START_TIMEOUT, "-o", String.join(" ", options)), log.file());
            Optional<Postmaster> postmaster = Postmaster.of(files);
            if (status == 0 && postmaster.isPresent()) {
                return postmaster.get();
            }
            IOException failure = failed("does not start", logStart);
            if (postmaster.isPresent()) {
                stop(postmaster.get()); // it was not ready in time
            }
            if (!String.valueOf(failure.getMessage()).contains(LEFTOVER_PROCESSES) || System.nanoTime() > deadline) {
                throw failure;
            }
            pause(LEFTOVER_POLL_MILLIS);
        }
    }

    private List<String> onFiles(String action, Duration timeout, String... more) {
        List<String> arguments = new ArrayList<>(
                List.of(action, "-D", files.toString(), "-w", "-t", Long.toString(timeout.toSeconds())));
        arguments.addAll(List.of(more));
        return arguments;
    }

    /** What has just gone wrong, with the lines that were printed after {@code logStart}. */
    IOException failed(String what, long logStart) throws IOException {
        return new IOException("the embedded PostgreSQL " + what + "; the last lines of " + log.file() + ":\n"
                + log.lastLines(logStart));
    }

    /**
     * A fast shutdown: sessions are cut, what was committed is kept.
     *
     * @throws IOException when it is still there after a minute
     */
    void stop(Postmaster postmaster) throws IOException {
        programs.run("pg_ctl", onFiles("stop", STOP_TIMEOUT, "-m", "fast"), log.file());
        postmaster.awaitEnd(STOP_TIMEOUT);
    }

    private static void pause(long millis) throws IOException {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
