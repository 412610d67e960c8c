package com.cagen.quota.storage.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StartupChecksIT {
    private final String url = TestDatabase.create();
    private final Vertx vertx = Vertx.vertx();
    private final Database database =
            Database.open(vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "checks", 2);

    @BeforeEach
    void migrate() {
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
    }

    @AfterEach
    void close() throws Exception {
        database.close().await(10, TimeUnit.SECONDS);
        vertx.close().await(10, TimeUnit.SECONDS);
    }

    private void check() throws Exception {
        StartupChecks.run(database).await(10, TimeUnit.SECONDS);
    }

    @Test
    void acceptsWhatTheMigrationsMake() throws Exception {
        check();
    }

    @Test
    void refusesATableOrPartitionThatDoesNotForceRowLevelSecurity() throws Exception {
        TestDatabase.execute(url, "ALTER TABLE quota.quotas NO FORCE ROW LEVEL SECURITY");
        TestDatabase.execute(url, "ALTER TABLE quota.unsealed DISABLE ROW LEVEL SECURITY");
        TestDatabase.execute(url, "CREATE TABLE quota.nonces_other PARTITION OF quota.nonces DEFAULT");
        assertThatThrownBy(this::check)
                .isInstanceOf(IllegalStateException.class)
                .satisfies(failure -> assertThat(
                                String.valueOf(failure.getMessage()).lines())
                        .satisfiesExactly(
                                line -> assertThat(line).contains("quota.nonces_other"),
                                line -> assertThat(line).contains("quota.quotas"),
                                line -> assertThat(line).contains("quota.unsealed")));
    }

    @Test
    void aDatabaseThatTakesNoWritesDoesNotCountAsUp() throws Exception {
        database.ping().await(10, TimeUnit.SECONDS);
        String name = DatabaseUrl.parse(url).database();
        TestDatabase.execute(url, "ALTER DATABASE " + name + " SET default_transaction_read_only = on");
        Database standby =
                Database.open(vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "standby", 1);
        assertThatThrownBy(() -> standby.ping().await(10, TimeUnit.SECONDS)).hasMessageContaining("read-only");
    }

    @Test
    void refusesARoleThatOwnsATable() throws Exception {
        TestDatabase.execute(url, "GRANT CREATE ON SCHEMA quota TO quota_app");
        TestDatabase.execute(url, "ALTER TABLE quota.unsealed OWNER TO quota_app");
        assertThatThrownBy(this::check)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("owns quota.unsealed");
    }

    @Test
    void refusesARoleThatMayBypassRowLevelSecurity() throws Exception {
        // Roles belong to the server, which other tests use too: a session that is somebody else stands in for a
        // changed one.
        TestDatabase.execute(url, "DROP ROLE IF EXISTS quota_bypass");
        TestDatabase.execute(url, "CREATE ROLE quota_bypass BYPASSRLS");
        try {
            assertThatThrownBy(() -> database.connection()
                            .compose(connection -> connection
                                    .query("SET ROLE quota_bypass")
                                    .execute()
                                    .compose(ignored -> StartupChecks.run(connection))
                                    .eventually(connection::close))
                            .await(10, TimeUnit.SECONDS))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("quota_bypass may bypass row-level security");
        } finally {
            TestDatabase.execute(url, "DROP ROLE quota_bypass");
        }
    }

    @Test
    void refusesADatabaseWithoutTheSchema() throws Exception {
        TestDatabase.execute(url, "DROP SCHEMA quota CASCADE");
        assertThatThrownBy(this::check)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("run migrate");
    }
}
