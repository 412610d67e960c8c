package com.cagen.quota.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A PostgreSQL server of the benchmark's own, as durable as one is by default. */
final class BenchmarkPostgres implements AutoCloseable {
    private static final String PASSWORD = "bench";
    final Path pgbench;
    private final Path programs;
    final int port;
    private final Path data;
    private final Process server;

    /** @param programs where {@code postgres} and {@code initdb} are; null: the first that is found with pgbench beside it */
    BenchmarkPostgres(Path folder, @Nullable Path programs, int port, String... settings) throws Exception {
        this.programs = programs == null ? programs() : programs;
        // Programs that come inside a jar have none; that of another version measures the same.
        Path own = this.programs.resolve("pgbench");
        this.pgbench = Files.isExecutable(own) ? own : programs().resolve("pgbench");
        this.port = port;
        this.data = folder.resolve("postgres");
        if (Files.exists(data)) {
            try (Stream<Path> files = Files.walk(data)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
        Files.createDirectories(data);
        boolean root = System.getProperty("user.name").equals("root");
        if (root) { // PostgreSQL does not run as root
            Programs.run("chown", "postgres", data.toString());
        }
        List<String> as =
                root ? List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") : List.of();
        Path password = Files.writeString(folder.resolve("password"), PASSWORD);
        Programs.run(command(
                as,
                "initdb",
                "-D",
                data.toString(),
                "-U",
                "bench",
                "-A",
                "scram-sha-256",
                "--pwfile",
                password.toString(),
                "-E",
                "UTF8",
                "--locale=C.UTF-8"));
        List<String> start = command(
                as,
                "postgres",
                "-D",
                data.toString(),
                "-p",
                Integer.toString(port),
                "-h",
                "127.0.0.1",
                "-k",
                "",
                "-c",
                "max_connections=150",
                "-c",
                "max_wal_size=8GB",
                "-c",
                "min_wal_size=3GB",
                "-c",
                "shared_buffers=512MB");
        for (String setting : settings) {
            start.add("-c");
            start.add(setting);
        }
        server = new ProcessBuilder(start)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("postgres.log").toFile())
                .start();
        for (int i = 0; ; i++) {
            try (Connection ignored = connect("postgres")) {
                break;
            } catch (SQLException e) {
                if (i == 200 || !server.isAlive()) {
                    throw new IllegalStateException(
                            "PostgreSQL did not start: see " + folder.resolve("postgres.log"), e);
                }
                Thread.sleep(50);
            }
        }
    }

    /**
     * Makes the files of 3 GB of WAL: a server that has run for a while overwrites old ones, a new one has to make each of
     * them, and every COMMIT waits 50 ms meanwhile.
     */
    void runIn() throws SQLException {
        execute("postgres", """
                DO $$ BEGIN
                    FOR i IN 1 .. 192 LOOP
                        PERFORM pg_logical_emit_message(false, '', '');
                        PERFORM pg_switch_wal();
                    END LOOP;
                END $$""");
        execute("postgres", "CHECKPOINT");
    }

    private List<String> command(List<String> as, String program, String... arguments) {
        List<String> command = new ArrayList<>(as);
        command.add(programs.resolve(program).toString());
        command.addAll(List.of(arguments));
        return command;
    }

    /** Where postgres is: on the path, or where Debian's and Red Hat's packages put it. */
    private static Path programs() throws IOException {
        List<Path> places = new ArrayList<>();
        for (String place : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
            places.add(Path.of(place));
        }
        for (Path parent : List.of(Path.of("/usr/lib/postgresql"), Path.of("/usr"))) {
            if (Files.isDirectory(parent)) {
                try (Stream<Path> versions = Files.list(parent)) {
                    versions.sorted(Comparator.reverseOrder())
                            .map(version -> version.resolve("bin"))
                            .forEach(places::add);
                }
            }
        }
        return places.stream()
                .filter(place ->
                        Files.isExecutable(place.resolve("postgres")) && Files.isExecutable(place.resolve("pgbench")))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "no folder has both postgres and pgbench: install PostgreSQL's server"));
    }

    long pid() {
        return server.pid();
    }

    String url(String database) {
        return "postgresql://bench:" + PASSWORD + "@127.0.0.1:" + port + "/" + database;
    }

    Connection connect(String database) throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/" + database, "bench", PASSWORD);
    }

    /** Runs each statement; their results, if any, are not read. */
    void execute(String database, String sql) throws SQLException {
        try (Connection connection = connect(database);
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** The first column of the first row. */
    String query(String database, String sql) throws SQLException {
        try (Connection connection = connect(database);
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            if (!rows.next()) {
                throw new IllegalStateException("no row: " + sql);
            }
            return rows.getString(1);
        }
    }

    @Override
    public void close() throws Exception {
        Programs.run("kill", "-INT", Long.toString(server.pid())); // fast shutdown
        server.waitFor();
    }
}
