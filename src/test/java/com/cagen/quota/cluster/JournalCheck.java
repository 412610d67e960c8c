package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.config.Config;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Holds what clients wrote down against what the database says. */
final class JournalCheck {
    private static final String LEDGER = """
            SELECT resource_id || ' ' || operation, count(*), min(usage_id::text) FROM quota.quota_usage GROUP BY 1
            """;
    private static final String TRAIL = """
            SELECT details ->> 'resource_id' || ' ' || substr(action, 7), count(*), NULL FROM quota.quota_audit_logs
            WHERE outcome = 'applied' AND action IN ('usage.allocate', 'usage.deallocate') GROUP BY 1
            """;

    private record Found(int times, String usageId) {}

    private JournalCheck() {}

    /** Every acknowledged operation is there once, no refused one is; invariants hold, and the audit chains are whole. */
    static void check(String databaseUrl, JournalingClients... loads) throws Exception {
        Invariants.awaitSealed(databaseUrl);
        Invariants.check(databaseUrl);
        Map<String, Found> ledger = read(databaseUrl, LEDGER);
        Map<String, Found> trail = read(databaseUrl, TRAIL);
        assertThat(trail.keySet()).isEqualTo(ledger.keySet());
        for (Map<String, Found> each : java.util.List.of(ledger, trail)) {
            each.forEach((key, found) ->
                    assertThat(found.times()).as("doubled: %s", key).isEqualTo(1));
        }
        int acknowledged = 0;
        for (JournalingClients load : loads) {
            assertThat(load.unexpected()).as("%s", load).isEmpty();
            for (JournalingClients.Entry entry : load.journal()) {
                Found found = ledger.get(entry.resourceId + (entry.allocate ? " allocate" : " deallocate"));
                switch (entry.outcome) {
                    case ACKNOWLEDGED -> {
                        acknowledged++;
                        assertThat(found).as("lost: %s", entry.resourceId).isNotNull();
                        assertThat(found.usageId()).isEqualTo(entry.usageId);
                    }
                    case REFUSED ->
                        assertThat(found)
                                .as("refused, and done: %s", entry.resourceId)
                                .isNull();
                    case UNKNOWN -> {
                        // May be there or not, which is what unknown means; never twice, as looked at above.
                    }
                }
            }
            System.out.println("cluster: " + load);
        }
        assertThat(acknowledged).isPositive();
        ChainVerification.Report report = verify(databaseUrl);
        assertThat(report.firstBad()).isNull();
        assertThat(report.entries()).isGreaterThanOrEqualTo(acknowledged);
    }

    private static Map<String, Found> read(String databaseUrl, String query) throws SQLException {
        Map<String, Found> found = new HashMap<>();
        try (Connection connection = TestDatabase.connect(databaseUrl);
                var statement = connection.createStatement();
                var rows = statement.executeQuery(query)) {
            while (rows.next()) {
                found.put(rows.getString(1), new Found(rows.getInt(2), String.valueOf(rows.getString(3))));
            }
        }
        return found;
    }

    private static ChainVerification.Report verify(String databaseUrl) throws Exception {
        Config config = TestConfig.of(databaseUrl);
        Vertx vertx = Vertx.vertx();
        try {
            return ChainVerification.run(
                            Database.open(vertx, DatabaseUrl.parse(databaseUrl), config.database(), "verify", 2))
                    .await(60, TimeUnit.SECONDS);
        } finally {
            vertx.close().await();
        }
    }
}
