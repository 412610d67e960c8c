package com.cagen.quota.storage.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.config.Config;
import com.cagen.quota.storage.embedded.EmbeddedDatabase;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.flywaydb.core.api.FlywayException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("engine-independent")
class MigrationsIT {
    private static final Config.Engine POSTGRESQL = Config.Engine.POSTGRESQL;
    private static final Pattern FILE = Pattern.compile("V(\\d+)__.*\\.sql");

    @TempDir
    private Path folder;

    private static List<Path> files() throws IOException {
        return files(POSTGRESQL);
    }

    private static List<Path> files(Config.Engine engine) throws IOException {
        Path db = Path.of("src/main/resources/db");
        Path own = db.resolve(engine.name().toLowerCase(Locale.ROOT));
        try (Stream<Path> common = Files.list(db.resolve("migration"));
                Stream<Path> special = Files.list(own)) {
            return Stream.concat(common, special)
                    .filter(file -> FILE.matcher(file.getFileName().toString()).matches())
                    .sorted(Comparator.comparingInt(MigrationsIT::version))
                    .toList();
        }
    }

    private static int version(Path file) {
        Matcher name = FILE.matcher(file.getFileName().toString());
        return name.matches() ? Integer.parseInt(name.group(1)) : 0;
    }

    /** As {@code psql --single-transaction -f} does. */
    private static void applyByHand(String url, Path file) throws IOException, SQLException {
        try (Connection connection = TestDatabase.connect(url)) {
            connection.setAutoCommit(false);
            connection.createStatement().execute(Files.readString(file));
            connection.commit();
        }
    }

    private static String query(String url, String sql) throws SQLException {
        try (Connection connection = TestDatabase.connect(url);
                ResultSet rows = connection.createStatement().executeQuery(sql)) {
            assertThat(rows.next()).isTrue();
            return rows.getString(1);
        }
    }

    private static String as(String url, String login) {
        return url.replaceFirst("//[^@]*@", "//" + login + ":secret@");
    }

    /** The same database for a login that is made for it. */
    private static String newLogin(String url, String attributes) {
        String login = url.substring(url.lastIndexOf('/') + 1).replaceFirst("\\?.*", "") + "_login";
        TestDatabase.execute(url, "CREATE ROLE " + login + " LOGIN PASSWORD 'secret' NOSUPERUSER " + attributes);
        return as(url, login);
    }

    private static void assertServes(String url) throws Exception {
        assertServes(url, POSTGRESQL);
    }

    private static void assertServes(String url, Config.Engine engine) throws Exception {
        Vertx vertx = Vertx.vertx();
        try {
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), new Config.Database(engine, 2, 2_000, 5_000, 10_000), "migrated", 2);
            StartupChecks.run(database).await(10, TimeUnit.SECONDS);
            database.transaction(SecurityScope.maintenance(), connection -> connection
                            .query("SELECT quota.roll_nonce_partitions()")
                            .execute())
                    .await(10, TimeUnit.SECONDS);
            database.close().await(10, TimeUnit.SECONDS);
        } finally {
            vertx.close().await(10, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @EnumSource
    void migratesAnEmptyDatabaseAndFindsNothingToDoTheSecondTime(Config.Engine engine) throws Exception {
        DatabaseUrl url = DatabaseUrl.parse(TestDatabase.createEmpty());
        assertThat(Migrations.run(url, engine))
                .isEqualTo("the schema is at version " + Migrations.NEWEST + ", "
                        + files(engine).size() + " migrations applied");
        assertThat(Migrations.run(url, engine))
                .isEqualTo("the schema is at version " + Migrations.NEWEST + ", 0 migrations applied");
    }

    /** Flyway refuses a database whose migrations have changed since, be it in a comment: add another one instead. */
    @ParameterizedTest
    @CsvSource({
        "migration/V1__schema.sql, 0d046a217498c5d859195cc2ae33d324e9d1893deaed94a6aba74117d358127c",
        "postgresql/V2__row_level_security.sql, 82a41ba994674dae690093acf12e1cdffccc355a6e574db657398771b7ebca1b",
        "postgresql/V3__nonces_by_time.sql, a1f5b154e18e6e69f1172663e3a842575eda6ffa402895aeaaff9ea8a89378fe",
        "citus/V2__distribution_and_row_level_security.sql, cbdd7f4e0cfa6a200ccb313ce19972d96d97358f40380f3e5e27f5964cb0b35b",
        "citus/V3__nonces_by_time.sql, 4b60e395683090e42557ddc55fc5d90af81b070043c5e66b35b83146032000e6"
    })
    void leavesMigrationsAsTheyWereReleased(String file, String sha256) throws Exception {
        byte[] content = Files.readAllBytes(Path.of("src/main/resources/db").resolve(file));
        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)))
                .isEqualTo(sha256);
    }

    @ParameterizedTest
    @EnumSource
    void letsEveryMigrationSayWhichVersionItMakes(Config.Engine engine) throws Exception {
        String url = TestDatabase.createEmpty();
        for (Path file : files(engine)) {
            applyByHand(url, file);
            assertThat(query(url, "SELECT obj_description('quota.quotas'::regclass)"))
                    .as("the last line of " + file)
                    .isEqualTo("schema version " + version(file)
                            + (file.toString().contains("citus") ? " for Citus" : ""));
        }
        assertThat(Migrations.NEWEST)
                .isEqualTo(version(files(engine).get(files(engine).size() - 1)));
    }

    @ParameterizedTest
    @EnumSource
    void takesOverASchemaThatWasAppliedByHand(Config.Engine engine) throws Exception {
        String url = TestDatabase.createEmpty();
        for (Path file : files(engine)) {
            applyByHand(url, file);
        }
        TestDatabase.execute(url, "INSERT INTO quota.chain_heads (organization_id) VALUES ('org_kept')");
        for (int i = 0; i < 2; i++) {
            assertThat(Migrations.run(DatabaseUrl.parse(url), engine))
                    .isEqualTo("the schema is at version " + Migrations.NEWEST + ", 0 migrations applied");
        }
        assertThat(query(url, "SELECT organization_id FROM quota.chain_heads")).isEqualTo("org_kept");
        assertServes(url, engine);
    }

    @Test
    void refusesASchemaThatWasMadeForTheOtherEngine() {
        for (Config.Engine engine : Config.Engine.values()) {
            DatabaseUrl url = DatabaseUrl.parse(TestDatabase.createEmpty());
            Migrations.run(url, engine);
            Config.Engine other = engine == POSTGRESQL ? Config.Engine.CITUS : POSTGRESQL;
            assertThatThrownBy(() -> Migrations.run(url, other))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("DATABASE_ENGINE " + engine.name().toLowerCase(Locale.ROOT));
        }
    }

    @Test
    void appliesWhatIsNewToASchemaThatWasAppliedByHand() throws Exception {
        String url = TestDatabase.createEmpty();
        applyByHand(url, files().get(0));
        assertThat(Migrations.run(DatabaseUrl.parse(url), POSTGRESQL))
                .isEqualTo("the schema is at version " + Migrations.NEWEST + ", " + (files().size() - 1)
                        + " migrations applied");
        assertServes(url);
    }

    @ParameterizedTest
    @EnumSource
    void givesTheQuotasOfTheVersionBeforeTheirNewAttributes(Config.Engine engine) throws Exception {
        String url = TestDatabase.createEmpty();
        for (Path file : files(engine)) {
            if (version(file) < 8) {
                applyByHand(url, file);
            }
        }
        TestDatabase.execute(url, """
                INSERT INTO quota.quotas (organization_id, id, path, level, name, type, owner_id, owner_ids,
                    inherited_owner_ids, total_mb, used_mb, allocated_mb, status, created_at, updated_at, deleted_at)
                SELECT 'org', 'q' || n, '/q' || n, 0, 'same', 'organization', 'owner', '{owner}', '{}', 10, 4, 6,
                    CASE n WHEN 3 THEN 'deleted' ELSE 'active' END, now(), now(), CASE n WHEN 3 THEN now() END
                FROM generate_series(1, 3) n""");
        Migrations.run(DatabaseUrl.parse(url), engine);
        String quotas =
                "SELECT string_agg(concat_ws(' ', id, total_mb, used_mb, allocated_mb, reserved_mb, key, drain_to_mb),"
                        + " ', ' ORDER BY id) FROM quota.quotas";
        assertThat(query(url, quotas)).isEqualTo("q1 10 4 6 0, q2 10 4 6 0, q3 10 4 6 0");
        assertRefused(url, "UPDATE quota.quotas SET reserved_mb = 1", "never_over_allocated");
        assertRefused(url, "UPDATE quota.quotas SET drain_to_mb = total_mb", "drains_to_less");
        assertRefused(url, "UPDATE quota.quotas SET key = 'A'", "well_formed_key");
        assertRefused(url, "UPDATE quota.quotas SET key = 'a'", "quotas_root_key");
        TestDatabase.execute(url, "UPDATE quota.quotas SET key = 'a-1' WHERE id <> 'q2'"); // q3 is deleted
        assertRefused(url, "UPDATE quota.quotas SET key = 'a-1' WHERE id = 'q2'", "quotas_root_key");
        TestDatabase.execute(url, "UPDATE quota.quotas SET drain_to_mb = 9 WHERE id <> 'q3'");
        assertServes(url, engine);
    }

    private static void assertRefused(String url, String sql, String constraint) {
        assertThatThrownBy(() -> TestDatabase.execute(url, sql)).hasStackTraceContaining(constraint);
    }

    @Test
    void refusesASchemaOfThatNameThatIsNotOurs() throws Exception {
        String url = TestDatabase.createEmpty();
        TestDatabase.execute(url, "CREATE SCHEMA quota");
        TestDatabase.execute(url, "CREATE TABLE quota.quotas (id text)");
        assertThatThrownBy(() -> Migrations.run(DatabaseUrl.parse(url), POSTGRESQL))
                .isInstanceOf(FlywayException.class)
                .hasMessageContaining("non-empty schema");
        assertThat(query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'quota'"))
                .isEqualTo("1");
    }

    @Test
    void migratesAndServesAsALoginThatMayOnlyMakeRoles() throws Exception {
        // A server of its own: on the tests' one the role is there already, and another login's.
        try (EmbeddedDatabase server = EmbeddedDatabase.start(folder)) {
            DatabaseUrl owner = server.url();
            String admin = "postgresql://postgres:" + owner.password().reveal() + "@127.0.0.1:" + owner.port();
            String login = newLogin(admin + "/postgres", "CREATEROLE");
            TestDatabase.execute(admin + "/postgres", "CREATE DATABASE restricted OWNER postgres_login");
            String url = login.replaceFirst("/postgres$", "/restricted");
            Migrations.run(DatabaseUrl.parse(url), POSTGRESQL);
            assertServes(url);
        }
    }

    @Test
    void migratesAndServesAsALoginThatMayNotEvenMakeRolesWhereAnAdministratorHasMadeIt() throws Exception {
        Migrations.run(DatabaseUrl.parse(TestDatabase.createEmpty()), POSTGRESQL); // makes the role
        String admin = TestDatabase.createEmpty();
        String url = newLogin(admin, "NOCREATEROLE");
        String login = DatabaseUrl.parse(url).user();
        TestDatabase.execute(admin, "ALTER DATABASE " + DatabaseUrl.parse(admin).database() + " OWNER TO " + login);
        TestDatabase.execute(admin, "GRANT quota_app TO " + login);
        Migrations.run(DatabaseUrl.parse(url), POSTGRESQL);
        assertServes(url);
    }

    @Test
    void servesAsALoginThatMayNotMigrateWhenAnotherOneHas() throws Exception {
        String admin = TestDatabase.createEmpty();
        for (Path file : files().subList(0, files().size() - 1)) {
            applyByHand(admin, file);
        }
        String url = newLogin(admin, "NOCREATEROLE");
        TestDatabase.execute(
                admin, "GRANT quota_app TO " + DatabaseUrl.parse(url).user());
        assertThatThrownBy(() -> Migrations.run(DatabaseUrl.parse(url), POSTGRESQL))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("run migrate");
        Migrations.run(DatabaseUrl.parse(admin), POSTGRESQL);
        assertThat(Migrations.run(DatabaseUrl.parse(url), POSTGRESQL))
                .startsWith("the schema is at version " + Migrations.NEWEST);
        assertServes(url);
    }

    /** It once failed a start: some plans tried to read a number from the name of every table there is. */
    @Test
    void rollsNoncePartitionsWhateverOtherTablesAreCalled() throws Exception {
        String url = TestDatabase.createEmpty();
        Migrations.run(DatabaseUrl.parse(url), POSTGRESQL);
        TestDatabase.execute(url, "CREATE TABLE quota.nonces_1 PARTITION OF quota.nonces FOR VALUES FROM (1) TO (2)");
        TestDatabase.execute(
                url, "CREATE TABLE quota.nonces_other PARTITION OF quota.nonces FOR VALUES FROM (3) TO (4)");
        TestDatabase.execute(url, "SELECT quota.roll_nonce_partitions()");
        assertThat(
                        query(
                                url,
                                "SELECT to_regclass('quota.nonces_other') IS NOT NULL AND to_regclass('quota.nonces_1') IS NULL"))
                .isEqualTo("t");
    }

    /** An hour's nonces that were dropped too early, because the clock was ahead, are unknown: none of that hour is accepted. */
    @ParameterizedTest
    @EnumSource
    void makesNoPartitionAnewForAnHourWhoseNoncesAreGone(Config.Engine engine) throws Exception {
        String url = TestDatabase.createEmpty();
        Migrations.run(DatabaseUrl.parse(url), engine);
        String oldest = "SELECT min(substr(relname, 8)::bigint) FROM pg_class WHERE relname ~ '^nonces_[0-9]+$'";
        long first = Long.parseLong(query(url, oldest));
        TestDatabase.execute(
                url, "DROP TABLE quota.nonces_%d, quota.nonces_%d".formatted(first, first + 1)); // the present hour's
        TestDatabase.execute(url, "SELECT quota.roll_nonce_partitions()");
        assertThat(Long.parseLong(query(url, oldest))).isEqualTo(first + 2);
    }

    /** A node of the release before calls the first; whatever its clock says, it may not decide what is forgotten. */
    @ParameterizedTest
    @EnumSource
    void rollsNoncePartitionsByTheClockOfTheDatabase(Config.Engine engine) throws Exception {
        String url = TestDatabase.createEmpty();
        Migrations.run(DatabaseUrl.parse(url), engine);
        String partitions =
                "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^nonces_[0-9]+$'";
        String before = query(url, partitions);
        for (String nowMillis : List.of("0", "9223372036854775807")) {
            TestDatabase.execute(
                    url, "SET ROLE quota_app; SELECT quota.roll_nonce_partitions(" + nowMillis + "::bigint)");
            assertThat(query(url, partitions)).isEqualTo(before);
        }
        TestDatabase.execute(url, "SET ROLE quota_app; SELECT quota.roll_nonce_partitions()");
        assertThat(query(url, partitions)).isEqualTo(before);
    }

    @Test
    void letsManyNodesMigrateAtOnce() throws Exception {
        for (boolean byHand : new boolean[] {false, true}) {
            String url = TestDatabase.createEmpty();
            for (Path file : byHand ? files() : List.<Path>of()) {
                applyByHand(url, file);
            }
            ExecutorService nodes = Executors.newFixedThreadPool(4);
            try {
                List<Future<String>> runs = nodes.invokeAll(
                        java.util.Collections.nCopies(4, () -> Migrations.run(DatabaseUrl.parse(url), POSTGRESQL)));
                for (Future<String> run : runs) {
                    assertThat(run.get()).startsWith("the schema is at version " + Migrations.NEWEST);
                }
            } finally {
                nodes.shutdown();
            }
        }
    }
}
