package com.cagen.quota.service;

import static com.cagen.quota.testing.RunningService.await;
import static com.cagen.quota.testing.RunningService.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.auth.GrantBook;
import com.cagen.quota.auth.StubAuthService;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.CommitLossProxy;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What the auth service holds for a user is what the trail says last, however the change of it ends. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GrantsAgreeIT {
    private final Vertx vertx = Vertx.vertx();
    private final StubAuthService stub = new StubAuthService(vertx);
    private final GrantBook book = new GrantBook();
    private final String url = TestDatabase.create();
    private final CommitLossProxy proxy = new CommitLossProxy(url);
    private final RunningService service = new RunningService(Map.of(
            "DATABASE_URL",
            proxy.url(),
            "AUTH_SERVICE_URL",
            stub.url(),
            "AUTH_TIMEOUT_MS",
            "500",
            "LOCK_TIMEOUT_MS",
            "400"));
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    GrantsAgreeIT() throws IOException {
        stub.behaviour = book;
    }

    @AfterAll
    void stop() {
        service.close();
        proxy.close();
        await(vertx.close());
    }

    private static JsonObject keyed(String key, String user, String... permissions) {
        return User.permissions(user, permissions).put("idempotency_key", key);
    }

    private static boolean grants(JsonObject body, String user) {
        return user.equals(body.getString("target_user_id"));
    }

    /** What the trail says that {@code user} holds on the quota: what the last applied entry left. */
    private Set<String> lastInTrail(String quota, String user) {
        Set<String> last = new TreeSet<>();
        for (JsonObject entry : alice.audit(quota)) {
            boolean applied = "applied".equals(entry.getString("outcome"));
            JsonObject details = entry.getJsonObject("details");
            if (applied && user.equals(entry.getString("target_user_id"))) {
                details.getJsonArray("changes").forEach(change -> {
                    JsonArray granted =
                            ((JsonObject) change).getJsonObject("after").getJsonArray("granted");
                    if (granted != null) {
                        last.clear();
                        granted.forEach(permission -> last.add((String) permission));
                    }
                });
            } else if (applied
                    && details.getJsonArray("admin_user_ids", new JsonArray()).contains(user)) {
                last.addAll(Set.of("read", "admin"));
            }
        }
        return last;
    }

    private Set<String> recorded(String quota, String user) {
        try (Connection connection = TestDatabase.connect(url);
                var statement = connection.createStatement();
                var rows =
                        statement.executeQuery("SELECT unnest(permissions) FROM quota.quota_grants WHERE quota_id = '"
                                + quota + "' AND user_id = '" + user + "'")) {
            Set<String> permissions = new TreeSet<>();
            while (rows.next()) {
                permissions.add(rows.getString(1));
            }
            return permissions;
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** Once nothing is left to tell, all three agree. */
    private void agree(String quota, String user) {
        service.awaitRegistrations();
        assertThat(book.held(quota, user)).as("auth service and record").isEqualTo(recorded(quota, user));
        assertThat(book.held(quota, user)).as("auth service and trail").isEqualTo(lastInTrail(quota, user));
    }

    @Test
    void ofTwoGrantsUnderOneKeyOnlyOneTakesEffect() {
        String quota = alice.root(100);
        for (int round = 0; round < 20; round++) {
            String one = "one" + round;
            String two = "two" + round;
            String path = "/quotas/" + quota + "/permissions/grant";
            List<Reply> replies = RunningService.awaitAll(List.of(
                    alice.postAsync(path, keyed("key" + round, one, "read")),
                    alice.postAsync(path, keyed("key" + round, two, "read"))));
            assertThat(replies).extracting(Reply::status).containsExactlyInAnyOrder(200, 422);
            agree(quota, one);
            agree(quota, two);
            User refused = service.user("acme", replies.get(0).status() == 422 ? one : two);
            refused.get("/quotas/" + quota).refused(ErrorCode.PERMISSION_DENIED);
        }
    }

    @Test
    void anAdminRevokedWhileGrantingGrantsNothing() {
        String quota = alice.root(100);
        for (int round = 0; round < 20; round++) {
            String friend = "friend" + round;
            alice.grant(quota, "bob", "admin").data();
            GrantBook.Gate gate = book.hold(body -> grants(body, friend));
            CompletableFuture<Reply> granting =
                    bob.postAsync("/quotas/" + quota + "/permissions/grant", User.permissions(friend, "read"));
            await(gate.reached());
            alice.revoke(quota, "bob", "admin").data();
            gate.open();
            await(granting).refused(ErrorCode.PERMISSION_DENIED);
            // Before the answer, and not just at some time later.
            assertThat(book.held(quota, friend)).isEmpty();
            service.user("acme", friend).get("/quotas/" + quota).refused(ErrorCode.PERMISSION_DENIED);
        }
        agree(quota, "friend0");
        agree(quota, "bob");
    }

    @Test
    void concurrentGrantAndRevokeEndAsTheTrailSays() {
        String quota = alice.root(100);
        service.awaitRegistrations();
        for (int wave = 0; wave < 10; wave++) {
            List<CompletableFuture<Reply>> replies = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                JsonObject read = User.permissions("user" + i, "read");
                replies.add(alice.postAsync("/quotas/" + quota + "/permissions/grant", read));
                replies.add(alice.postAsync("/quotas/" + quota + "/permissions/revoke", read));
            }
            assertThat(RunningService.awaitAll(replies))
                    .extracting(Reply::status)
                    .containsOnly(200);
            for (int i = 0; i < 10; i++) {
                String user = "user" + i;
                assertThat(book.held(quota, user)).isEqualTo(recorded(quota, user));
                boolean gets =
                        service.user("acme", user).get("/quotas/" + quota).status() == 200;
                assertThat(gets).isEqualTo(recorded(quota, user).contains("read"));
            }
        }
    }

    @Test
    void aGrantThatCannotBeWrittenHasNoEffect() throws Exception {
        String quota = alice.root(100);
        service.awaitRegistrations();
        GrantBook.Gate gate = book.hold(body -> grants(body, "late"));
        CompletableFuture<Reply> granting =
                alice.postAsync("/quotas/" + quota + "/permissions/grant", User.permissions("late", "read"));
        await(gate.reached());
        try (Connection other = TestDatabase.connect(url);
                var statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("SELECT FROM quota.quotas WHERE id = '" + quota + "' FOR UPDATE");
            gate.open();
            await(granting).refused(ErrorCode.DATABASE_UNAVAILABLE);
        }
        agree(quota, "late");
        assertThat(book.held(quota, "late")).isEmpty();
        service.user("acme", "late").get("/quotas/" + quota).refused(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void aRevocationWhoseNodeDiesBetweenTheStepsIsTakenBackOrDone() {
        String quota = alice.root(100);
        alice.grant(quota, "carol", "read").data();
        GrantBook.Gate gate = book.hold(body -> grants(body, "carol"));
        CompletableFuture<Reply> revoking =
                alice.postAsync("/quotas/" + quota + "/permissions/revoke", User.permissions("carol", "read"));
        await(gate.reached());
        proxy.refuse(true);
        gate.open();
        await(revoking).refused(ErrorCode.DATABASE_UNAVAILABLE);
        assertThat(book.held(quota, "carol")).isEmpty();
        proxy.refuse(false);
        until(
                "the database is back",
                () -> service.send("GET", "/health/ready", "").status() == 200);
        agree(quota, "carol");
        assertThat(book.held(quota, "carol")).containsExactly("read");
        alice.revoke(quota, "carol", "read").data();
        agree(quota, "carol");
    }

    @Test
    void anAdminWhomTheAuthServiceRefusesBlocksNobody() {
        book.unacceptable.add("ghost");
        String root = alice.root(100);
        String quota = alice.child(root, 10, "mallory", "ghost");
        service.awaitRegistrations();
        agree(quota, "mallory");
        agree(quota, "ghost");
        assertThat(book.held(quota, "mallory")).containsExactly("admin", "read");
        assertThat(recorded(quota, "ghost")).isEmpty();
        JsonObject entry = alice.audit(quota).stream()
                .filter(each -> "ghost".equals(each.getString("target_user_id")))
                .findFirst()
                .orElseThrow();
        assertThat(entry.getString("action")).isEqualTo("permission.revoke");
        assertThat(entry.getString("actor_user_id")).isEqualTo("system");
        assertThat(entry.getJsonObject("details").getString("auth_service_said"))
                .isEqualTo("There is no user ghost.");
        assertThat(service.send("GET", "/metrics", "").body())
                .contains("cagen_quota_auth_refused_total{kind=\"grant\"} 1");

        alice.revoke(quota, "mallory", "read", "admin").data();
        agree(quota, "mallory");
        assertThat(book.held(quota, "mallory")).isEmpty();
    }

    @Test
    void aGrantThatTheAuthServiceRefusesLeavesNothingBehind() {
        book.unacceptable.add("phantom");
        String quota = alice.root(100);
        alice.grant(quota, "phantom", "read").refused(ErrorCode.AUTH_UNAVAILABLE);
        agree(quota, "phantom");
        assertThat(recorded(quota, "phantom")).isEmpty();
    }

    @Test
    void whatWasTakenButNotAnsweredIsTakenBack() {
        String quota = alice.root(100);
        service.awaitRegistrations();
        stub.behaviour = (request, body) -> {
            if (grants(body, "dora") && request.path().endsWith("grant")) {
                book.carryOut(request.path(), body);
                request.connection().close();
            } else {
                book.answer(request, body);
            }
        };
        alice.grant(quota, "dora", "read").refused(ErrorCode.AUTH_UNAVAILABLE);
        stub.behaviour = book;
        agree(quota, "dora");
        assertThat(book.held(quota, "dora")).isEmpty();
    }

    @Test
    void theAuthServicesCredentialIsWorthNothingHere() {
        String quota = alice.root(100);
        alice.grant(quota, "erin", "read").data();
        service.user("acme", "erin").get("/quotas/" + quota).data();
        List<String> overheard = List.copyOf(book.credentials);
        assertThat(overheard).isNotEmpty();
        for (String credential : overheard) {
            service.send(
                            "GET",
                            "/api/v1/quotas/" + quota,
                            "",
                            "Authorization",
                            "Cagen " + RunningService.SERVICE + ":" + credential)
                    .refused(ErrorCode.INVALID_CREDENTIAL);
        }
    }
}
