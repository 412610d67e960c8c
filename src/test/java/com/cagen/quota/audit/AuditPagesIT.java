package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.AuditTrail;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pages of an audit trail that a former release began and this one goes on with, against looking at every entry. */
class AuditPagesIT {
    private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");
    private static final int FORMER = 300;
    private static final int ENTRIES = 900;

    @TempDir
    Path folder;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private AuditHarness audit;

    @BeforeEach
    void start() {
        System.out.println("AuditPagesIT seed " + seed);
        audit = new AuditHarness(folder.resolve("checkpoints.log"));
    }

    @AfterEach
    void stop() {
        audit.close();
    }

    /** Entries of a quota, of its children and of others; times go forward, by clocks that are up to five minutes apart. */
    private List<AuditEntry> entries(int count, boolean long300K) {
        List<AuditEntry> entries = new ArrayList<>();
        long seconds = 0;
        for (int i = 0; i < count; i++) {
            seconds += random.nextInt(120);
            int size = long300K && random.nextInt(3) == 0
                    ? 60_000
                    : long300K && random.nextInt(20) == 0 ? 300_000 : random.nextInt(3_000);
            String[] about = List.of(
                            new String[] {"quota_a", null, "usage.allocate"},
                            new String[] {"quota_a", "quota_0", "usage.deallocate"},
                            new String[] {"quota_child", "quota_a", "quota.allocate"},
                            new String[] {"quota_child", "quota_a", "usage.allocate"},
                            new String[] {"quota_b", null, "usage.allocate"})
                    .get(random.nextInt(5));
            entries.add(new AuditEntry(
                    UUID.randomUUID(),
                    "org",
                    about[0],
                    about[1],
                    null,
                    about[2],
                    AuditEntry.REFUSED,
                    "user_" + random.nextInt(3),
                    "service",
                    null,
                    "{\"long\":\"" + "x".repeat(size) + "\"}",
                    "r",
                    BEGIN.plusSeconds(seconds + random.nextInt(300))));
        }
        return entries;
    }

    private void writeFormer(List<AuditEntry> entries) throws Exception {
        try (Connection connection = TestDatabase.connect(audit.url);
                PreparedStatement insert = connection.prepareStatement("""
                        INSERT INTO quota.quota_audit_logs_v9 (organization_id, seq, audit_id, quota_id, parent_quota_id, action,
                            outcome, actor_user_id, service_id, details, request_id, created_at, hash)
                        VALUES ('org', ?, ?, ?, ?, ?, 'refused', ?, 'service', ?::json, 'r', ?, decode(repeat('00', 32), 'hex'))
                        """)) {
            for (int i = 0; i < entries.size(); i++) {
                AuditEntry entry = entries.get(i);
                insert.setLong(1, i + 1);
                insert.setObject(2, entry.auditId());
                insert.setString(3, entry.quotaId());
                insert.setString(4, entry.parentQuotaId());
                insert.setString(5, entry.action());
                insert.setString(6, entry.actorUserId());
                insert.setString(7, entry.details());
                insert.setObject(8, OffsetDateTime.ofInstant(entry.createdAt(), ZoneOffset.UTC));
                insert.addBatch();
            }
            insert.executeBatch();
            connection
                    .createStatement()
                    .execute("INSERT INTO quota.chain_heads (organization_id, seq) VALUES ('org', " + entries.size()
                            + ")");
        }
    }

    private List<AuditEntry> write(boolean long300K) throws Exception {
        List<AuditEntry> entries = entries(ENTRIES, long300K);
        writeFormer(entries.subList(0, FORMER));
        int next = FORMER;
        Sealing sealing = new Sealing(audit.database, ignored -> {});
        while (next < ENTRIES) {
            int end = Math.min(ENTRIES, next + 1 + random.nextInt(10));
            await(audit.add(List.of(entries.subList(next, end))));
            next = end;
            if (random.nextInt(3) == 0 || next == ENTRIES) {
                while (await(sealing.run(List.of("org"), 0)) > 0) {
                    // Until everything is sealed.
                }
            }
        }
        return entries;
    }

    private @Nullable Instant moment() {
        return random.nextInt(3) == 0 ? BEGIN.plusSeconds(random.nextInt(60_000) - 2_000) : null;
    }

    /** All pages from the cursor on. */
    private List<Long> turn(AuditTrail.Query first) {
        List<Long> seen = new ArrayList<>();
        AuditTrail.Query query = first;
        while (true) {
            AuditTrail.Query asked = query;
            AuditTrail.Page page = await(audit.database.transaction(
                    SecurityScope.organization("org"), connection -> AuditTrail.list(connection, "org", asked)));
            assertThat(page.entries()).hasSizeBetween(0, asked.limit());
            int bytes = page.entries().stream()
                    .limit(Math.max(0, page.entries().size() - 1))
                    .mapToInt(entry -> entry.entry().details().length())
                    .sum();
            assertThat(bytes).as("without the last entry").isLessThan(256 * 1024);
            page.entries().stream().map(SealedEntry::seq).forEach(seen::add);
            if (page.nextCursor() == null) {
                return seen;
            }
            query = new AuditTrail.Query(
                    first.quotaId(),
                    first.action(),
                    first.actor(),
                    first.from(),
                    first.to(),
                    page.nextCursor(),
                    1 + random.nextInt(100),
                    first.newestFirst());
        }
    }

    private static List<Long> naive(List<AuditEntry> entries, AuditTrail.Query query) {
        List<Long> found = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            AuditEntry entry = entries.get(i);
            Instant at = entry.createdAt();
            if ((query.quotaId().equals(entry.quotaId())
                            || (query.quotaId().equals(entry.parentQuotaId())
                                    && entry.action().equals("quota.allocate")))
                    && (query.action() == null || query.action().equals(entry.action()))
                    && (query.actor() == null || query.actor().equals(entry.actorUserId()))
                    && (query.from() == null || !at.isBefore(query.from()))
                    && (query.to() == null || at.isBefore(query.to()))) {
                found.add(i + 1L);
            }
        }
        if (query.newestFirst()) {
            Collections.reverse(found);
        }
        return found;
    }

    @Test
    void findsWhatLookingAtEveryEntryFinds() throws Exception {
        List<AuditEntry> entries = write(false);
        int found = 0;
        for (int i = 0; i < 60; i++) {
            AuditTrail.Query query = new AuditTrail.Query(
                    List.of("quota_a", "quota_b", "quota_child", "quota_none").get(random.nextInt(4)),
                    random.nextInt(3) == 0 ? "quota.allocate" : null,
                    random.nextInt(3) == 0 ? "user_1" : null,
                    moment(),
                    moment(),
                    null,
                    1 + random.nextInt(100),
                    random.nextBoolean());
            List<Long> expected = naive(entries, query);
            assertThat(turn(query)).as("seed %d, %s", seed, query).isEqualTo(expected);
            found += expected.size();
        }
        assertThat(found).isPositive();
    }

    /** Entries of up to 300 KB of details: all of them, in order, and no page much over its limit. */
    @Test
    void turnsThroughAllOfATrailOfLongEntries() throws Exception {
        List<AuditEntry> entries = write(true);
        for (boolean newestFirst : List.of(false, true)) {
            AuditTrail.Query query = new AuditTrail.Query("quota_a", null, null, null, null, null, 100, newestFirst);
            assertThat(turn(query)).as("seed %d", seed).isEqualTo(naive(entries, query));
        }
    }
}
