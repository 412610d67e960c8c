package com.cagen.quota.delivery;

import static com.cagen.quota.auth.AuthFixtures.SERVICE;
import static com.cagen.quota.auth.AuthFixtures.await;
import static com.cagen.quota.auth.AuthFixtures.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.auth.AuthDatabase;
import com.cagen.quota.auth.AuthFixtures;
import com.cagen.quota.auth.AuthVerticle;
import com.cagen.quota.auth.StubAuthService;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.AuthMessage;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.OpenedCredential;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The auth verticle on a real database, towards a real HTTP server that is not always there. */
class AuthOutboxDeliveryIT {
    private static final Config CONFIG = AuthFixtures.config(500);

    private final Vertx vertx = Vertx.vertx();
    private final StubAuthService service = new StubAuthService(vertx);
    private final AuthDatabase data = new AuthDatabase(vertx, CONFIG);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final InternalBus bus = new InternalBus(vertx, Operations.CATALOG::commandType, 1, 5_000);

    @BeforeEach
    void deploy() {
        deployNode();
    }

    private void deployNode() {
        await(vertx.deployVerticle(new AuthVerticle(CONFIG, bus, data.database, service.url(), metrics)));
    }

    @AfterEach
    void close() {
        await(vertx.close());
    }

    private void leave(String organizationId, String quotaId, AuthMessage message) {
        message.adminUserIds().forEach(admin -> data.admin(organizationId, quotaId, admin));
        await(data.database.transaction(
                SecurityScope.organization(organizationId),
                connection -> connection.write(AuthOutboxRows.messages(
                        List.of(new AuthOutboxRows.NewMessage(organizationId, quotaId, message))))));
    }

    private static AuthMessage message(String name, String... admins) {
        return new AuthMessage("user_1", List.of("team_dev"), name, "for " + name, List.of(admins));
    }

    private boolean empty() {
        return data.number("SELECT count(*) FROM quota.auth_outbox") == 0;
    }

    /** Notified again and again, it delivers what is due at once, and not when it looks by itself. */
    private void untilDelivered() {
        until(vertx, "the outbox is empty", () -> {
            bus.notifyAuth();
            return empty();
        });
    }

    /** As {@link #untilDelivered}, for what nobody notified it of. */
    private void untilDeliveredByItself() {
        until(vertx, "the outbox is empty", this::empty);
    }

    private long grantsVersion(String quotaId) {
        return data.number("SELECT grants_version FROM quota.quotas WHERE id = '" + quotaId + "'");
    }

    private List<String> told() {
        List<String> told = new ArrayList<>();
        for (int i = 0; i < service.bodies.size(); i++) {
            JsonObject body = service.bodies.get(i);
            told.add(service.paths.get(i).replace("/api/v1/", "") + " " + body.getString("resource_id") + " "
                    + body.getString("target_user_id", body.getString("display_name")));
        }
        return told;
    }

    @Test
    void registersAQuotaThenGrantsItsAdminsAsItsCreatorAndEndsWhatWasLearntBefore() {
        leave("org_1", "quota_1", message("Team", "user_2", "user_3"));
        bus.notifyAuth();
        untilDelivered();
        assertThat(told()).hasSize(3);
        assertThat(told().get(0)).isEqualTo("resources/create quota_1 Team");
        assertThat(told().subList(1, 3))
                .containsExactlyInAnyOrder("permission/grant quota_1 user_2", "permission/grant quota_1 user_3");
        assertThat(service.bodies.get(0).getString("description")).isEqualTo("for Team");
        assertThat(service.bodies.get(1).getJsonArray("permissions")).containsExactly("read", "admin");
        assertThat(service.bodies).allSatisfy(body -> assertThat(AuthFixtures.credentials()
                        .open(SERVICE, body.getString("encrypted_data"), System.currentTimeMillis()))
                .isInstanceOfSatisfying(OpenedCredential.Valid.class, valid -> assertThat(valid.caller())
                        .isEqualTo(new Caller("org_1", "user_1", SERVICE, List.of("team_dev")))));
        assertThat(grantsVersion("quota_1")).isEqualTo(2);
    }

    @Test
    void leavesTheGrantsVersionAloneWhenNothingWasGranted() {
        data.quota("org_1", "quota_1");
        leave("org_1", "quota_1", message("Team"));
        untilDelivered();
        assertThat(told()).containsExactly("resources/create quota_1 Team");
        assertThat(grantsVersion("quota_1")).isZero();
    }

    @Test
    void deliversInOrderForEachQuota() {
        service.behaviour = StubAuthService.saying(500, "");
        for (int i = 0; i < 5; i++) {
            leave("org_1", "quota_1", message("a" + i));
            leave("org_1", "quota_2", message("b" + i));
        }
        bus.notifyAuth();
        until(vertx, "a first attempt failed", () -> !service.paths.isEmpty());
        List<String> understood = new CopyOnWriteArrayList<>();
        service.behaviour = (request, body) -> {
            understood.add(Objects.requireNonNull(body.getString("display_name")));
            StubAuthService.right(request, body);
        };
        untilDelivered();
        assertThat(understood.stream().filter(name -> name.startsWith("a")))
                .containsExactly("a0", "a1", "a2", "a3", "a4");
        assertThat(understood.stream().filter(name -> name.startsWith("b")))
                .containsExactly("b0", "b1", "b2", "b3", "b4");
    }

    @Test
    void tellsWhenEachPermissionExpiresAndNotWhatHasExpired() {
        for (String user : List.of("user_2", "user_3")) {
            leave("org_1", "quota_1", message("Team", user));
        }
        data.execute(
                "UPDATE quota.quota_grants SET admin_expires_at = '2999-01-01T00:00:00Z' WHERE user_id = 'user_2'");
        data.execute(
                "UPDATE quota.quota_grants SET admin_expires_at = '2001-01-01T00:00:00Z' WHERE user_id = 'user_3'");
        bus.notifyAuth();
        untilDelivered();
        assertThat(service.bodies.stream()
                        .filter(body -> body.containsKey("permissions"))
                        .map(body -> body.getString("target_user_id") + " " + body.getJsonArray("permissions") + " "
                                + body.getString("expires_at")))
                .containsExactlyInAnyOrder(
                        "user_2 [\"read\"] null", "user_2 [\"admin\"] 2999-01-01T00:00:00Z", "user_3 [\"read\"] null");
    }

    @Test
    void losesNothingWhileTheAuthServiceIsDownAndTellsEverythingOnceItIsBack() {
        service.die();
        List<String> quotas = IntStream.range(0, 30).mapToObj(i -> "quota_" + i).toList();
        for (String quota : quotas) {
            leave("org_" + quota.length(), quota, message(quota, "user_2"));
        }
        bus.notifyAuth();
        until(vertx, "attempts failed", () -> data.number("SELECT max(attempts) FROM quota.auth_outbox") > 0);
        assertThat(data.number("SELECT count(*) FROM quota.auth_outbox")).isEqualTo(30);
        service.comeBack();
        untilDelivered();
        assertThat(told())
                .containsAll(quotas.stream()
                        .map(quota -> "permission/grant " + quota + " user_2")
                        .toList());
    }

    @Test
    void letsAMessageThatIsRefusedBlockOnlyItsOwnQuota() {
        service.behaviour = (request, body) -> {
            if ("quota_bad".equals(body.getString("resource_id"))) {
                request.response().setStatusCode(400).end();
            } else {
                StubAuthService.right(request, body);
            }
        };
        leave("org_1", "quota_bad", message("first"));
        leave("org_1", "quota_bad", message("second"));
        leave("org_1", "quota_good", message("good"));
        leave("org_2", "quota_other", message("other"));
        bus.notifyAuth();
        until(
                vertx,
                "the others are delivered and the bad one failed twice",
                () -> data.number("SELECT count(*) FROM quota.auth_outbox") == 2
                        && data.number("SELECT max(attempts) FROM quota.auth_outbox") >= 2);
        assertThat(told()).doesNotContain("resources/create quota_bad second");
        assertThat(data.number("SELECT attempts FROM quota.auth_outbox WHERE message LIKE '%second%'"))
                .isZero();
    }

    @Test
    void holdsNoTransactionAndNoRowWhileTheAuthServiceIsAsked() {
        List<Long> locks = new CopyOnWriteArrayList<>();
        service.behaviour = (request, body) -> vertx.executeBlocking(() -> data.number("""
                        SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'cagen-quota'
                          AND xact_start IS NOT NULL
                        """))
                .onSuccess(locks::add)
                .onComplete(ignored -> StubAuthService.right(request, body));
        leave("org_1", "quota_1", message("Team", "user_2"));
        untilDelivered();
        assertThat(locks).hasSize(2).containsOnly(0L);
    }

    @Test
    void deliversEachMessageOnceThoughSeveralNodesTry() {
        deployNode();
        deployNode();
        for (int i = 0; i < 40; i++) {
            leave("org_" + i % 3, "quota_" + i, message("n" + i));
            bus.notifyAuth();
        }
        untilDelivered();
        assertThat(told()).hasSize(40).doesNotHaveDuplicates();
    }

    @Test
    void takesOverWhatADeadNodeHasClaimedOnceItsClaimEnds() {
        long claimed = System.nanoTime();
        data.execute("""
                INSERT INTO quota.auth_outbox (organization_id, quota_id, claimed_until, message)
                VALUES ('org_1', 'quota_1', now() + interval '2 seconds',
                        '{"kind":"register","user_id":"user_1","team_ids":[],"display_name":"Team",
                          "description":"","admin_user_ids":[]}')
                """);
        untilDeliveredByItself();
        assertThat(told()).containsExactly("resources/create quota_1 Team");
        assertThat(Duration.ofNanos(System.nanoTime() - claimed)).isGreaterThan(Duration.ofSeconds(2));
    }

    private static PermissionChange revocation(String user) {
        return new PermissionChange(
                UUID.randomUUID(),
                new Caller("org_1", "user_1", SERVICE, List.of()),
                "quota_1",
                user,
                List.of(Permission.READ, Permission.ADMIN),
                false);
    }

    private boolean begin(PermissionChange change, long claimMillis) {
        return await(data.database.transaction(
                SecurityScope.organization("org_1"),
                connection -> AuthOutboxRows.beginChange(connection, change, null, claimMillis)));
    }

    @Test
    void aRevocationSupersedesTheGrantThatTheCreationLeft() {
        service.behaviour = StubAuthService.saying(500, "");
        leave("org_1", "quota_1", message("Team", "user_2"));
        bus.notifyAuth();
        PermissionChange revoke = revocation("user_2");
        assertThat(begin(revoke, 20_000)).isTrue();
        assertUnavailable(bus.tell(revoke));

        service.behaviour = StubAuthService::right;
        service.bodies.clear();
        service.paths.clear();
        assertThat(await(bus.tell(revoke))).isTrue();
        data.execute("DELETE FROM quota.quota_grants");
        await(data.database.transaction(
                SecurityScope.organization("org_1"), connection -> AuthOutboxRows.endChange(connection, revoke)));
        untilDelivered();
        assertThat(told())
                .startsWith("resources/create quota_1 Team", "permission/revoke quota_1 user_2")
                .doesNotContain("permission/grant quota_1 user_2");
    }

    @Test
    void aRevocationDoesNotWaitForTheRegistration() {
        service.behaviour = (request, body) -> {
            if (request.path().endsWith("create")) {
                request.response().setStatusCode(500).end();
            } else {
                StubAuthService.right(request, body);
            }
        };
        leave("org_1", "quota_1", message("Team", "user_2"));
        PermissionChange revoke = revocation("user_2");
        assertThat(begin(revoke, 20_000)).isTrue();
        assertThat(await(bus.tell(revoke))).isTrue();
        assertThat(told())
                .contains("permission/revoke quota_1 user_2")
                .doesNotContain("permission/grant quota_1 user_2");
    }

    /** The rest of what the creation recorded is told after the revocation of a part. */
    @Test
    void aRevocationOfAPartLeavesTheRestToBeGranted() {
        service.behaviour = StubAuthService.saying(500, "");
        leave("org_1", "quota_1", message("Team", "user_2"));
        bus.notifyAuth();
        PermissionChange revoke = revocation("user_2");
        assertThat(begin(revoke, 20_000)).isTrue();
        service.behaviour = StubAuthService::right;
        assertThat(await(bus.tell(revoke))).isTrue();
        data.execute("UPDATE quota.quota_grants SET permissions = '{read}'");
        service.bodies.clear();
        service.paths.clear();
        await(data.database.transaction(
                SecurityScope.organization("org_1"), connection -> AuthOutboxRows.endChange(connection, revoke)));
        untilDelivered();
        assertThat(told()).contains("permission/grant quota_1 user_2");
        assertThat(service.bodies
                        .get(told().indexOf("permission/grant quota_1 user_2"))
                        .getJsonArray("permissions"))
                .containsExactly("read");
    }

    @Test
    void deliversWhatAnEarlierReleaseLeft() {
        data.admin("org_1", "quota_1", "user_2");
        data.execute("""
                INSERT INTO quota.auth_outbox (organization_id, quota_id, message)
                VALUES ('org_1', 'quota_1',
                        '{"kind":"register","user_id":"user_1","team_ids":[],"display_name":"Team",
                          "description":"","admin_user_ids":["user_2"]}')
                """);
        untilDeliveredByItself();
        assertThat(told()).containsExactly("resources/create quota_1 Team", "permission/grant quota_1 user_2");
    }

    @Test
    void whatIsRecordedIsToldAgainOnceTheClaimOfAChangeRunsOut() {
        data.admin("org_1", "quota_1", "user_2");
        assertThat(begin(revocation("user_2"), 300)).isTrue();
        assertThat(begin(revocation("user_2"), 300))
                .as("a second one meanwhile")
                .isFalse();
        untilDelivered();
        assertThat(told()).containsExactly("permission/grant quota_1 user_2", "permission/revoke quota_1 user_2");
        assertThat(service.bodies.get(0).getJsonArray("permissions")).containsExactly("read", "admin");
        assertThat(service.bodies.get(1).getJsonArray("permissions")).containsExactly("owner");
    }

    @Test
    void isNotToldAChangeWhoseClaimHasRunOut() {
        data.quota("org_1", "quota_1");
        PermissionChange revoke = revocation("user_2");
        assertThat(begin(revoke, 0)).isTrue();
        untilDelivered();
        service.paths.clear();
        service.bodies.clear();
        assertUnavailable(bus.tell(revoke));
        assertThat(told()).isEmpty();
    }

    @Test
    void endsARevocationThatIsRefusedAgainAndAgain() {
        data.quota("org_1", "quota_1");
        data.execute("INSERT INTO quota.chain_heads (organization_id) VALUES ('org_1')");
        service.behaviour = StubAuthService.saying(200, "{\"success\":false,\"error\":\"no\"}");
        data.execute("""
                INSERT INTO quota.auth_outbox (organization_id, quota_id, kind, target_user_id, attempts, message)
                VALUES ('org_1', 'quota_1', 'restore', 'user_2', 10, '{"user_id":"user_1","team_ids":[]}'),
                       ('org_1', 'quota_1', 'restore', 'user_3', 8, '{"user_id":"user_1","team_ids":[]}')
                """);
        until(vertx, "one is left", () -> data.number("SELECT count(*) FROM quota.auth_outbox") == 1);
        assertThat(
                        data.number(
                                "SELECT count(*) FROM quota.journal WHERE entries LIKE '%permission.revoke\",\"refused%user_2%'"))
                .isOne();
        assertThat(metrics.get("cagen_quota_auth_refused")
                        .tag("kind", "revocation")
                        .counter()
                        .count())
                .isOne();
        until(vertx, "the other is tried", () -> data.number("SELECT max(attempts) FROM quota.auth_outbox") == 9);
    }

    @Test
    void deliversAgainWhatMayHaveBeenOvertaken() {
        data.admin("org_1", "quota_1", "user_2");
        service.behaviour = (request, body) -> {}; // takes it and never answers
        leave("org_1", "quota_1", message("Team"));
        data.execute("""
                INSERT INTO quota.auth_outbox (organization_id, quota_id, kind, target_user_id, message, position)
                OVERRIDING SYSTEM VALUE
                VALUES ('org_1', 'quota_1', 'restore', 'user_2', '{"user_id":"user_1","team_ids":[]}', 0)
                """);
        until(
                vertx,
                "it failed",
                () -> data.number("SELECT max(attempts) FROM quota.auth_outbox WHERE position = 0") > 0);
        service.behaviour = StubAuthService::right;
        service.bodies.clear();
        service.paths.clear();
        untilDelivered();
        assertThat(told().stream().filter("permission/grant quota_1 user_2"::equals))
                .hasSizeGreaterThan(1);
    }

    @Test
    void answersQuestionsAndFailsClosedWhenItCannot() {
        PermissionQuestion question = new PermissionQuestion(AuthFixtures.USER, "quota_1");
        assertThat(await(bus.ask(question)).granted()).containsExactly(Permission.READ);
        service.behaviour = StubAuthService.lying("user_id", "user_9");
        assertUnavailable(bus.ask(question));
        service.behaviour = (request, body) -> {};
        assertUnavailable(bus.ask(question));
        service.die();
        assertUnavailable(bus.ask(question));
        service.comeBack();
        service.behaviour = StubAuthService::right;
        assertThat(await(bus.ask(question)).granted()).containsExactly(Permission.READ);
    }

    private static void assertUnavailable(Future<?> future) {
        assertThatThrownBy(() -> await(future)).isInstanceOfSatisfying(RefusalException.class, refused -> assertThat(
                        refused.refusal().code())
                .isEqualTo(ErrorCode.AUTH_UNAVAILABLE));
    }

    @Test
    void leavesOtherOrganizationsMessagesAlone() {
        service.die();
        leave("org_1", "quota_1", message("one"));
        List<AuthOutboxRows.Claimed> foreign = await(data.database.transaction(
                SecurityScope.organization("org_2"),
                connection -> AuthOutboxRows.claimRegistration(connection, "org_1", "quota_1", 1_000)));
        assertThat(foreign).isEmpty();
        boolean pending = await(data.database.transaction(
                SecurityScope.organization("org_2"),
                connection -> AuthOutboxRows.registrationPending(connection, "org_1", "quota_1")));
        assertThat(pending).isFalse();
        assertThatThrownBy(() -> await(data.database.transaction(
                        SecurityScope.organization("org_2"),
                        connection -> connection.write(AuthOutboxRows.messages(
                                List.of(new AuthOutboxRows.NewMessage("org_1", "quota_1", message("forged"))))))))
                .hasMessageContaining("row-level security");
    }
}
