package com.cagen.quota.storage.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.QuotaWrites;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.schema.StartupChecks;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Plays the attacker, or the careless developer: statements that forget the organization. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IsolationIT {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    private final String url = TestDatabase.create();
    private final Config config = TestConfig.of(url);
    private final Vertx vertx = Vertx.vertx();
    private final Database database = Database.open(vertx, DatabaseUrl.parse(url), config.database(), "attacker", 2);

    @BeforeAll
    void twoOrganizationsWithAQuotaEach() {
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        for (String n : List.of("1", "2")) {
            TestDatabase.execute(url, "INSERT INTO quota.chain_heads (organization_id) VALUES ('org_" + n + "')");
            TestDatabase.execute(
                    url,
                    "INSERT INTO quota.quotas (organization_id, id, path, level, name, type, owner_id, owner_ids,"
                            + " inherited_owner_ids, total_mb, created_at, updated_at) VALUES ('org_" + n + "', 'q_" + n
                            + "', '/q_" + n + "', 0, 'n', 'organization', 'u', '{u}', '{}', 10, now(), now())");
        }
    }

    @AfterAll
    void close() {
        await(vertx.close());
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(20, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    private int rows(SecurityScope scope, String sql) {
        return await(database.transaction(
                scope, connection -> connection.query(sql).execute().map(result -> result.rowCount())));
    }

    @Test
    void aReadThatForgetsTheOrganizationSeesItsOwnOnly() {
        assertThat(rows(SecurityScope.organization("org_1"), "SELECT id FROM quota.quotas"))
                .isEqualTo(1);
        assertThat(rows(SecurityScope.organization("org_3"), "SELECT id FROM quota.quotas"))
                .isZero();
        assertThat(rows(SecurityScope.organization(""), "SELECT id FROM quota.quotas"))
                .isZero();
    }

    @Test
    void aWriteThatForgetsTheOrganizationChangesItsOwnOnly() {
        assertThat(rows(SecurityScope.organization("org_1"), "UPDATE quota.quotas SET name = 'mine'"))
                .isEqualTo(1);
        assertThat(rows(
                        SecurityScope.batch(List.of(new QuotaKey("org_1", "q_1")), Set.of("org_1")),
                        "UPDATE quota.quotas SET name = 'mine'"))
                .isEqualTo(1);
    }

    @Test
    void aBatchThatClaimsAForeignQuotaUnderItsOwnNameGetsNothing() {
        SecurityScope stranger = SecurityScope.claims(List.of(
                SecurityScope.quotaKey("q_1", "org_2"),
                SecurityScope.organizationKey("org_2"),
                SecurityScope.organizationKey("org_1")));
        if (config.database().oneOrganizationATransaction()) {
            assertThatThrownBy(() -> rows(stranger, "SELECT id FROM quota.quotas"))
                    .hasMessageContaining("no such scope: app.scope");
            return;
        }
        assertThat(rows(stranger, "SELECT id FROM quota.quotas")).isZero();
        assertThat(rows(stranger, "UPDATE quota.quotas SET total_mb = 11")).isZero();
        // Nor does the stranger's claim hide the row from its owner in the same batch.
        SecurityScope both = SecurityScope.claims(
                List.of(SecurityScope.quotaKey("q_1", "org_2"), SecurityScope.quotaKey("q_1", "org_1")));
        assertThat(rows(both, "SELECT id FROM quota.quotas")).isEqualTo(1);
    }

    @Test
    void rowsCannotBeWrittenUnderAnotherOrganizationsName() {
        assertThatThrownBy(() -> rows(
                        SecurityScope.organization("org_1"),
                        "INSERT INTO quota.nonces VALUES ('org_2', 's', 'n', extract(epoch FROM now()) * 1000)"))
                .hasMessageContaining("row-level security");
    }

    @Test
    void theMaintenanceScopeReadsButWritesNothing() {
        assertThat(rows(SecurityScope.maintenance(), "SELECT id FROM quota.quotas"))
                .isEqualTo(2);
        assertThat(rows(SecurityScope.maintenance(), "UPDATE quota.quotas SET total_mb = 11"))
                .isZero();
        assertThat(rows(SecurityScope.maintenance(), "SELECT seq FROM quota.quota_audit_logs"))
                .isZero();
    }

    @Test
    void aScopeIsOneOfThoseThatThePoliciesKnow() {
        SecurityScope other = new SecurityScope("session_authorization", "postgres");
        assertThat(config.database().oneOrganizationATransaction()
                        && await(database.transaction(other, connection -> Future.succeededFuture(true))
                                .otherwise(false)))
                .isFalse();
    }

    @Test
    void theServiceStartsOnlyWhereThisHolds() {
        assertThatCode(() -> await(StartupChecks.run(database))).doesNotThrowAnyException();
        String other = TestDatabase.create();
        Migrations.run(DatabaseUrl.parse(other), TestConfig.ENGINE);
        TestDatabase.execute(other, "ALTER TABLE quota.unsealed NO FORCE ROW LEVEL SECURITY");
        Database unsafe = Database.open(vertx, DatabaseUrl.parse(other), config.database(), "unsafe", 1);
        assertThatThrownBy(() -> await(StartupChecks.run(unsafe))).hasMessageContaining("quota.unsealed");
    }

    @Test
    void aWriteThatTouchesTooFewRowsFailsAndAllThatIsSentWithIt() {
        Quota own = raised("org_1", "q_1");
        Quota foreign = raised("org_2", "q_2");
        SecurityScope scope = SecurityScope.organization("org_1");

        Throwable failure = catchThrowable(() -> await(database.transaction(
                scope,
                connection -> connection.write(
                        List.of(QuotaWrites.figures(List.of(own), NOW), QuotaWrites.figures(List.of(foreign), NOW))))));

        assertThat(failure.getMessage()).containsAnyOf("22012", "a write touched 0 rows, not 1");
        assertThat(rows(scope, "SELECT FROM quota.quotas WHERE used_mb = 0")).isOne();
    }

    private Quota raised(String organizationId, String quotaId) {
        QuotaKey key = new QuotaKey(organizationId, quotaId);
        Map<QuotaKey, Quota> found = await(database.transaction(
                SecurityScope.organization(organizationId), connection -> QuotaRows.find(connection, List.of(key))));
        return Objects.requireNonNull(found.get(key)).withFigures(1, 0, NOW);
    }
}
