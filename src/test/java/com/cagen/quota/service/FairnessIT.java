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
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** One organization's quotas stay locked: the others, on the same lane, notice nothing. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FairnessIT {
    private static final int QUOTAS = 8;
    /** Deadlines are longer than a test takes: whatever waits for a lock waits until the test releases it. */
    private final RunningService service = new RunningService(Map.of(
            "LANES", "1",
            "TREE_CONCURRENCY", "4",
            "MAX_BATCH", "8",
            "MAX_QUEUE", "64",
            "LOCK_TIMEOUT_MS", "25000",
            "STATEMENT_TIMEOUT_MS", "27000",
            "BUS_TIMEOUT_MS", "28000",
            "HTTP_TIMEOUT_MS", "29000"));

    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("other", "bob");

    @AfterAll
    void stop() {
        service.close();
    }

    /** Locks all quotas of alice's organization, as one big change of it would. */
    private Connection lock() throws SQLException {
        Connection connection = TestDatabase.connect(service.databaseUrl());
        connection.setAutoCommit(false);
        try (var statement = connection.createStatement()) {
            statement.execute("SELECT FROM quota.quotas WHERE organization_id = 'acme' ORDER BY id FOR UPDATE");
        }
        return connection;
    }

    private static CompletableFuture<Reply> take(User user, String quota, String resource) {
        return user.postAsync("/quotas/" + quota + "/usage/allocate", User.usage(resource, 1));
    }

    private List<String> children(String root) {
        List<String> children = new ArrayList<>();
        for (int i = 0; i < QUOTAS; i++) {
            children.add(alice.child(root, 100));
        }
        return children;
    }

    @Test
    void usageOfOthersIsAnsweredWhileOneOrganizationsQuotasAreLocked() throws SQLException {
        List<String> children = children(alice.root(10_000));
        String bobs = bob.root(10_000);
        List<CompletableFuture<Reply>> blocked = new ArrayList<>();
        try (Connection lock = lock()) {
            for (int round = 0; round < QUOTAS; round++) {
                blocked.add(take(alice, children.get(round), "res"));
                List<CompletableFuture<Reply>> others = new ArrayList<>();
                for (int i = 0; i < 5; i++) {
                    others.add(take(bob, bobs, "res"));
                }
                assertThat(RunningService.awaitAll(others))
                        .allSatisfy(reply -> assertThat(reply.status()).isEqualTo(200));
                assertThat(alice.quota(children.get(round)).getLong("used_mb"))
                        .as("reads wait for no lock")
                        .isZero();
            }
            assertThat(blocked).as("the locks are still held").noneMatch(CompletableFuture::isDone);
            lock.rollback();
        }
        assertThat(RunningService.awaitAll(blocked))
                .allSatisfy(reply -> assertThat(reply.status()).isEqualTo(200));
        assertThat(children).allSatisfy(child -> assertThat(alice.quota(child).getLong("used_mb"))
                .isEqualTo(1));
    }

    @Test
    void whatOneOrganizationHasWaitingIsBoundedForItAlone() throws SQLException {
        List<String> children = children(alice.root(10_000));
        String bobs = bob.root(10_000);
        List<CompletableFuture<Reply>> sent = new ArrayList<>();
        try (Connection lock = lock()) {
            for (int i = 0; i < 60; i++) {
                sent.add(take(alice, children.get(i % QUOTAS), "res" + i));
            }
            // Eight may be set aside (a batch), of the 32 that one organization may have in a lane with 64 places.
            RunningService.until(
                    "what is too much is refused",
                    () -> sent.stream().filter(CompletableFuture::isDone).count() == 52);
            for (int i = 0; i < 10; i++) {
                assertThat(bob.take(bobs, "res", 1).status()).isEqualTo(200);
            }
            lock.rollback();
        }
        List<Reply> replies = RunningService.awaitAll(sent);
        assertThat(replies.stream().filter(reply -> reply.status() == 200)).hasSize(8);
        assertThat(replies.stream().filter(reply -> reply.status() != 200))
                .allSatisfy(reply -> reply.refused(ErrorCode.OVERLOADED));
    }

    @Test
    void otherOperationsOfOneOrganizationHoldOnlyHalfOfTheSlots() throws SQLException {
        String root = alice.root(10_000);
        String bobs = bob.root(10_000);
        List<CompletableFuture<Reply>> blocked = new ArrayList<>();
        try (Connection lock = lock()) {
            for (int i = 0; i < 10; i++) {
                blocked.add(alice.postAsync("/quotas/" + root + "/allocate", User.childBody(1)));
            }
            for (int i = 0; i < 5; i++) {
                String child = bob.child(bobs, 1);
                assertThat(bob.get("/quotas/" + child + "/usage").status()).isEqualTo(200);
                assertThat(bob.get("/quotas/" + bobs + "/audit?action=quota.release")
                                .status())
                        .isEqualTo(200);
                assertThat(bob.act(child, "suspend", "Idempotency-Key", "suspend " + i)
                                .status())
                        .isEqualTo(200);
            }
            assertThat(blocked).as("the locks are still held").noneMatch(CompletableFuture::isDone);
            lock.rollback();
        }
        assertThat(RunningService.awaitAll(blocked))
                .allSatisfy(reply -> assertThat(reply.status()).isEqualTo(201));
    }

    @Test
    void aRequestThatWasSetAsideIsReplayedAndRefusedLikeAnyOther() throws SQLException {
        String child = alice.child(alice.root(100), 10);
        List<CompletableFuture<Reply>> repeats = new ArrayList<>();
        CompletableFuture<Reply> tooMuch;
        CompletableFuture<Reply> first;
        CompletableFuture<Reply> second;
        try (Connection lock = lock()) {
            for (int i = 0; i < 3; i++) {
                repeats.add(alice.postAsync(
                        "/quotas/" + child + "/usage/allocate", User.usage("res", 4), "Idempotency-Key", "once"));
            }
            tooMuch = alice.postAsync("/quotas/" + child + "/usage/allocate", User.usage("res", 11));
            // One credential twice: the replay need not wait for the lock.
            JsonObject body = User.usage("other", 1).mergeIn(alice.credential());
            first = service.sendAsync("POST", "/api/v1/quotas/" + child + "/usage/allocate", body.encode());
            second = service.sendAsync("POST", "/api/v1/quotas/" + child + "/usage/allocate", body.encode());
            assertThat(bob.root(1)).isNotEmpty();
            lock.rollback();
        }
        List<Reply> replies = RunningService.awaitAll(repeats);
        assertThat(replies).allSatisfy(reply -> assertThat(reply.status()).isEqualTo(200));
        assertThat(replies.stream().map(reply -> reply.data().encode()).distinct())
                .hasSize(1);
        RunningService.await(tooMuch).refused(ErrorCode.INSUFFICIENT_QUOTA);
        List<Reply> twice = RunningService.awaitAll(List.of(first, second));
        assertThat(twice.stream().filter(reply -> reply.status() == 200)).hasSize(1);
        assertThat(twice.stream().filter(reply -> reply.status() != 200))
                .allSatisfy(reply -> reply.refused(ErrorCode.CREDENTIAL_REPLAYED));
        assertThat(alice.quota(child).getLong("used_mb")).isEqualTo(5);
    }
}
