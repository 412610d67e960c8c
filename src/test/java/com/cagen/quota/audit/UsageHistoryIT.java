package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.storage.rows.UsageLedger;
import com.cagen.quota.storage.rows.UsageQuery;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pages of a ledger that a former release began, whose newer part is in the journal, and whose end is not sealed, against looking at
 * every line.
 */
class UsageHistoryIT {
    private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");
    private static final String[] QUOTAS = {"quota_a", "quota_b", "quota_c"};
    private static final int LINES = 1_200;

    private record Line(String quota, long version, String resource, long differenceMb, Instant at) {}

    @TempDir
    Path folder;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private AuditHarness audit;

    @BeforeEach
    void start() {
        System.out.println("UsageHistoryIT seed " + seed);
        audit = new AuditHarness(folder.resolve("checkpoints.log"));
    }

    @AfterEach
    void stop() {
        audit.close();
    }

    /** Versions with gaps; times that go forward, but by clocks that are up to five minutes apart. */
    private List<Line> ledger() {
        List<Line> lines = new ArrayList<>();
        long[] versions = {random.nextInt(1_000), random.nextInt(1_000), 0};
        long seconds = 0;
        for (int i = 0; i < LINES; i++) {
            int quota = random.nextInt(QUOTAS.length);
            versions[quota] += 1 + (random.nextInt(5) == 0 ? random.nextInt(50) : 0);
            seconds += random.nextInt(40);
            lines.add(new Line(
                    QUOTAS[quota],
                    versions[quota],
                    "res_" + random.nextInt(3),
                    random.nextBoolean() ? 3 : -2,
                    BEGIN.plusSeconds(seconds + random.nextInt(300))));
        }
        return lines;
    }

    private void writeFormer(List<Line> lines) throws Exception {
        try (Connection connection = TestDatabase.connect(audit.url);
                PreparedStatement insert = connection.prepareStatement("""
                        INSERT INTO quota.quota_usage_v9 (organization_id, quota_id, quota_version, usage_id, resource_id,
                            operation, usage_mb, user_id, service_id, used_mb, held_mb, created_at)
                        VALUES ('org', ?, ?, ?, ?, ?, ?, 'user', 'service', 1, 1, ?)""")) {
            for (Line line : lines) {
                insert.setString(1, line.quota);
                insert.setLong(2, line.version);
                insert.setObject(3, UUID.randomUUID());
                insert.setString(4, line.resource);
                insert.setString(5, line.differenceMb > 0 ? "allocate" : "deallocate");
                insert.setLong(6, Math.abs(line.differenceMb));
                insert.setObject(7, OffsetDateTime.ofInstant(line.at, ZoneOffset.UTC));
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    private static AuditEntry entry(Line line) {
        JsonObject change = new JsonObject()
                .put("quota_id", line.quota)
                .put("version", line.version)
                .put("before", new JsonObject().put("used_mb", 10).put("held_mb", 10))
                .put(
                        "after",
                        new JsonObject().put("used_mb", 10 + line.differenceMb).put("held_mb", 10 + line.differenceMb));
        return new AuditEntry(
                UUID.randomUUID(),
                "org",
                line.quota,
                null,
                line.version,
                line.differenceMb > 0 ? "usage.allocate" : "usage.deallocate",
                AuditEntry.APPLIED,
                "user",
                "service",
                null,
                new JsonObject()
                        .put("resource_id", line.resource)
                        .put("changes", new JsonArray().add(change))
                        .encode(),
                "r",
                line.at);
    }

    private static AuditEntry refused(Line line) {
        AuditEntry e = entry(line);
        return new AuditEntry(
                e.auditId(),
                "org",
                line.quota,
                null,
                null,
                e.action(),
                AuditEntry.REFUSED,
                "user",
                "service",
                null,
                "{\"resource_id\":\"" + line.resource + "\"}",
                "r",
                line.at);
    }

    private void write(List<Line> lines) throws Exception {
        int next = random.nextInt(LINES / 2);
        writeFormer(lines.subList(0, next));
        Sealing sealing = new Sealing(audit.database, ignored -> {});
        int sealedUntil = LINES - random.nextInt(40);
        while (next < LINES) {
            int end = Math.min(LINES, next + 1 + random.nextInt(10));
            List<AuditEntry> batch = new ArrayList<>();
            lines.subList(next, end).forEach(line -> {
                batch.add(entry(line));
                if (random.nextInt(4) == 0) {
                    batch.add(refused(line));
                }
            });
            await(audit.add(List.of(batch)));
            next = end;
            while (next < sealedUntil && random.nextInt(3) == 0 && await(sealing.run(List.of("org"), 0)) > 0) {
                // Until everything is sealed.
            }
        }
    }

    private @Nullable Instant moment() {
        return random.nextInt(3) == 0 ? BEGIN.plusSeconds(random.nextInt(26_000) - 2_000) : null;
    }

    private List<LedgerEntry> turn(UsageQuery first) {
        List<LedgerEntry> seen = new ArrayList<>();
        UsageQuery query = first;
        while (true) {
            UsageQuery asked = query;
            UsageLedger.Page page = await(audit.database.transaction(
                    SecurityScope.organization("org"), connection -> UsageLedger.history(connection, "org", asked)));
            assertThat(page.entries()).hasSizeBetween(0, asked.limit());
            seen.addAll(page.entries());
            if (page.nextCursor() == null) {
                return seen;
            }
            query = new UsageQuery(
                    first.quotaId(),
                    first.resourceId(),
                    first.from(),
                    first.to(),
                    page.nextCursor(),
                    1 + random.nextInt(100),
                    first.newestFirst());
        }
    }

    @Test
    void findsWhatLookingAtEveryRowFinds() throws Exception {
        List<Line> lines = ledger();
        write(lines);
        int found = 0;
        for (int i = 0; i < 100; i++) {
            UsageQuery query = new UsageQuery(
                    random.nextInt(10) == 0 ? "quota_empty" : QUOTAS[random.nextInt(QUOTAS.length)],
                    random.nextBoolean() ? "res_" + random.nextInt(4) : null,
                    moment(),
                    moment(),
                    // As releases before gave out cursors: a version alone.
                    random.nextInt(3) == 0 ? new UsageQuery.Cursor(random.nextInt(3_000), 0) : null,
                    1 + random.nextInt(100),
                    random.nextBoolean());
            List<Line> expected = naive(lines, query);
            List<LedgerEntry> entries = turn(query);
            assertThat(entries)
                    .as("seed %d, %s", seed, query)
                    .extracting(LedgerEntry::quotaVersion)
                    .isEqualTo(expected.stream().map(Line::version).toList());
            assertThat(entries)
                    .extracting(entry ->
                            (entry.operation().equals("allocate") ? 1 : -1) * entry.usageMb() + entry.resourceId())
                    .isEqualTo(expected.stream()
                            .map(line -> line.differenceMb + line.resource)
                            .toList());
            found += expected.size();
        }
        assertThat(found).isPositive();
    }

    private static List<Line> naive(List<Line> lines, UsageQuery query) {
        Instant from = query.from();
        Instant to = query.to();
        UsageQuery.Cursor cursor = query.cursor();
        Comparator<Line> order = Comparator.comparingLong(Line::version);
        return lines.stream()
                .filter(line -> line.quota.equals(query.quotaId()))
                .filter(line -> query.resourceId() == null || line.resource.equals(query.resourceId()))
                .filter(line -> from == null || !line.at.isBefore(from))
                .filter(line -> to == null || line.at.isBefore(to))
                .filter(line -> cursor == null
                        || (query.newestFirst() ? line.version < cursor.version() : line.version > cursor.version()))
                .sorted(query.newestFirst() ? order.reversed() : order)
                .toList();
    }
}
