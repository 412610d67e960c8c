package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Pages of the ledger between two moments, found by version, against the same by looking at every row. */
class UsageHistoryIT {
    private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");
    private static final String[] QUOTAS = {"quota_a", "quota_b", "quota_c"};

    private record Line(String quota, long version, String resource, Instant at) {}

    private final String url = TestDatabase.create();

    /** Versions with gaps; times that go forward, but by clocks that are up to five minutes apart. */
    private static List<Line> ledger(Random random) {
        List<Line> lines = new ArrayList<>();
        for (String quota : QUOTAS) {
            long version = random.nextInt(1_000);
            long seconds = 0;
            for (int i = 0; i < 400; i++) {
                version += 1 + (random.nextInt(5) == 0 ? random.nextInt(50) : 0);
                seconds += random.nextInt(120);
                lines.add(new Line(
                        quota, version, "res_" + random.nextInt(3), BEGIN.plusSeconds(seconds + random.nextInt(300))));
            }
        }
        return lines;
    }

    private void write(List<Line> lines) throws Exception {
        try (Connection connection = TestDatabase.connect(url);
                PreparedStatement insert = connection.prepareStatement("""
                        INSERT INTO quota.quota_usage (organization_id, quota_id, quota_version, usage_id, resource_id,
                            operation, usage_mb, user_id, service_id, used_mb, held_mb, created_at)
                        VALUES ('org', ?, ?, ?, ?, 'allocate', 1, 'user', 'service', 1, 1, ?)""")) {
            for (Line line : lines) {
                insert.setString(1, line.quota);
                insert.setLong(2, line.version);
                insert.setObject(3, UUID.randomUUID());
                insert.setString(4, line.resource);
                insert.setObject(5, OffsetDateTime.ofInstant(line.at, ZoneOffset.UTC));
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    private static @Nullable Instant moment(Random random) {
        return random.nextInt(4) == 0 ? null : BEGIN.plusSeconds(random.nextInt(30_000) - 2_000);
    }

    @Test
    void findsWhatLookingAtEveryRowFinds() throws Exception {
        long seed = System.nanoTime();
        System.out.println("UsageHistoryIT seed " + seed);
        Random random = new Random(seed);
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        List<Line> lines = ledger(random);
        write(lines);
        Vertx vertx = Vertx.vertx();
        try {
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "history", 2);
            int found = 0;
            for (int i = 0; i < 500; i++) {
                UsageRows.HistoryQuery query = new UsageRows.HistoryQuery(
                        random.nextInt(10) == 0 ? "quota_empty" : QUOTAS[random.nextInt(QUOTAS.length)],
                        random.nextBoolean() ? "res_" + random.nextInt(4) : null,
                        moment(random),
                        moment(random),
                        random.nextInt(3) == 0 ? (Long) (long) random.nextInt(3_000) : null,
                        1 + random.nextInt(100),
                        random.nextBoolean());
                UsageRows.LedgerPage page = database.transaction(
                                SecurityScope.organization("org"),
                                connection -> UsageRows.history(connection, "org", query))
                        .await(10, TimeUnit.SECONDS);
                assertThat(page.entries().stream()
                                .map(LedgerEntry::quotaVersion)
                                .toList())
                        .as(query.toString())
                        .isEqualTo(naive(lines, query));
                found += page.entries().size();
            }
            assertThat(found).isPositive();
        } finally {
            vertx.close().await(10, TimeUnit.SECONDS);
        }
    }

    private static List<Long> naive(List<Line> lines, UsageRows.HistoryQuery query) {
        Instant from = query.from();
        Instant to = query.to();
        Long cursor = query.cursor();
        Comparator<Long> order = Comparator.naturalOrder();
        return lines.stream()
                .filter(line -> line.quota.equals(query.quotaId()))
                .filter(line -> query.resourceId() == null || line.resource.equals(query.resourceId()))
                .filter(line -> from == null || !line.at.isBefore(from))
                .filter(line -> to == null || line.at.isBefore(to))
                .map(Line::version)
                .filter(version -> cursor == null || (query.newestFirst() ? version < cursor : version > cursor))
                .sorted(query.newestFirst() ? order.reversed() : order)
                .limit(query.limit())
                .toList();
    }
}
