package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.applied;
import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SealingIT {
    @TempDir
    Path folder;

    private AuditHarness audit;

    @BeforeEach
    void start() {
        audit = new AuditHarness(folder.resolve("checkpoints.log"));
    }

    @AfterEach
    void stop() {
        audit.close();
    }

    /** Quotas of many organizations changing, in batches as the lanes make them. */
    private final class Load {
        private final long seed = System.nanoTime();
        private final Random random = new Random(seed);
        private final Map<String, Long> versions = new HashMap<>();
        final Map<String, List<UUID>> expected = new HashMap<>();

        void commitBatches(int batches, int organizations) {
            for (int i = 0; i < batches; i++) {
                List<List<AuditEntry>> rows = new ArrayList<>();
                random.ints(8, 0, organizations).distinct().forEach(o -> rows.add(row("org_" + o)));
                await(audit.add(rows));
            }
        }

        private List<AuditEntry> row(String organization) {
            List<AuditEntry> entries = new ArrayList<>();
            for (int i = random.nextInt(128); i >= 0; i--) {
                String quota = "quota_" + organization + random.nextInt(3);
                AuditEntry entry = applied(organization, quota, versions.merge(quota, 1L, Long::sum));
                entries.add(entry);
                expected.computeIfAbsent(quota, ignored -> new ArrayList<>()).add(entry.auditId());
            }
            return entries;
        }
    }

    private void assertSealedOnceAndInOrder(Load load) {
        assertThat(await(ChainVerification.run(audit.database)).firstBad())
                .as("seed %d", load.seed)
                .isNull();
        Map<String, List<UUID>> sealed = new HashMap<>();
        load.expected.keySet().stream()
                .map(quota -> quota.substring("quota_".length(), quota.length() - 1))
                .distinct()
                .forEach(organization -> chain(organization).forEach(entry -> sealed.computeIfAbsent(
                                java.util.Objects.requireNonNull(entry.entry().quotaId()), ignored -> new ArrayList<>())
                        .add(entry.entry().auditId())));
        assertThat(sealed).as("seed %d", load.seed).isEqualTo(load.expected);
        assertThat(waiting()).isZero();
    }

    private List<SealedEntry> chain(String organization) {
        return audit.chain(organization);
    }

    private long waiting() {
        return count("SELECT count(*) FROM quota.unsealed");
    }

    private long count(String sql) {
        try (Connection connection = TestDatabase.connect(audit.url);
                var rows = connection.createStatement().executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void twoNodesAtOnceSealEachEntryOnceInOneGaplessChain() {
        AuditHarness.Node one = audit.node().start();
        AuditHarness.Node two = audit.node().start();
        Load load = new Load();
        load.commitBatches(150, 30);
        Invariants.awaitSealed(audit.url);
        one.stop();
        two.stop();
        assertSealedOnceAndInOrder(load);
        double sealed = Stream.of(one, two)
                .mapToDouble(node ->
                        node.metrics.get("cagen_quota_audit_sealed").counter().count())
                .sum();
        assertThat(sealed)
                .isEqualTo(load.expected.values().stream().mapToInt(List::size).sum());
    }

    /** More than a transaction takes of organizations and of entries. */
    @Test
    void sealsABacklogOfManyOrganizationsWithoutStarvingAny() {
        Load load = new Load();
        load.commitBatches(100, 250);
        audit.sealAll();
        assertSealedOnceAndInOrder(load);
    }

    @Test
    void aNodeThatLosesItsConnectionsLosesAndDoublesNothing() {
        Load load = new Load();
        audit.node().start();
        for (int i = 0; i < 20; i++) {
            load.commitBatches(8, 5);
            // Whatever it is doing: it is in the middle of a transaction most of the time, as there is always work.
            count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    + " WHERE datname = current_database() AND query LIKE '%chain_heads%' AND pid <> pg_backend_pid()"
                    + " AND query NOT LIKE '%ON CONFLICT%'");
        }
        Invariants.awaitSealed(audit.url);
        assertSealedOnceAndInOrder(load);
    }

    @Test
    void aHeadThatSomebodyElseHoldsDelaysNobodyElse() throws SQLException {
        await(audit.add(
                List.of(List.of(applied("org_held", "quota_1", 1)), List.of(applied("org_free", "quota_2", 1)))));
        try (Connection other = TestDatabase.connect(audit.url)) {
            other.setAutoCommit(false);
            other.createStatement()
                    .executeQuery("SELECT FROM quota.chain_heads WHERE organization_id = 'org_held' FOR UPDATE");
            audit.sealAll();
            assertThat(chain("org_free")).hasSize(1);
            assertThat(chain("org_held")).isEmpty();
            other.rollback();
        }
        audit.sealAll();
        assertThat(chain("org_held")).hasSize(1);
    }

    @Test
    void anOrganizationThatCannotBeSealedDelaysNobodyElseAndKeepsTheLagGrowing() {
        await(audit.add(LongStream.range(0, 9)
                .mapToObj(i -> List.of(applied("org_" + i, "quota_" + i, 1)))
                .toList()));
        audit.tamper("UPDATE quota.journal SET entries = 'no JSON' WHERE organization_id = 'org_4'");
        AuditHarness.Node node = audit.node().start();
        node.stop();
        assertThat(waiting()).isEqualTo(1);
        assertThat(chain("org_3")).hasSize(1);
        assertThat(chain("org_5")).hasSize(1);
        assertThat(node.verticle.lagMillis()).isPositive();
    }

    @Test
    void publishesAppliedChangesInTheOrderOfTheirVersions() {
        AuditHarness.Node node = audit.node();
        await(audit.add(List.of(List.of(applied("org_1", "quota_1", 1), applied("org_1", "quota_2", 1)))));
        await(audit.add(List.of(List.of(applied("org_1", "quota_1", 2)))));
        node.start().stop();
        await(node.vertx.timer(1));
        assertThat(node.events.stream()
                        .filter(event -> "quota_1".equals(event.getString("quota_id")))
                        .map(event -> event.getLong("version")))
                .containsExactly(1L, 2L);
        JsonObject first = java.util.Objects.requireNonNull(node.events.peek());
        assertThat(first.fieldNames())
                .containsExactlyInAnyOrder(
                        "event_id",
                        "operation_id",
                        "type",
                        "organization_id",
                        "quota_id",
                        "version",
                        "occurred_at",
                        "actor",
                        "data");
    }

    @Test
    void countsRefusalsThatAreShedWhenTooManyComeAtOnce() {
        AuditHarness.Node node = audit.node();
        node.start();
        // Held back, so that none is stored meanwhile.
        TestDatabase.execute(audit.url, "ALTER TABLE quota.unsealed RENAME TO unsealed_away");
        for (int i = 0; i < 10_003; i++) {
            node.bus.recordRefusal(applied("org_1", "quota_1", 1));
        }
        assertThat(node.bus.refusalsShed()).isEqualTo(3);
        TestDatabase.execute(audit.url, "ALTER TABLE quota.unsealed_away RENAME TO unsealed");
        node.stop();
        assertThat(chain("org_1")).hasSize(10_000);
    }

    @Test
    void refusalsWaitForANodeThatStoresThem() {
        AuditHarness.Node node = audit.node();
        for (int i = 1; i <= 3; i++) {
            node.bus.recordRefusal(applied("org_1", "quota_1", i));
            node.bus.recordRefusal(applied("org_2", "quota_2", i));
        }
        node.start().stop();
        assertThat(await(ChainVerification.run(audit.database))).isEqualTo(new ChainVerification.Report(2, 6, null));
        assertThat(node.bus.refusalsShed()).isZero();
    }

    /** As after a COMMIT without an answer, or a reply that came too late. */
    @Test
    void refusalsThatAreSentAgainAreInTheTrailOnce() {
        List<AuditEntry> entries = List.of(applied("org_1", "quota_1", 1), applied("org_1", "quota_1", 2));
        await(RefusalStore.store(audit.database, entries, false));
        await(RefusalStore.store(audit.database, entries, true));
        assertThat(waiting()).isEqualTo(1);
        audit.sealAll();
        await(RefusalStore.store(audit.database, entries, true));
        audit.sealAll();
        assertThat(chain("org_1"))
                .extracting(entry -> entry.entry().auditId())
                .containsExactly(entries.get(0).auditId(), entries.get(1).auditId());
        List<AuditEntry> lost = List.of(applied("org_1", "quota_1", 3));
        await(RefusalStore.store(audit.database, lost, true));
        audit.sealAll();
        assertThat(chain("org_1")).hasSize(3);
    }

    @Test
    void refusalsWhoseCommitHasNoOutcomeYetAreNotStoredASecondTime() throws SQLException {
        List<AuditEntry> entries = List.of(applied("org_1", "quota_1", 1));
        String batch = entries.get(0).auditId().toString();
        await(audit.add(List.of(List.of(applied("org_1", "quota_1", 0)))));
        try (Connection first = TestDatabase.connect(audit.url)) {
            // A first try whose connection its client has given up, and which commits all the same.
            first.setAutoCommit(false);
            first.createStatement().execute("SELECT pg_advisory_xact_lock(hashtextextended('" + batch + "', 0))");
            Future<Void> again = RefusalStore.store(audit.database, entries, true);
            RunningService.until(
                    "the second try waits for the first one",
                    () -> count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0);
            first.createStatement()
                    .execute(
                            "INSERT INTO quota.journal (organization_id, batch_id, entry_count, entries) VALUES ('org_1', '"
                                    + batch + "', 1, '" + JournalRows.encode(entries) + "');"
                                    + " INSERT INTO quota.unsealed (organization_id, position)"
                                    + " VALUES ('org_1', currval('quota.journal_position_seq'))");
            first.commit();
            await(again);
        }
        assertThat(waiting()).isEqualTo(2);
    }

    /** As a refused allocation with a body of 64 KiB made one, when details were not cut. */
    private static AuditEntry large(String organization, long version) {
        AuditEntry e = applied(organization, "quota_" + organization, version);
        return new AuditEntry(
                e.auditId(),
                organization,
                e.quotaId(),
                null,
                version,
                e.action(),
                e.outcome(),
                e.actorUserId(),
                e.serviceId(),
                null,
                "{\"names\":\"" + "ü".repeat(30_000) + "\"}",
                e.requestId(),
                e.createdAt());
    }

    private static int bytes(List<AuditEntry> entries) {
        return entries.stream()
                .mapToInt(entry -> entry.details().getBytes(StandardCharsets.UTF_8).length)
                .sum();
    }

    @Test
    void aTransactionTakesNoMoreThanSoManyBytesOfABacklogAndAllOfItIsSealedInTheEnd() {
        for (int i = 1; i <= 100; i++) {
            await(audit.add(List.of(List.of(large("org_1", i)), List.of(large("org_2", i)))));
        }
        List<List<AuditEntry>> transactions = new ArrayList<>();
        Sealing sealing = new Sealing(audit.database, transactions::add);
        boolean apart = audit.config.database().oneOrganizationATransaction();
        for (List<String> organizations :
                apart ? List.of(List.of("org_1"), List.of("org_2")) : List.of(List.of("org_1", "org_2"))) {
            while (await(sealing.run(organizations, 0)) > 0) {
                assertThat(transactions).hasSizeLessThan(100);
            }
        }
        assertThat(transactions).hasSizeGreaterThan(1).allSatisfy(entries -> assertThat(bytes(entries))
                .isLessThanOrEqualTo(Sealing.MAX_BYTES));
        assertThat(await(ChainVerification.run(audit.database))).isEqualTo(new ChainVerification.Report(2, 200, null));
        assertThat(waiting()).isZero();
    }

    @Test
    void aRowThatIsLargerThanATransactionShouldTakeIsSealedAlone() {
        List<AuditEntry> huge =
                LongStream.rangeClosed(1, 80).mapToObj(i -> large("org_1", i)).toList();
        String text = JournalRows.encode(huge);
        await(audit.add(List.of(List.of(applied("org_1", "quota_1", 1)))));
        // As a release before this one may have left it behind.
        audit.tamper("UPDATE quota.journal SET entry_count = 80, entries = '" + text.replace("'", "''") + "'");
        await(audit.add(List.of(List.of(applied("org_1", "quota_1", 2)))));
        List<List<AuditEntry>> transactions = new ArrayList<>();
        Sealing sealing = new Sealing(audit.database, transactions::add);
        assertThat(await(sealing.run(List.of("org_1"), 0))).isEqualTo(80);
        assertThat(await(sealing.run(List.of("org_1"), 0))).isEqualTo(1);
    }

    @Test
    void whatComesBeforeARowThatCannotBeSealedIsSealedAfterFailedTriesWithFewerRows() {
        for (int i = 1; i <= 20; i++) {
            await(audit.add(List.of(List.of(applied("org_1", "quota_1", i)))));
        }
        audit.tamper("UPDATE quota.journal SET entries = 'no JSON'"
                + " WHERE position = (SELECT position FROM quota.unsealed ORDER BY position OFFSET 11 LIMIT 1)");
        audit.sealAll();
        assertThat(chain("org_1")).hasSize(11);
        assertThat(waiting()).isEqualTo(9);
    }

    @Test
    void takesFewerRowsWithEachHalvingDownToOne() {
        for (int i = 1; i <= 40; i++) {
            await(audit.add(List.of(List.of(applied("org_1", "quota_1", i)))));
        }
        Sealing sealing = new Sealing(audit.database, entries -> {});
        assertThat(await(sealing.run(List.of("org_1"), Sealing.MAX_HALVINGS))).isEqualTo(1);
        assertThat(await(sealing.run(List.of("org_1"), Sealing.MAX_HALVINGS - 3)))
                .isEqualTo(15);
        assertThat(await(sealing.run(List.of("org_1"), 0))).isEqualTo(24);
    }
}
