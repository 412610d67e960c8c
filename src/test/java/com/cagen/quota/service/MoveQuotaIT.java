package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Giving a quota another parent. The invariants, which are checked at the end, hold places, owners and suspensions against each other. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MoveQuotaIT {
    /** Deadlines are longer than a busy machine keeps a lock. */
    private final RunningService service = new RunningService(Map.of(
            "LOCK_TIMEOUT_MS", "15000",
            "STATEMENT_TIMEOUT_MS", "17000",
            "BUS_TIMEOUT_MS", "18000",
            "HTTP_TIMEOUT_MS", "19000"));

    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");
    private final User carol = service.user("acme", "carol");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject to(String parent) {
        return new JsonObject().put("parent_quota_id", parent);
    }

    private static Reply move(User user, String quota, String parent, String... headers) {
        return user.post("/quotas/" + quota + "/move", to(parent), headers);
    }

    private JsonObject quota(String id) {
        return alice.quota(id);
    }

    private void assertCapacity(String quota, long allocatedMb, long availableMb) {
        assertThat(quota(quota).getLong("allocated_mb")).isEqualTo(allocatedMb);
        assertThat(quota(quota).getLong("available_mb")).isEqualTo(availableMb);
    }

    @Test
    void takesEverythingBelowAlong() {
        String root = alice.root(100);
        String from = alice.child(root, 60);
        String team = alice.child(from, 40);
        String below = alice.child(team, 20);
        String deep = alice.child(below, 10);
        alice.take(deep, "res", 5).data();
        String other = alice.root(50);
        String to = alice.child(other, 45);
        long version = quota(below).getLong("version");

        Reply reply = move(alice, team, to);
        JsonObject moved = reply.data();
        assertThat(moved.getString("parent_quota_id")).isEqualTo(to);
        assertThat(moved.getLong("level")).isEqualTo(2);
        assertThat(reply.headers().get("ETag")).isEqualTo("\"" + moved.getLong("version") + "\"");
        assertCapacity(from, 0, 60);
        assertCapacity(to, 40, 5);
        assertThat(quota(deep).getString("path"))
                .isEqualTo("/" + other + "/" + to + "/" + team + "/" + below + "/" + deep);
        assertThat(quota(deep).getLong("level")).isEqualTo(4);
        assertThat(quota(below).getLong("version")).as("no change of its own").isEqualTo(version);
        assertThat(alice.get("/quotas/" + other + "/tree").list("quotas"))
                .extracting(each -> each.getString("id"))
                .containsExactly(other, to, team, below, deep);
        assertThat(alice.get("/quotas/" + from + "/tree").list("quotas")).hasSize(1);
        for (String quota : List.of(team, from, to)) {
            assertThat(alice.audit(quota))
                    .extracting(entry -> entry.getString("action"))
                    .contains("quota.move");
        }
        alice.take(deep, "res", 5).data();
        assertThat(move(alice, team, to).data().getLong("version")).isEqualTo(moved.getLong("version"));
    }

    @Test
    void changesOwnersAndEndsWhatWasLearnt() {
        String hers = alice.root(100);
        String child = alice.child(hers, 40);
        String below = alice.child(child, 20);
        String his = bob.root(100);
        alice.grant(child, "carol", "read").data();
        carol.get("/quotas/" + child).data(); // is known from now on
        alice.get("/quotas/" + below).data();
        bob.grant(his, "alice", "admin").data();
        move(alice, child, his).data();
        // She owns nothing above it any more; he does.
        alice.get("/quotas/" + below).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(bob.quota(below).getString("owner_id")).isEqualTo("bob");
        assertThat(carol.quota(child).getString("id")).as("grants stay").isEqualTo(child);
        assertThat(bob.audit(below)).isNotEmpty();
        bob.act(below, "release").data();
        // The trail of what was released follows the owners of today.
        String back = bob.child(his, 50);
        move(bob, child, back).data();
        assertThat(bob.audit(below)).isNotEmpty();
        alice.get("/quotas/" + below + "/audit").refused(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void changesTheSuspensionOfWhatIsMoved() {
        String root = alice.root(100);
        String closed = alice.child(root, 50);
        String child = alice.child(closed, 20);
        String below = alice.child(child, 10);
        String itself = alice.child(child, 5);
        alice.act(itself, "suspend").data();
        alice.act(closed, "suspend").data();
        alice.take(below, "res", 1).refused(ErrorCode.QUOTA_SUSPENDED);
        move(alice, child, root).data();
        alice.take(below, "res", 1).data();
        assertThat(alice.take(itself, "res", 1)
                        .refused(ErrorCode.QUOTA_SUSPENDED)
                        .getString("suspended_quota_id"))
                .isEqualTo(itself);
        move(alice, child, closed).refused(ErrorCode.QUOTA_SUSPENDED);
        alice.act(closed, "resume").data();
        move(alice, child, closed).data();
        alice.act(closed, "suspend").data();
        alice.take(below, "res", 1).refused(ErrorCode.QUOTA_SUSPENDED);
    }

    @Test
    void keepsTheRulesOfTheTree() {
        String root = alice.root(100);
        String child = alice.child(root, 40);
        String below = alice.child(child, 20);
        String team = alice.team(root, 20, "team_1");
        move(alice, child, child).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, child, below).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, root, child).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, alice.root(5), child).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, below, team).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, child, "quota_none").refused(ErrorCode.QUOTA_NOT_FOUND);
        move(alice, child, service.user("globex", "alice").root(100)).refused(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(alice.post("/quotas/" + child + "/move", new JsonObject()).violations())
                .containsExactly("parent_quota_id");
        JsonObject details = move(alice, below, alice.child(root, 10)).refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(details.getLong("available_mb")).isEqualTo(10);
        assertThat(details.getLong("requested_mb")).isEqualTo(20);

        alice.update(below, new JsonObject().put("key", "same")).data();
        String sibling = alice.child(root, 1);
        alice.update(sibling, new JsonObject().put("key", "same")).data();
        assertThat(move(alice, below, root).refused(ErrorCode.KEY_TAKEN).getString("key"))
                .isEqualTo("same");
        alice.act(sibling, "release").data();
        move(alice, below, root).data();
        move(alice, team, below).data();
    }

    @Test
    void keepsSixteenLevels() {
        String root = alice.root(100);
        String deepest = root;
        for (int level = 1; level < 15; level++) {
            deepest = alice.child(deepest, 50);
        }
        String high = alice.child(root, 10);
        String low = alice.child(high, 5);
        move(alice, high, deepest).refused(ErrorCode.HIERARCHY_VIOLATION);
        move(alice, low, deepest).data();
        assertThat(quota(low).getLong("level")).isEqualTo(15);
    }

    @Test
    void needsAdminOnBothParents() {
        String root = alice.root(100);
        String from = alice.child(root, 40);
        String to = alice.child(root, 40);
        String child = alice.child(from, 10);
        alice.grant(child, "bob", "admin").data();
        alice.grant(from, "bob", "admin").data();
        move(bob, child, to).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(to, "bob", "admin").data();
        move(bob, child, to).data();
    }

    @Test
    void isDoneOnceUnderAKey() {
        String root = alice.root(100);
        String from = alice.child(root, 40);
        String to = alice.child(root, 40);
        String child = alice.child(from, 10);
        Reply first = move(alice, child, to, "Idempotency-Key", "move " + child);
        move(alice, child, from).data();
        Reply again = move(alice, child, to, "Idempotency-Key", "move " + child);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        assertThat(quota(child).getString("parent_quota_id")).isEqualTo(from);
    }

    /** Otherwise it could wait for someone who waits for it. */
    @Test
    void locksAnOlderQuotaBelowAYoungerOneFirst() throws SQLException {
        String root = alice.root(100);
        String older = alice.child(root, 10);
        String younger = alice.child(root, 50);
        move(alice, older, younger).data();
        CompletableFuture<Reply> suspended;
        try (Connection locking = TestDatabase.connect(service.databaseUrl());
                Connection looking = TestDatabase.connect(service.databaseUrl())) {
            locking.setAutoCommit(false);
            lock(locking, older);
            suspended = alice.postAsync("/quotas/" + younger + "/suspend", new JsonObject());
            RunningService.until("the change waits for the older one", () -> isWaitedFor(looking));
            lock(locking, younger);
            locking.rollback();
        }
        RunningService.await(suspended).data();
    }

    private static void lock(Connection connection, String quota) throws SQLException {
        try (var statement =
                connection.prepareStatement("SELECT FROM quota.quotas WHERE id = ? COLLATE \"C\" FOR UPDATE NOWAIT")) {
            statement.setString(1, quota);
            statement.execute();
        }
    }

    private static boolean isWaitedFor(Connection connection) {
        try (var statement = connection.createStatement();
                var waiting = statement.executeQuery(
                        "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")) {
            return waiting.next();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Moves of overlapping subtrees, also into each other, against usage, reservations, new children, suspensions and resizes in them:
     * nobody sees a deadlock, and every answer is one of the contract's.
     */
    @Test
    void movesCrossEachOtherAndEverythingElse() {
        String root = alice.root(10_000);
        List<String> quotas = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String child = alice.child(root, 1_000);
            String below = alice.child(child, 200);
            quotas.addAll(List.of(child, below, alice.child(below, 50)));
        }
        long seed = System.nanoTime();
        System.out.println("Seed: " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 12; round++) {
            List<CompletableFuture<Reply>> calls = new ArrayList<>();
            for (int i = 0; i < 25; i++) {
                String quota = quotas.get(random.nextInt(quotas.size()));
                String other = quotas.get(random.nextInt(quotas.size()));
                String path = "/quotas/" + quota;
                calls.add(
                        switch (random.nextInt(8)) {
                            case 0, 1, 2 -> alice.postAsync(path + "/move", to(random.nextInt(4) == 0 ? root : other));
                            case 3 -> alice.postAsync(path + "/usage/allocate", User.usage("res", 1));
                            case 4 ->
                                alice.postAsync(
                                        path + "/reservations",
                                        new JsonObject()
                                                .put("resource_id", "res")
                                                .put("reserve_mb", 1)
                                                .put("ttl_seconds", 1));
                            case 5 -> alice.postAsync(path + "/allocate", User.childBody(1));
                            case 6 ->
                                alice.postAsync(
                                        path + (random.nextBoolean() ? "/suspend" : "/resume"), new JsonObject());
                            default ->
                                alice.updateAsync(
                                        path.substring("/quotas/".length()),
                                        new JsonObject().put("total_mb", 40 + random.nextInt(1_000)));
                        });
            }
            for (Reply reply : RunningService.awaitAll(calls)) {
                assertThat(reply.status()).as(reply.body()).isIn(200, 201, 409, 422);
            }
        }
        assertThat(quota(root).getLong("total_mb")).isEqualTo(10_000);
    }
}
