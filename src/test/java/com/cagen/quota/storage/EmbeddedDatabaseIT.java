package com.cagen.quota.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
            assertThat(orphan.process().isAlive()).isFalse();
            assertThat(query(next.url(), "SELECT value FROM kept")).isEqualTo("42");
        }
        assertThat(Postmaster.of(folder.resolve("postgres"))).isEmpty();
    }

    @Test
    void startsAlthoughTheRecordedProcessIsAnotherProgramNow() throws Exception {
        EmbeddedDatabase.start(folder).close();
        Path files = folder.resolve("postgres");
        Files.writeString(
                files.resolve("postmaster.pid"), ProcessHandle.current().pid() + "\n" + files + "\n1\n5432\n\n");
        try (EmbeddedDatabase next = EmbeddedDatabase.start(folder)) {
            assertThat(query(next.url(), "SELECT 1")).isEqualTo("1");
        }
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
