package com.cagen.quota.engine;

import static com.cagen.quota.engine.EngineHarness.await;
import static com.cagen.quota.engine.EngineHarness.caller;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the audit trail keeps of each operation, and how it is read. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineAuditIT {
    private static final Caller OWNER = caller("org_1", "owner");
    private static final Caller COLLEAGUE = caller("org_1", "colleague");

    private EngineHarness engine;

    @BeforeAll
    void start() {
        engine = new EngineHarness();
    }

    @AfterAll
    void invariantsHold() {
        Invariants.awaitSealed(engine.url);
        ChainVerification.Report report = await(ChainVerification.run(engine.database));
        engine.close();
        assertThat(report.firstBad()).isNull();
        Invariants.check(engine.url);
    }

    private String root() {
        return engine.done(OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 1_000, null))
                .getString("id");
    }

    private String child(String parent) {
        return engine.done(
                        OWNER,
                        new AllocateQuota.Command(parent, "child", null, 100, QuotaType.ORGANIZATION, null, List.of()))
                .getString("id");
    }

    private List<JsonObject> trail(String quota) {
        Invariants.awaitSealed(engine.url);
        return entries(page(quota, null, 100, false));
    }

    private JsonObject page(String quota, @Nullable String cursor, int limit, boolean newestFirst) {
        Long position = cursor == null ? null : Cursor.decode(cursor).orElseThrow();
        return engine.done(OWNER, new ListAudit.Command(quota, null, null, null, null, position, limit, newestFirst));
    }

    private static List<JsonObject> entries(JsonObject page) {
        return page.getJsonArray("entries").stream().map(JsonObject.class::cast).toList();
    }

    private static JsonArray changes(JsonObject entry) {
        return entry.getJsonObject("details").getJsonArray("changes");
    }

    private static List<String> actions(List<JsonObject> entries) {
        return entries.stream().map(entry -> entry.getString("action")).toList();
    }

    @Test
    void keepsOneEntryOfEachOperationWithTheFieldsOfTheContract() {
        String root = root();
        String child = child(root);
        engine.done(OWNER, new AllocateUsage.Command(child, "res", 30, "a build"));
        engine.done(OWNER, new DeallocateUsage.Command(child, "res", 10, null));
        engine.done(OWNER, new GrantPermission.Command(child, "colleague", List.of(Permission.READ)));
        engine.done(OWNER, new RevokePermission.Command(child, "colleague", List.of(Permission.READ)));
        engine.done(OWNER, new SuspendQuota.Command(child, "why not"));
        engine.done(OWNER, new ResumeQuota.Command(child, null));
        engine.done(OWNER, new DeallocateUsage.Command(child, "res", 20, null));
        engine.done(OWNER, new ReleaseQuota.Command(child));
        List<JsonObject> entries = trail(child);
        assertThat(actions(entries))
                .containsExactly(
                        "quota.allocate",
                        "usage.allocate",
                        "usage.deallocate",
                        "permission.grant",
                        "permission.revoke",
                        "quota.suspend",
                        "quota.resume",
                        "usage.deallocate",
                        "quota.release");
        assertThat(entries).allSatisfy(entry -> {
            assertThat(entry.fieldNames())
                    .containsExactlyInAnyOrder(
                            "audit_id",
                            "operation_id",
                            "seq",
                            "quota_id",
                            "parent_quota_id",
                            "action",
                            "outcome",
                            "actor_user_id",
                            "service_id",
                            "target_user_id",
                            "details",
                            "request_id",
                            "created_at",
                            "hash");
            assertThat(entry.getString("quota_id")).isEqualTo(child);
            assertThat(entry.getString("parent_quota_id")).isEqualTo(root);
            assertThat(entry.getString("outcome")).isEqualTo("applied");
            assertThat(entry.getString("actor_user_id")).isEqualTo("owner");
            assertThat(entry.getString("service_id")).isEqualTo("svc_cagen_quota");
            assertThat(entry.getString("request_id")).isEqualTo("req-test");
            assertThat(entry.getString("hash")).matches("[0-9a-f]{64}");
        });
        assertThat(entries.get(1).getJsonObject("details"))
                .isEqualTo(new JsonObject()
                        .put("resource_id", "res")
                        .put("usage_mb", 30)
                        .put("reason", "a build")
                        .put("changes", new JsonArray("""
                                [{"quota_id": "%s", "version": 2,
                                  "before": {"used_mb": 0, "reserved_mb": 0, "held_mb": 0}, "after": {"used_mb": 30, "reserved_mb": 0, "held_mb": 30}}]
                                """.formatted(child))));
        assertThat(changes(entries.get(2))).isEqualTo(new JsonArray("""
                [{"quota_id": "%s", "version": 3,
                  "before": {"used_mb": 30, "reserved_mb": 0, "held_mb": 30}, "after": {"used_mb": 20, "reserved_mb": 0, "held_mb": 20}}]
                """.formatted(child)));
        assertThat(entries.get(3).getString("target_user_id")).isEqualTo("colleague");
        assertThat(changes(entries.get(5))).isEqualTo(new JsonArray("""
                [{"quota_id": "%s", "version": 6, "before": {"status": "active"}, "after": {"status": "suspended"}}]
                """.formatted(child)));
        assertThat(actions(trail(root))).containsExactly("quota.create", "quota.allocate", "quota.release");
    }

    @Test
    void keepsRefusalsWithTheirReasons() {
        String root = root();
        engine.refused(COLLEAGUE, new AllocateUsage.Command(root, "res", 1, null)); // 403
        engine.refused(OWNER, new AllocateUsage.Command(root, "res", 1_001, null)); // 409
        engine.refused(
                OWNER, // 422
                new AllocateQuota.Command(root, "c", null, 1, QuotaType.ORGANIZATION, "org_2", List.of()));
        await(engine.send(OWNER, "key-" + root, new AllocateUsage.Command(root, "res", 1, null)));
        await(engine.send(OWNER, "key-" + root, new AllocateUsage.Command(root, "res", 2, null))); // 422
        assertThat(trail(root).stream()
                        .filter(entry -> entry.getString("outcome").equals("refused"))
                        .map(entry -> entry.getString("action") + " "
                                + entry.getJsonObject("details").getString("code")))
                .containsExactly(
                        "usage.allocate permission_denied",
                        "usage.allocate insufficient_quota",
                        "quota.allocate hierarchy_violation",
                        "usage.allocate idempotency_key_reused");
    }

    @Test
    void keepsTheUseOfACredentialForTheSecondTime() {
        String root = root();
        Nonce nonce = new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis());
        await(engine.send(OWNER, nonce, null, new AllocateUsage.Command(root, "res", 1, null)));
        await(engine.send(OWNER, nonce, null, new AllocateUsage.Command(root, "res", 1, null)));
        List<JsonObject> entries = trail(root);
        assertThat(actions(entries)).containsExactly("quota.create", "usage.allocate", "credential.use");
        assertThat(entries.get(2).getJsonObject("details"))
                .isEqualTo(new JsonObject().put("code", "credential_replayed").put("operation", "usage.allocate"));
    }

    /** The root is made before, so that no look on its account is still under way. */
    @Test
    void sealsABatchOfUsageAtTheBellAndNotWhenItLooksByItself() {
        try (EngineHarness idle = EngineHarness.withoutAudit()) {
            String root = idle.done(OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 1_000, null))
                    .getString("id");
            idle.startAudit(3_600_000);
            idle.done(OWNER, new AllocateUsage.Command(root, "res", 1, null));
            Invariants.awaitSealed(idle.url);
        }
    }

    @Test
    void recordsTheFirstUsesOfAUsedCredentialOneByOneAndCountsTheOthers() {
        EngineHarness flooded = new EngineHarness();
        try (flooded) {
            String root = flooded.done(
                            OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 1_000, null))
                    .getString("id");
            Nonce nonce = new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis());
            List<Future<Answer>> answers = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                answers.add(flooded.send(OWNER, nonce, null, new GetQuota.Command(root, null)));
                answers.add(flooded.send(OWNER, nonce, null, new SuspendQuota.Command(root, null)));
            }
            answers.forEach(EngineHarness::await);
            await(flooded.flushRefusals());
            Invariants.awaitSealed(flooded.url);
            List<JsonObject> uses = entries(flooded.done(
                            OWNER, new ListAudit.Command(root, "credential.use", null, null, null, null, 100, false)))
                    .stream()
                    .map(entry -> entry.getJsonObject("details"))
                    .toList();
            assertThat(uses.stream().mapToInt(use -> use.getInteger("count", 1)).sum())
                    .isEqualTo(199);
            assertThat(uses)
                    .as("should the minute end meanwhile, twice ten and one")
                    .hasSizeLessThanOrEqualTo(22);
        }
    }

    /** Their entries are stored in several rows of the journal, and sealed in their order all the same. */
    @Test
    void keepsTheOrderOfABatchOfTheLargestOperations() {
        String root = root();
        List<Future<Answer>> answers = new ArrayList<>();
        for (int i = 1; i <= 128; i++) {
            String resource = i + "ü".repeat(250);
            answers.add(engine.send(OWNER, null, new AllocateUsage.Command(root, resource, 1, "ü".repeat(1_000))));
        }
        answers.forEach(answer -> assertThat(await(answer)).isInstanceOf(Answer.Success.class));
        Invariants.awaitSealed(engine.url);
        List<JsonObject> entries = new ArrayList<>();
        String cursor = null;
        do {
            JsonObject page = page(root, cursor, 100, false);
            entries.addAll(entries(page));
            cursor = page.getString("next_cursor");
        } while (cursor != null);
        assertThat(entries.stream().skip(1).map(entry -> entry.getJsonObject("details")
                        .getJsonArray("changes")
                        .getJsonObject(0)
                        .getJsonObject("after")
                        .getInteger("used_mb")))
                .isEqualTo(
                        java.util.stream.IntStream.rangeClosed(1, 128).boxed().toList());
    }

    @Test
    void pagesInBothDirectionsNeitherSkippingNorRepeatingWhileEntriesArrive() {
        String root = root();
        for (int i = 1; i <= 20; i++) {
            engine.done(OWNER, new AllocateUsage.Command(root, "res", i, null));
        }
        trail(root); // all of them are sealed
        List<Future<Answer>> meanwhile = new ArrayList<>();
        List<Integer> oldestFirst = new ArrayList<>();
        List<Integer> newestFirst = new ArrayList<>();
        for (boolean newest : List.of(false, true)) {
            String cursor = null;
            do {
                JsonObject page = page(root, cursor, 3, newest);
                cursor = page.getString("next_cursor");
                for (JsonObject entry : entries(page)) {
                    Integer usage = entry.getJsonObject("details").getInteger("usage_mb");
                    (newest ? newestFirst : oldestFirst).add(usage == null ? 0 : usage);
                }
                if (meanwhile.size() < 30) {
                    meanwhile.add(engine.send(
                            OWNER, null, new AllocateUsage.Command(root, "res", 21 + meanwhile.size(), null)));
                }
            } while (cursor != null);
        }
        meanwhile.forEach(EngineHarness::await);
        assertThat(oldestFirst).startsWith(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20);
        assertThat(oldestFirst).isSorted().doesNotHaveDuplicates();
        assertThat(newestFirst).endsWith(20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        assertThat(newestFirst).isSortedAccordingTo((a, b) -> b - a).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "UPDATE quota.journal SET entries = '[]'",
                "DELETE FROM quota.journal",
                "TRUNCATE quota.journal",
                "UPDATE quota.seals SET format = 1",
                "DELETE FROM quota.seals",
                "TRUNCATE quota.seals",
                "DELETE FROM quota.seal_quotas",
                "DELETE FROM quota.quota_audit_logs_v9 WHERE seq = 0; TRUNCATE quota.quota_audit_logs_v9"
            })
    void refusesEveryChangeOfAnEntryToTheServiceItsOwnerAndASuperuser(String change) {
        root();
        Invariants.awaitSealed(engine.url);
        assertThatThrownBy(() -> TestDatabase.execute(
                        engine.url, "SET ROLE quota_app; SET app.organization_id = 'org_1'; " + change))
                .rootCause()
                .hasMessageContaining("permission denied for table ");
        assertThatThrownBy(() -> TestDatabase.execute(engine.url, change))
                .rootCause()
                .hasMessageContaining("audit entries are immutable");
        assertThatThrownBy(() -> TestDatabase.execute(engine.url, "SET session_replication_role = replica; " + change))
                .rootCause()
                .hasMessageContaining("audit entries are immutable");
    }
}
