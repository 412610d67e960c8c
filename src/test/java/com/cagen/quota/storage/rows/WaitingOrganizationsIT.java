package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WaitingOrganizationsIT {
    private static final int ORGANIZATIONS = 100;

    /** Autovacuum analyzes the table at any moment, and the plan is made anew with what it counted. */
    @Test
    void aLookReadsAFewRowsOfEachOrganizationWhateverTheTableLookedLikeWhenItWasPlanned() throws Exception {
        String url = TestDatabase.create();
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        Vertx vertx = Vertx.vertx();
        try {
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "test", 2);
            for (String sql : new String[] {
                "INSERT INTO quota.unsealed (organization_id, position) SELECT 'org_' || n, n FROM generate_series(1, "
                        + ORGANIZATIONS + ") AS n",
                "VACUUM ANALYZE quota.unsealed"
            }) {
                TestDatabase.execute(url, sql);
            }
            long fetched = database.transaction(
                            SecurityScope.maintenance(),
                            connection -> ChainRows.organizationsWaiting(connection, "", 1_000)
                                    .onSuccess(waiting -> assertThat(waiting).hasSize(ORGANIZATIONS))
                                    .compose(ignored -> connection
                                            .query("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables"
                                                    + " WHERE relid = 'quota.unsealed'::regclass")
                                            .execute())
                                    .map(rows -> rows.iterator().next().getLong(0)))
                    .await(20, TimeUnit.SECONDS);
            assertThat(fetched).isBetween((long) ORGANIZATIONS, 2L * ORGANIZATIONS);
        } finally {
            vertx.close().await();
        }
    }
}
