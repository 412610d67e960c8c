package com.cagen.quota.storage.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.PreparedDataFolder;
import com.cagen.quota.testing.RunningService;
import com.sun.security.auth.module.UnixSystem;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@Tag("engine-independent")
class EmbeddedDatabaseIT {
    @TempDir
    Path folder;

    private static String query(DatabaseUrl url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.jdbcProperties());
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static void execute(DatabaseUrl url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.jdbcProperties());
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Test
    void keepsItsDataAcrossRestartsAsDurablyAsAServerAndBehindAPassword() throws Exception {
        try (EmbeddedDatabase first = EmbeddedDatabase.start(folder)) {
            execute(first.url(), "CREATE TABLE kept AS SELECT 42 AS value");
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("postgres.password"))))
                .isEqualTo("rw-------");
        try (EmbeddedDatabase second = EmbeddedDatabase.start(folder)) {
            DatabaseUrl url = second.url();
            assertThat(query(url, "SELECT value FROM kept")).isEqualTo("42");
            assertThat(query(url, "SHOW fsync")).isEqualTo("on");
            assertThat(query(url, "SHOW synchronous_commit")).isEqualTo("on");
            assertThat(query(url, "SHOW max_wal_size")).isEqualTo("2GB");
            assertThat(query(url, "SHOW listen_addresses")).isEqualTo("127.0.0.1");
            assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("another quota service is running on the data folder");
            Properties wrong = url.jdbcProperties();
            wrong.setProperty("password", "postgres");
            assertThatThrownBy(() ->
                            DriverManager.getConnection(url.jdbcUrl(), wrong).close())
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("password authentication failed");
        }
    }

    @Test
    void recoversAfterItsProcessWasKilledAndRefusesASecondStartBeforeThat() throws Exception {
        PreparedDataFolder.copyTo(folder);
        Process child = startChild();
        try (BufferedReader output = child.inputReader(StandardCharsets.UTF_8)) {
            String line = output.readLine();
            while (line != null && !line.equals(Child.READY)) {
                line = output.readLine();
            }
            assertThat(line).isEqualTo(Child.READY);
            assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                    .hasMessageContaining("another quota service is running on the data folder");
        } finally {
            child.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
        Postmaster orphan = Postmaster.of(folder.resolve("postgres")).orElseThrow();
        try (EmbeddedDatabase next = EmbeddedDatabase.start(folder)) {
            assertThat(orphan.isRunning()).isFalse();
            assertThat(query(next.url(), "SELECT value FROM kept")).isEqualTo("42");
        }
        assertThat(Postmaster.of(folder.resolve("postgres"))).isEmpty();
    }

    @Test
    void startsAlthoughTheRecordedProcessIsAnotherProgramNow() throws Exception {
        PreparedDataFolder.copyTo(folder);
        Path files = folder.resolve("postgres");
        Files.writeString(
                files.resolve("postmaster.pid"), ProcessHandle.current().pid() + "\n" + files + "\n1\n5432\n\n");
        try (EmbeddedDatabase next = EmbeddedDatabase.start(folder)) {
            assertThat(query(next.url(), "SELECT 1")).isEqualTo("1");
        }
    }

    private Path files() {
        return folder.resolve("postgres");
    }

    private static void kill(Postmaster postmaster) {
        assertThat(postmaster.process().destroyForcibly()).isTrue();
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void runsNothingThatSomebodyElseCouldHaveChanged() throws Exception {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
        try (EmbeddedDatabase database = EmbeddedDatabase.start(folder)) {
            Path programs = folder.resolve("postgres-binaries");
            assertThat(Postmaster.of(files())
                            .orElseThrow()
                            .process()
                            .info()
                            .command()
                            .orElseThrow())
                    .startsWith(programs.toString());
            assertThat(mode(programs)).isEqualTo("rwx------");
            assertThat(mode(files())).isEqualTo("rwx------");
            assertThat(mode(folder)).isEqualTo("rwxr-xr-x");
            try (Stream<Path> unpacked = Files.walk(programs)) {
                assertThat(unpacked.filter(path -> !Files.isSymbolicLink(path)))
                        .hasSizeGreaterThan(500)
                        .allSatisfy(path ->
                                assertThat(mode(path)).doesNotEndWith("w-").doesNotEndWith("wx"));
            }
            assertThat(query(database.url(), "SHOW unix_socket_directories")).isEmpty();
        }
    }

    @Test
    void refusesAFolderForItsProgramsThatSomebodyElsePrepared() throws Exception {
        Path programs = Files.createDirectory(folder.resolve("postgres-binaries"));
        Files.setPosixFilePermissions(programs, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(programs + ", but others may write to it");
        Files.delete(programs);
        Files.createSymbolicLink(programs, Files.createDirectory(folder.resolve("elsewhere")));
        assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("it is no folder");
        Files.delete(programs);
        if (new UnixSystem().getUid() == 0) { // nobody else may give a file away
            Files.createDirectory(programs);
            Files.setAttribute(programs, "unix:uid", 12_345);
            assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("it belongs to somebody else (uid 12345)");
            Files.setAttribute(folder, "unix:uid", 12_345);
            assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("the data folder " + folder + " belongs to somebody else (uid 12345)");
        }
        assertThat(files()).doesNotExist();
    }

    /** The parent of a zombie has not asked how it ended: as in a container whose first process is no init. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void startsAlthoughTheRecordedProcessIsAZombie() throws Exception {
        PreparedDataFolder.copyTo(folder);
        Process parent = new ProcessBuilder("/bin/sh", "-c", "sleep 0 & echo $!; exec sleep 60").start();
        try (BufferedReader output = parent.inputReader(StandardCharsets.UTF_8)) {
            long zombie = Long.parseLong(output.readLine());
            RunningService.until("it is a zombie", () -> {
                try {
                    return Files.readString(Path.of("/proc/" + zombie + "/stat"))
                            .contains(") Z ");
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            Files.writeString(files().resolve("postmaster.pid"), zombie + "\n" + files() + "\n1\n5432\n\n");
            try (EmbeddedDatabase next = EmbeddedDatabase.start(folder)) {
                assertThat(query(next.url(), "SELECT 1")).isEqualTo("1");
            }
        } finally {
            parent.destroyForcibly();
        }
    }

    @Test
    void endsWithTheLastWordsOfAPostgresqlThatDoesNotStart() throws Exception {
        PreparedDataFolder.copyTo(folder);
        Files.move(files().resolve("global/pg_control"), folder.resolve("pg_control"));
        assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the embedded PostgreSQL does not start")
                .hasMessageContaining("could not find the database system")
                .hasMessageNotContaining("Gave up");
        Path log = folder.resolve("postgres.log");
        assertThat(log).content().contains("could not find the database system");
        assertThat(mode(log)).isEqualTo("rw-------");
    }

    @Test
    void keepsALogWithoutSecretsThatDoesNotGrowForEver() throws Exception {
        Path log = folder.resolve("postgres.log");
        Files.write(log, new byte[9 << 20]);
        try (EmbeddedDatabase database = EmbeddedDatabase.start(folder)) {
            assertThatThrownBy(() -> query(database.url(), "SELECT 'secret' FROM missing"))
                    .isInstanceOf(SQLException.class);
            assertThat(log)
                    .content()
                    .contains("ready to accept connections")
                    .doesNotContain("secret")
                    .doesNotContain(database.url().password().reveal());
        }
        assertThat(log.resolveSibling("postgres.log.1")).hasSize(9 << 20);
    }

    @Test
    void startsAgainWhereItWasWhenItsServerIsKilled() throws Exception {
        PreparedDataFolder.copyTo(folder);
        try (EmbeddedDatabase database = EmbeddedDatabase.start(folder)) {
            execute(database.url(), "CREATE TABLE kept (value integer)");
            for (int i = 1; i <= 2; i++) {
                // A session that is busy keeps the memory of the killed server in use for a while.
                try (Connection busy = DriverManager.getConnection(
                                database.url().jdbcUrl(), database.url().jdbcProperties());
                        Statement statement = busy.createStatement()) {
                    statement.execute("INSERT INTO kept VALUES (" + i + ")");
                    Postmaster killed = Postmaster.of(files()).orElseThrow();
                    kill(killed);
                    RunningService.until("another server runs", () -> {
                        try {
                            return Postmaster.of(files())
                                            .filter(running -> running.pid() != killed.pid())
                                            .isPresent()
                                    && query(database.url(), "SELECT 1").equals("1");
                        } catch (IOException | SQLException e) {
                            return false;
                        }
                    });
                }
                assertThat(query(database.url(), "SELECT count(*) FROM kept")).isEqualTo(Integer.toString(i));
            }
        }
        assertThat(Postmaster.of(files())).isEmpty();
    }

    @Test
    void saysWithTheLastWordsThatItsServerDoesNotStartAgain() throws Exception {
        PreparedDataFolder.copyTo(folder);
        CompletableFuture<IOException> lost = new CompletableFuture<>();
        try (EmbeddedDatabase database = EmbeddedDatabase.start(folder, lost::complete)) {
            assertThat(database.url().port()).isPositive();
            Postmaster killed = Postmaster.of(files()).orElseThrow();
            Files.move(files().resolve("global/pg_control"), folder.resolve("pg_control"));
            kill(killed);
            assertThat(RunningService.await(lost)).hasMessageContaining("could not find the database system");
        }
        assertThat(folder.resolve("postgres.log"))
                .content()
                .containsPattern("(?s)(could not find the database system.*){3}");
    }

    @Test
    void beginsAnInterruptedFirstStartAnewButTouchesNoDatabaseWhosePasswordIsGone() throws Exception {
        Files.createDirectories(folder.resolve("postgres/base"));
        Files.writeString(folder.resolve("postgres/postgresql.conf"), "half");
        Files.writeString(folder.resolve("postgres.password.new"), "");
        EmbeddedDatabase.start(folder).close();
        Files.move(folder.resolve("postgres.password"), folder.resolve("elsewhere"));
        assertThatThrownBy(() -> EmbeddedDatabase.start(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("postgres.password");
        assertThat(folder.resolve("postgres/PG_VERSION")).exists();
    }

    private Process startChild() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** A service to be killed. */
    public static final class Child {
        static final String READY = "ready to be killed";

        private Child() {}

        public static void main(String[] args) throws Exception {
            EmbeddedDatabase database = EmbeddedDatabase.start(Path.of(args[0]));
            // An open session, as a pool has: the orphan must not wait for it.
            try (Connection connection = DriverManager.getConnection(
                            database.url().jdbcUrl(), database.url().jdbcProperties());
                    Statement statement = connection.createStatement()) {
                statement.execute("CREATE TABLE kept AS SELECT 42 AS value");
                System.out.println(READY);
                System.in.read();
            }
        }
    }
}
