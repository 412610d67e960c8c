package com.cagen.quota.testing;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The invariants of the design, as SQL over the whole database. Each query must return no row. */
public final class Invariants {
    private static final Map<String, String> QUERIES = new LinkedHashMap<>();

    static {
        QUERIES.put(
                "1: used and allocated stay within the total",
                "SELECT id FROM quota.quotas WHERE used_mb < 0 OR allocated_mb < 0 OR used_mb + allocated_mb > total_mb");
        QUERIES.put("2: allocated is the sum of the children that are not deleted", """
                SELECT p.id, p.allocated_mb, c.total FROM quota.quotas p
                LEFT JOIN (SELECT organization_id, parent_quota_id, sum(total_mb) AS total FROM quota.quotas
                           WHERE status <> 'deleted' GROUP BY 1, 2) c
                  ON c.organization_id = p.organization_id AND c.parent_quota_id = p.id
                WHERE p.allocated_mb <> coalesce(c.total, 0)
                """);
        QUERIES.put("3: used is the sum of the holdings", """
                SELECT q.id, q.used_mb, h.total FROM quota.quotas q
                LEFT JOIN (SELECT organization_id, quota_id, sum(held_mb) AS total FROM quota.quota_holdings
                           GROUP BY 1, 2) h
                  ON h.organization_id = q.organization_id AND h.quota_id = q.id
                WHERE q.used_mb <> coalesce(h.total, 0)
                """);
        QUERIES.put("3: used is the sum of the ledger", """
                SELECT q.id, q.used_mb, u.total FROM quota.quotas q
                LEFT JOIN (SELECT organization_id, quota_id,
                                  sum(CASE operation WHEN 'allocate' THEN usage_mb ELSE -usage_mb END) AS total
                           FROM quota.quota_usage GROUP BY 1, 2) u
                  ON u.organization_id = q.organization_id AND u.quota_id = q.id
                WHERE q.used_mb <> coalesce(u.total, 0)
                """);
        QUERIES.put("6: no row's organization differs from its quota's", """
                SELECT t.quota_id FROM (
                    SELECT organization_id, quota_id FROM quota.quota_usage
                    UNION ALL SELECT organization_id, quota_id FROM quota.quota_holdings
                    UNION ALL SELECT organization_id, quota_id FROM quota.quota_grants
                    UNION ALL SELECT organization_id, quota_id FROM quota.quota_audit_logs WHERE quota_id IS NOT NULL
                ) t
                WHERE NOT EXISTS (SELECT FROM quota.quotas q
                                  WHERE q.organization_id = t.organization_id AND q.id = t.quota_id)
                """);
    }

    private Invariants() {}

    /** Waits until the service has sealed everything that its outbox held. */
    public static void awaitEmptyOutbox(String databaseUrl) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        try (Connection connection = TestDatabase.connect(databaseUrl);
                var statement = connection.createStatement()) {
            while (true) {
                try (var rows = statement.executeQuery("SELECT count(*), pg_sleep(0.02) FROM quota.outbox")) {
                    rows.next();
                    if (rows.getLong(1) == 0) {
                        return;
                    }
                    if (System.nanoTime() > deadline) {
                        throw new AssertionError(rows.getLong(1) + " outbox rows were not sealed in time");
                    }
                }
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** @throws AssertionError naming the first invariant that does not hold, and a row that shows it */
    public static void check(String databaseUrl) {
        try (Connection connection = TestDatabase.connect(databaseUrl);
                var statement = connection.createStatement()) {
            for (Map.Entry<String, String> invariant : QUERIES.entrySet()) {
                try (var rows = statement.executeQuery(invariant.getValue())) {
                    if (rows.next()) {
                        throw new AssertionError("invariant " + invariant.getKey() + " fails for " + rows.getString(1));
                    }
                }
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }
}
