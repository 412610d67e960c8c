package com.cagen.quota.testing;

import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.DatabaseUrl;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * A fresh database for a test class on a real PostgreSQL: the server of {@code TEST_DATABASE_URL}, else a container where a
 * Docker engine answers, else embedded binaries. The server is started once and shared by all tests of a JVM.
 */
public final class TestDatabase {
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static @Nullable String server;
    private static @Nullable String template;

    private TestDatabase() {}

    /**
     * The URL of a new database, for its owner (a superuser, unless {@code TEST_DATABASE_URL} says otherwise). Its schema is up
     * to date: it is a copy of one that was migrated before, which takes a tenth of the time.
     */
    public static String create() {
        return create(" TEMPLATE " + template());
    }

    /** As {@link #create}, without a schema. */
    public static String createEmpty() {
        return create("");
    }

    private static String create(String options) {
        String serverUrl = server();
        String name = "quota_test_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet();
        execute(serverUrl, "CREATE DATABASE " + name + options);
        int query = serverUrl.indexOf('?');
        String base = query < 0 ? serverUrl : serverUrl.substring(0, query);
        return base.substring(0, base.lastIndexOf('/') + 1) + name + (query < 0 ? "" : serverUrl.substring(query));
    }

    /** The name of a migrated database that nobody is connected to. */
    private static synchronized String template() {
        if (template == null) {
            DatabaseUrl url = DatabaseUrl.parse(createEmpty());
            Migrations.run(url, TestConfig.ENGINE);
            template = url.database();
        }
        return template;
    }

    /** A JDBC connection as the URL's login, for looking at the truth behind the service's back. */
    public static Connection connect(String url) throws SQLException {
        DatabaseUrl parsed = DatabaseUrl.parse(url);
        return DriverManager.getConnection(parsed.jdbcUrl(), parsed.jdbcProperties());
    }

    /** Runs one statement as the URL's login. */
    public static void execute(String url, String sql) {
        try (Connection connection = connect(url);
                var statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    private static synchronized String server() {
        if (server == null) {
            String given = System.getenv("TEST_DATABASE_URL");
            server = given != null ? given : dockerAnswers() ? container() : embedded();
        }
        return server;
    }

    private static boolean dockerAnswers() {
        try {
            return DockerClientFactory.instance().isDockerAvailable();
        } catch (RuntimeException e) {
            return false;
        }
    }

    private static String container() {
        // Not closed here: Testcontainers removes it when the JVM ends.
        @SuppressWarnings("resource")
        PostgreSQLContainer container = new PostgreSQLContainer("postgres:17");
        container.setCommand("postgres", "-c", "fsync=off", "-c", "max_connections=200");
        container.start();
        return "postgresql://%s:%s@%s:%d/%s"
                .formatted(
                        container.getUsername(),
                        container.getPassword(),
                        container.getHost(),
                        container.getFirstMappedPort(),
                        container.getDatabaseName());
    }

    private static String embedded() {
        try {
            // fsync stays off: a test database need not outlive a power cut. Its own hook stops it with the JVM.
            EmbeddedPostgres postgres = EmbeddedPostgres.builder()
                    .setServerConfig("max_connections", "200")
                    .start();
            return "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
