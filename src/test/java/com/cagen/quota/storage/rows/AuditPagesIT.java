package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Pages of an audit trail whose entries have up to 300 KB of details: all of it, in order, and no page much over its limit. */
class AuditPagesIT {
    private static final int ENTRIES = 300;

    private final String url = TestDatabase.create();

    /** Entries of a quota and of its children, some with no details to speak of and some with very long ones. */
    private List<Integer> write(Random random) throws Exception {
        List<Integer> sizes = new ArrayList<>();
        try (Connection connection = TestDatabase.connect(url);
                PreparedStatement insert = connection.prepareStatement("""
                        INSERT INTO quota.quota_audit_logs (organization_id, seq, audit_id, quota_id, parent_quota_id, action,
                            outcome, actor_user_id, service_id, details, request_id, created_at, hash)
                        VALUES ('org', ?, ?, ?, 'quota_a', 'quota.allocate', 'refused', 'user', 'service', ?::json, 'r', now(),
                            decode(repeat('00', 32), 'hex'))""")) {
            for (int i = 0; i < ENTRIES; i++) {
                int size = random.nextInt(3) == 0 ? 60_000 : random.nextInt(20) == 0 ? 300_000 : random.nextInt(3_000);
                sizes.add(size);
                insert.setLong(1, i + 1);
                insert.setObject(2, UUID.randomUUID());
                insert.setString(3, random.nextBoolean() ? "quota_a" : "quota_child");
                insert.setString(4, "{\"long\":\"" + "x".repeat(size) + "\"}");
                insert.addBatch();
            }
            insert.executeBatch();
        }
        return sizes;
    }

    @Test
    void turnsThroughAllOfATrailOfLongEntries() throws Exception {
        long seed = System.nanoTime();
        System.out.println("AuditPagesIT seed " + seed);
        Random random = new Random(seed);
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        List<Integer> sizes = write(random);
        Vertx vertx = Vertx.vertx();
        try {
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "pages", 2);
            for (boolean newestFirst : List.of(false, true)) {
                List<Long> seen = new ArrayList<>();
                Long cursor = null;
                do {
                    int limit = 1 + random.nextInt(100);
                    AuditRows.TrailQuery query =
                            new AuditRows.TrailQuery("quota_a", null, null, null, null, cursor, limit, newestFirst);
                    AuditRows.Page page = database.transaction(
                                    SecurityScope.organization("org"),
                                    connection -> AuditRows.list(connection, "org", query))
                            .await(10, TimeUnit.SECONDS);
                    assertThat(page.entries()).hasSizeBetween(1, limit);
                    int bytes = page.entries().stream()
                            .limit(page.entries().size() - 1)
                            .mapToInt(entry -> entry.entry().details().length())
                            .sum();
                    assertThat(bytes).as("without the last entry").isLessThan(256 * 1024);
                    page.entries().stream().map(SealedEntry::seq).forEach(seen::add);
                    cursor = page.nextCursor();
                } while (cursor != null);
                List<Long> all = new ArrayList<>();
                for (long seq = 1; seq <= sizes.size(); seq++) {
                    all.add(seq);
                }
                if (newestFirst) {
                    Collections.reverse(all);
                }
                assertThat(seen).isEqualTo(all);
            }
        } finally {
            vertx.close().await(10, TimeUnit.SECONDS);
        }
    }
}
