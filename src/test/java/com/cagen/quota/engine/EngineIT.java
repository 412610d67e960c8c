package com.cagen.quota.engine;

import static com.cagen.quota.engine.EngineHarness.await;
import static com.cagen.quota.engine.EngineHarness.caller;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.ListQuotas;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ListRuntimes;
import com.cagen.quota.operations.usage.UsageHistory;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineIT {
    private static final Caller OWNER = caller("org_1", "owner");
    private static final Caller COLLEAGUE = caller("org_1", "colleague");
    private static final Caller STRANGER = caller("org_2", "stranger");

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
        assertThat(report.entries()).isPositive();
        Invariants.check(engine.url);
    }

    private String root(long totalMb) {
        return engine.done(OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, totalMb, null))
                .getString("id");
    }

    private String child(String parent, long mb, QuotaType type, @Nullable String target) {
        return engine.done(OWNER, new AllocateQuota.Command(parent, "child", null, mb, type, target, List.of()))
                .getString("id");
    }

    private static AllocateUsage.Command allocate(String quota, String resource, long mb) {
        return new AllocateUsage.Command(quota, resource, mb, null);
    }

    @Test
    void dividesCapacityAndCountsUsage() {
        String root = root(10_000);
        String team = child(root, 2_000, QuotaType.TEAM, "team_dev");
        JsonObject usage = engine.done(OWNER, allocate(team, "res", 100));
        assertThat(usage.getLong("held_mb")).isEqualTo(100);
        assertThat(usage.getLong("available_mb")).isEqualTo(1_900);
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("available_mb"))
                .isEqualTo(8_000);
        Refusal refusal = engine.refused(OWNER, allocate(team, "res", 1_901));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refusal.details()).containsEntry("short_by_mb", 1L).containsEntry("available_mb", 1_900L);
    }

    @Test
    void threeHundredCallersNeverExceedAQuotaAndLeaveNothingUnused() {
        String root = root(100);
        List<Future<Answer>> answers = IntStream.range(0, 300)
                .mapToObj(i -> engine.send(OWNER, null, allocate(root, "res_" + i, 1)))
                .toList();
        long successes = answers.stream()
                .map(EngineHarness::await)
                .filter(Answer.Success.class::isInstance)
                .count();
        assertThat(successes).isEqualTo(100);
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("available_mb"))
                .isZero();
    }

    /** As a node does whose clock is wrong, when it starts and every few minutes. */
    private void rollNoncesOfANodeWhoseClockIs(Duration ahead) {
        long nowMillis = System.currentTimeMillis() + ahead.toMillis();
        await(engine.database.transaction(SecurityScope.maintenance(), connection -> connection
                .preparedQuery("SELECT quota.roll_nonce_partitions($1)")
                .execute(Tuple.of(nowMillis))));
    }

    @Test
    void acceptsNoCredentialTwiceAlthoughTheClockOfAnotherNodeIsHoursAhead() {
        String root = root(100);
        Nonce used = new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis());
        assertThat(await(engine.send(OWNER, used, null, allocate(root, "res", 1))))
                .isInstanceOf(Answer.Success.class);
        rollNoncesOfANodeWhoseClockIs(Duration.ofHours(3));
        await(RequestRows.rollNonces(engine.database));
        assertThat(await(engine.send(OWNER, used, null, allocate(root, "res", 1))))
                .isEqualTo(Refusal.credentialReplayed());
    }

    /**
     * A node accepts the timestamps that its own clock calls recent. When that clock is wrong by hours, the database has no
     * place for their nonces, and cannot tell whether they were used.
     */
    @Test
    void refusesCredentialsOfHoursThatTheDatabaseKeepsNoNoncesOf() {
        String root = root(100);
        for (Duration ahead : List.of(Duration.ofHours(-3), Duration.ofHours(30))) {
            Nonce nonce = new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis() + ahead.toMillis());
            // In one batch with a good one, and in a transaction of its own.
            Future<Answer> good = engine.send(OWNER, null, allocate(root, "res", 1));
            Future<Answer> batched = engine.send(OWNER, nonce, null, allocate(root, "res", 1));
            assertThat(await(good)).isInstanceOf(Answer.Success.class);
            Future<Answer> single = engine.send(
                    OWNER, nonce, null, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 1, null));
            for (Answer answer : List.of(await(batched), await(single))) {
                assertThat(answer).isInstanceOfSatisfying(Refusal.class, refusal -> assertThat(refusal.code())
                        .isEqualTo(ErrorCode.DATABASE_UNAVAILABLE));
            }
        }
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("used_mb"))
                .isEqualTo(2);
    }

    @Test
    void usageAndSubAllocationTogetherNeverExceedAQuota() {
        String root = root(100);
        List<Future<Answer>> answers = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            answers.add(engine.send(OWNER, null, allocate(root, "res_" + i, 2)));
            answers.add(engine.send(
                    OWNER,
                    null,
                    new AllocateQuota.Command(root, "c", null, 3, QuotaType.ORGANIZATION, null, List.of())));
        }
        answers.forEach(EngineHarness::await);
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("available_mb"))
                .isBetween(0L, 1L);
    }

    @Test
    void fiftyIdenticalRequestsHaveOneEffect() {
        String root = root(1_000);
        List<String> answers = IntStream.range(0, 50)
                .mapToObj(i -> engine.send(OWNER, "key-usage", allocate(root, "res", 10)))
                .toList()
                .stream()
                .map(EngineHarness::await)
                .map(answer -> ((Answer.Success) answer).data())
                .distinct()
                .toList();
        assertThat(answers).hasSize(1);
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("used_mb"))
                .isEqualTo(10);
        Answer other = await(engine.send(OWNER, "key-usage", allocate(root, "res", 11)));
        assertThat(((Refusal) other).code()).isEqualTo(ErrorCode.IDEMPOTENCY_KEY_REUSED);
    }

    @Test
    void fiftyIdenticalCreationsMakeOneQuota() {
        Input create = new CreateQuota.Command("once", null, QuotaType.ORGANIZATION, 5, null);
        List<String> ids =
                IntStream.range(0, 50).mapToObj(i -> engine.send(OWNER, "key-create", create)).toList().stream()
                        .map(EngineHarness::await)
                        .map(answer -> ((Answer.Success) answer).data())
                        .distinct()
                        .toList();
        assertThat(ids).hasSize(1);
    }

    @Test
    void acceptsANonceOnce() {
        String root = root(10);
        Nonce nonce = new Nonce("n-1", System.currentTimeMillis());
        List<Answer> answers =
                IntStream.range(0, 20)
                        .mapToObj(i -> engine.send(OWNER, nonce, null, allocate(root, "res", 1)))
                        .toList()
                        .stream()
                        .map(EngineHarness::await)
                        .toList();
        assertThat(answers.stream().filter(Answer.Success.class::isInstance)).hasSize(1);
        assertThat(answers.stream().filter(Refusal.class::isInstance))
                .allSatisfy(answer -> assertThat(((Refusal) answer).code()).isEqualTo(ErrorCode.CREDENTIAL_REPLAYED));
        Answer list = await(
                engine.send(OWNER, nonce, null, new ListQuotas.Command(1, 20, null, null, null, null, null, null)));
        assertThat(((Refusal) list).code()).isEqualTo(ErrorCode.CREDENTIAL_REPLAYED);
    }

    @Test
    void acceptsANonceOfAReadOnceAndRecordsItsReplays() {
        // Of an organization that no other test replays in: only the first ones of a minute are recorded one by one.
        Caller owner = caller("org_read", "owner");
        String root = engine.done(owner, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 10, null))
                .getString("id");
        Nonce nonce = new Nonce("n-read", System.currentTimeMillis());
        for (int round = 0; round < 2; round++) {
            List<Answer> answers = IntStream.range(0, 20)
                    .mapToObj(i -> engine.send(owner, nonce, null, new GetQuota.Command(root, null)))
                    .toList()
                    .stream()
                    .map(EngineHarness::await)
                    .toList();
            assertThat(answers.stream().filter(Answer.Success.class::isInstance))
                    .hasSize(round == 0 ? 1 : 0);
            assertThat(answers.stream().filter(Refusal.class::isInstance))
                    .allSatisfy(
                            answer -> assertThat(((Refusal) answer).code()).isEqualTo(ErrorCode.CREDENTIAL_REPLAYED));
        }
        await(engine.flushRefusals());
        Invariants.awaitSealed(engine.url);
        JsonObject trail = engine.done(owner, new ListAudit.Command(root, null, null, null, null, null, 100, false));
        assertThat(trail.getJsonArray("entries").stream()
                        .map(JsonObject.class::cast)
                        .filter(entry -> entry.getString("action").equals("credential.use"))
                        .mapToInt(entry -> entry.getJsonObject("details").getInteger("count", 1))
                        .sum())
                .isEqualTo(39);
    }

    @Test
    void tellsUsedNoncesFromFreshOnesInOneBatch() {
        String root = root(100);
        long now = System.currentTimeMillis();
        await(engine.send(OWNER, new Nonce("used", now), null, allocate(root, "res", 1)));
        List<Answer> answers = IntStream.range(0, 40)
                .mapToObj(i -> engine.send(
                        OWNER, new Nonce(i % 2 == 0 ? "used" : "fresh-" + i / 4, now), null, allocate(root, "res", 1)))
                .toList()
                .stream()
                .map(EngineHarness::await)
                .toList();
        for (int i = 0; i < answers.size(); i++) {
            // Of the odd ones each nonce comes twice, the second time as a replay.
            if (i % 4 == 1) {
                assertThat(answers.get(i)).as("request %d", i).isInstanceOf(Answer.Success.class);
            } else {
                assertThat(((Refusal) answers.get(i)).code())
                        .as("request %d", i)
                        .isEqualTo(ErrorCode.CREDENTIAL_REPLAYED);
            }
        }
    }

    @Test
    void hidesQuotasOfOtherOrganizations() {
        String root = root(10);
        Refusal foreign = engine.refused(STRANGER, new GetQuota.Command(root, null));
        Refusal missing = engine.refused(STRANGER, new GetQuota.Command("quota_none", null));
        assertThat(foreign).isEqualTo(missing);
        assertThat(foreign.code()).isEqualTo(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(engine.refused(STRANGER, allocate(root, "res", 1)).code()).isEqualTo(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(engine.refused(STRANGER, new ReleaseQuota.Command(root)).code())
                .isEqualTo(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void asksTheAuthServiceForColleaguesAndForgetsWhatWasRevoked() {
        String root = root(100);
        assertThat(engine.refused(COLLEAGUE, allocate(root, "res", 1)).code()).isEqualTo(ErrorCode.PERMISSION_DENIED);
        engine.done(OWNER, new GrantPermission.Command(root, "colleague", List.of(Permission.READ)));
        engine.done(COLLEAGUE, allocate(root, "res", 1));
        engine.authDown = true;
        try {
            engine.done(COLLEAGUE, allocate(root, "res", 1)); // from the cache
            assertThat(engine.refused(COLLEAGUE, new SuspendQuota.Command(root, null))
                            .code())
                    .isEqualTo(ErrorCode.PERMISSION_DENIED); // a root: owners only, nobody is asked
            assertThat(engine.refused(
                                    COLLEAGUE,
                                    new AllocateQuota.Command(
                                            root, "c", null, 1, QuotaType.ORGANIZATION, null, List.of()))
                            .code())
                    .isEqualTo(ErrorCode.AUTH_UNAVAILABLE);
        } finally {
            engine.authDown = false;
        }
        engine.done(OWNER, new RevokePermission.Command(root, "colleague", List.of(Permission.READ)));
        assertThat(engine.refused(COLLEAGUE, allocate(root, "res", 1)).code()).isEqualTo(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void tellsItsOwnOverloadFromAnAuthServiceThatIsDown() {
        String root = root(100);
        engine.authDown = true;
        engine.authFailure = ErrorCode.OVERLOADED;
        try {
            assertThat(engine.refused(COLLEAGUE, new GetQuota.Command(root, null))
                            .code())
                    .isEqualTo(ErrorCode.OVERLOADED);
            assertThat(engine.refused(COLLEAGUE, new ReleaseQuota.Command(root)).code())
                    .isEqualTo(ErrorCode.OVERLOADED);
        } finally {
            engine.authDown = false;
            engine.authFailure = ErrorCode.AUTH_UNAVAILABLE;
        }
    }

    @Test
    void suspensionReachesDownAndResumingLeavesWhatWasSuspendedByItself() {
        String root = root(100);
        String middle = child(root, 50, QuotaType.ORGANIZATION, "");
        String leaf = child(middle, 20, QuotaType.ORGANIZATION, "org_1");
        engine.done(OWNER, allocate(leaf, "res", 1));
        engine.done(OWNER, new SuspendQuota.Command(leaf, "leaf"));
        engine.done(OWNER, new SuspendQuota.Command(root, "all"));
        assertThat(engine.refused(OWNER, allocate(middle, "res", 1)).details())
                .containsEntry("suspended_quota_id", root);
        assertThat(engine.refused(OWNER, allocate(leaf, "res", 1)).details()).containsEntry("suspended_quota_id", leaf);
        engine.done(OWNER, new DeallocateUsage.Command(leaf, "res", 1, null));
        engine.done(OWNER, new ResumeQuota.Command(root, null));
        engine.done(OWNER, allocate(middle, "res", 1));
        assertThat(engine.refused(OWNER, allocate(leaf, "res", 1)).code()).isEqualTo(ErrorCode.QUOTA_SUSPENDED);
        engine.done(OWNER, new ResumeQuota.Command(leaf, null));
        engine.done(OWNER, allocate(leaf, "res", 1));
    }

    @Test
    void releaseReturnsCapacityAndARepeatGetsItsFirstAnswer() {
        String root = root(100);
        String child = child(root, 50, QuotaType.ORGANIZATION, null);
        engine.done(OWNER, allocate(child, "res", 1));
        assertThat(engine.refused(OWNER, new ReleaseQuota.Command(child)).code())
                .isEqualTo(ErrorCode.QUOTA_NOT_EMPTY);
        engine.done(OWNER, new DeallocateUsage.Command(child, "res", 1, null));
        Answer.Success first = (Answer.Success) await(engine.send(OWNER, "rel", new ReleaseQuota.Command(child)));
        Answer.Success again = (Answer.Success) await(engine.send(OWNER, "rel", new ReleaseQuota.Command(child)));
        assertThat(again.data()).isEqualTo(first.data());
        assertThat(again.replayed()).isTrue();
        assertThat(engine.refused(OWNER, new GetQuota.Command(child, null)).code())
                .isEqualTo(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(engine.done(OWNER, new GetQuota.Command(root, null)).getLong("available_mb"))
                .isEqualTo(100);
    }

    @Test
    void ownersOfAnAncestorOwnWhatIsBelowUntilRevoked() {
        String root = root(100);
        String child = child(root, 50, QuotaType.ORGANIZATION, null);
        String leaf = child(child, 10, QuotaType.ORGANIZATION, null);
        engine.done(OWNER, new GrantPermission.Command(root, "second", List.of(Permission.OWNER)));
        Caller second = caller("org_1", "second");
        engine.done(second, allocate(leaf, "res", 1));
        engine.done(second, new RevokePermission.Command(leaf, "second", List.of(Permission.OWNER)));
        engine.done(second, allocate(leaf, "res", 1)); // inherited, so still there
        engine.done(second, new RevokePermission.Command(root, "owner", List.of(Permission.OWNER)));
        assertThat(engine.done(second, new GetQuota.Command(leaf, null)).getString("owner_id"))
                .isEqualTo("second");
        assertThat(engine.refused(OWNER, new GetQuota.Command(leaf, null)).code())
                .isEqualTo(ErrorCode.PERMISSION_DENIED);
        assertThat(engine.refused(second, new RevokePermission.Command(root, "second", List.of(Permission.OWNER)))
                        .code())
                .isEqualTo(ErrorCode.LAST_OWNER);
    }

    @Test
    void whoIsNoOwnerAnyMoreCannotReadTheTrailOfADeletedQuota() {
        String root = root(100);
        String child = child(root, 50, QuotaType.ORGANIZATION, null);
        engine.done(OWNER, new ReleaseQuota.Command(child));
        engine.done(OWNER, new GrantPermission.Command(root, "heir", List.of(Permission.OWNER)));
        Caller heir = caller("org_1", "heir");
        engine.done(heir, new RevokePermission.Command(root, "owner", List.of(Permission.OWNER)));
        Input trail = new ListAudit.Command(child, null, null, null, null, null, 100, false);
        assertThat(engine.refused(OWNER, trail).code()).isEqualTo(ErrorCode.PERMISSION_DENIED);
        engine.done(heir, trail);
    }

    @Test
    void listsWhatTheCallerOwnsOrWasGranted() {
        Caller lister = caller("org_3", "lister");
        Caller guest = caller("org_3", "guest");
        Input create = new CreateQuota.Command("a", null, QuotaType.ORGANIZATION, 10, null);
        String first = engine.done(lister, create).getString("id");
        String second = engine.done(lister, create).getString("id");
        Input list = new ListQuotas.Command(1, 1, null, null, null, null, null, null);
        assertThat(engine.done(lister, list).getLong("total_count")).isEqualTo(2);
        assertThat(engine.done(lister, list)
                        .getJsonArray("quotas")
                        .getJsonObject(0)
                        .getString("id"))
                .isEqualTo(first);
        assertThat(engine.done(guest, list).getLong("total_count")).isZero();
        engine.done(lister, new GrantPermission.Command(second, "guest", List.of(Permission.READ)));
        assertThat(engine.done(guest, list)
                        .getJsonArray("quotas")
                        .getJsonObject(0)
                        .getString("id"))
                .isEqualTo(second);
        engine.done(lister, allocate(first, "res", 3));
        engine.done(guest, allocate(second, "res", 2));
        JsonObject runtimes = engine.done(lister, new ListRuntimes.Command(1, 20));
        assertThat(runtimes.getJsonArray("runtimes").getJsonObject(0).getLong("total_usage_mb"))
                .isEqualTo(5);
        JsonObject guests = engine.done(guest, new ListRuntimes.Command(1, 20));
        assertThat(guests.getJsonArray("runtimes").getJsonObject(0).getLong("total_usage_mb"))
                .isEqualTo(2);
    }

    @Test
    void historyPagesByCursorEitherWay() {
        String root = root(100);
        for (int i = 1; i <= 5; i++) {
            engine.done(OWNER, allocate(root, "res_" + i % 2, i));
        }
        Input firstTwo = new UsageHistory.Command(root, null, null, null, null, 2, false);
        JsonObject page = engine.done(OWNER, firstTwo);
        assertThat(page.getJsonArray("entries").getJsonObject(0).getLong("usage_mb"))
                .isEqualTo(1);
        Cursor.Place cursor = Cursor.decodePlace(page.getString("next_cursor")).orElseThrow();
        JsonObject rest = engine.done(OWNER, new UsageHistory.Command(root, null, null, null, cursor, 3, false));
        assertThat(rest.getJsonArray("entries")).hasSize(3);
        assertThat(rest.getString("next_cursor")).isNull();
        JsonObject newest = engine.done(OWNER, new UsageHistory.Command(root, "res_1", null, null, null, 1, true));
        assertThat(newest.getJsonArray("entries").getJsonObject(0).getLong("usage_mb"))
                .isEqualTo(5);
        assertThat(newest.getString("next_cursor")).isNotNull();
    }

    @Test
    void recordsWhatWasDoneAndWhatWasRefused() {
        String root = root(100);
        String child = child(root, 40, QuotaType.TEAM, "team_dev");
        engine.done(OWNER, allocate(root, "res", 10));
        engine.refused(OWNER, allocate(root, "res", 51));
        engine.refused(COLLEAGUE, allocate(root, "res", 1));
        engine.done(OWNER, new ReleaseQuota.Command(child));
        Invariants.awaitSealed(engine.url);
        JsonObject trail = engine.done(OWNER, new ListAudit.Command(root, null, null, null, null, null, 100, false));
        List<String> entries = trail.getJsonArray("entries").stream()
                .map(JsonObject.class::cast)
                .map(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                .toList();
        assertThat(entries)
                .containsExactly(
                        "quota.create applied",
                        "quota.allocate applied",
                        "usage.allocate applied",
                        "usage.allocate refused",
                        "usage.allocate refused",
                        "quota.release applied");
        JsonObject refused = trail.getJsonArray("entries").getJsonObject(3).getJsonObject("details");
        assertThat(refused.getString("code")).isEqualTo("insufficient_quota");
        assertThat(refused.getJsonObject("refusal").getLong("short_by_mb")).isEqualTo(1);
        // Of a deleted quota, the trail is all that is left.
        assertThat(engine.done(OWNER, new ListAudit.Command(child, null, null, null, null, null, 1, true))
                        .getJsonArray("entries")
                        .getJsonObject(0)
                        .getString("action"))
                .isEqualTo("quota.release");
        assertThat(engine.events.stream()
                        .filter(event -> root.equals(event.getString("quota_id")))
                        .map(event -> event.getLong("version")))
                .containsExactly(1L, 3L);
    }

    @Test
    void refusesToChangeAuditEntriesEvenForTheOwnerOfTheTable() {
        root(1);
        Invariants.awaitSealed(engine.url);
        for (String sql : List.of(
                "UPDATE quota.journal SET entries = '[]'",
                "DELETE FROM quota.journal",
                "TRUNCATE quota.journal",
                "SET session_replication_role = replica; DELETE FROM quota.journal",
                "DELETE FROM quota.seals",
                "TRUNCATE quota.seal_quotas")) {
            assertThatThrownBy(() -> TestDatabase.execute(engine.url, sql))
                    .hasRootCauseMessage(
                            "ERROR: audit entries are immutable\n  Where: PL/pgSQL function quota.refuse_change() line 3 at RAISE");
        }
    }

    @Test
    void verificationNamesTheFirstEntryThatWasTamperedWith() {
        try (EngineHarness other = new EngineHarness()) {
            String id = other.done(OWNER, new CreateQuota.Command("a", null, QuotaType.ORGANIZATION, 9, null))
                    .getString("id");
            other.done(OWNER, allocate(id, "res", 1));
            other.done(OWNER, allocate(id, "res", 2));
            Invariants.awaitSealed(other.url);
            assertThat(await(ChainVerification.run(other.database)).firstBad()).isNull();
            TestDatabase.execute(
                    other.url,
                    "ALTER TABLE quota.journal DISABLE TRIGGER ALL; ALTER TABLE quota.seals DISABLE TRIGGER ALL;"
                            + "UPDATE quota.journal SET entries = replace(entries, '\"usage_mb\":1,', '\"usage_mb\":7,')");
            assertThat(await(ChainVerification.run(other.database)).firstBad())
                    .isEqualTo(new ChainVerification.Bad("org_1", 2, "the hash does not fit the entry"));
            TestDatabase.execute(other.url, "DELETE FROM quota.seals");
            assertThat(await(ChainVerification.run(other.database)).firstBad())
                    .isEqualTo(new ChainVerification.Bad("org_1", 1, "the chain ends before its head, which is 3"));
        }
    }
}
