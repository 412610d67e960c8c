package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Every code of the contract, provoked through HTTP. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ErrorCodesIT {
    /** Not to be had by a client: a fault of ours, which HttpVerticleIT plays. */
    private static final Set<ErrorCode> OUT_OF_REACH = EnumSet.of(ErrorCode.INTERNAL_ERROR);

    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    /**
     * One thing at a time, a queue of which one organization gets two places, short deadlines, and nobody where the auth
     * service should be.
     */
    private final RunningService narrow = new RunningService(Map.of(
            "LANES", "1",
            "TREE_CONCURRENCY", "1",
            "MAX_QUEUE", "4",
            "AUTH_TIMEOUT_MS", "500",
            "LOCK_TIMEOUT_MS", "1000",
            "STATEMENT_TIMEOUT_MS", "1200",
            "BUS_TIMEOUT_MS", "1300",
            "AUTH_SERVICE_URL", "http://127.0.0.1:1"));

    private final User narrowAlice = narrow.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
        narrow.close();
    }

    @Test
    void canAllBeHad() throws Exception {
        Map<ErrorCode, Callable<Reply>> ways = ways();
        Set<ErrorCode> seen = EnumSet.noneOf(ErrorCode.class);
        for (Map.Entry<ErrorCode, Callable<Reply>> way : ways.entrySet()) {
            Reply reply = way.getValue().call();
            assertThat(reply.code()).as(reply.body()).isEqualTo(way.getKey().wireName());
            JsonObject json = new JsonObject(reply.body());
            assertThat(json.getBoolean("success")).isFalse();
            assertThat(json.getString("error")).as("a sentence").matches("(?s)[A-Z].*\\.");
            seen.add(way.getKey());
        }
        assertThat(seen).isEqualTo(EnumSet.complementOf(EnumSet.copyOf(OUT_OF_REACH)));
    }

    private String reserve(String reservations, long ttlSeconds) {
        JsonObject body =
                new JsonObject().put("resource_id", "res").put("reserve_mb", 1).put("ttl_seconds", ttlSeconds);
        return alice.post(reservations, body).data().getString("reservation_id");
    }

    private Map<ErrorCode, Callable<Reply>> ways() {
        String root = alice.root(100);
        String usage = "/api/v1/quotas/" + root + "/usage/allocate";
        Map<ErrorCode, Callable<Reply>> ways = new EnumMap<>(ErrorCode.class);
        ways.put(ErrorCode.INVALID_REQUEST, () -> alice.take(root, "res", 0));
        ways.put(ErrorCode.INVALID_CREDENTIAL, () -> service.send("POST", usage, "{}"));
        ways.put(ErrorCode.CREDENTIAL_EXPIRED, () -> {
            String sealed = service.seal(alice.caller(), System.currentTimeMillis() - 301_000);
            return service.send("GET", "/api/v1/quotas", "", "Authorization", "Cagen svc_cagen_quota:" + sealed);
        });
        String reservations = "/quotas/" + root + "/reservations";
        ways.put(ErrorCode.RESERVATION_NOT_FOUND, () -> alice.get(reservations + "/reservation_none"));
        ways.put(ErrorCode.RESERVATION_CLOSED, () -> {
            String cancel = reservations + "/" + reserve(reservations, 60) + "/cancel";
            alice.post(cancel, new JsonObject()).data();
            return alice.post(cancel, new JsonObject());
        });
        ways.put(ErrorCode.RESERVATION_EXPIRED, () -> {
            String reservation = reservations + "/" + reserve(reservations, 1);
            RunningService.until(
                    "it has expired",
                    () -> alice.get(reservation).data().getString("status").equals("expired"));
            return alice.post(reservation + "/commit", new JsonObject());
        });
        ways.put(ErrorCode.INCREASE_NOT_FOUND, () -> alice.get("/increases/increase_none"));
        ways.put(ErrorCode.INCREASE_CLOSED, () -> {
            JsonObject more = new JsonObject().put("total_mb", 1_000).put("reason", "more");
            String increase = "/increases/"
                    + alice.post("/quotas/" + root + "/increases", more).data().getString("increase_id");
            alice.post(increase + "/withdraw", new JsonObject()).data();
            return alice.post(increase + "/withdraw", new JsonObject());
        });
        ways.put(ErrorCode.CREDENTIAL_REPLAYED, () -> {
            String authorization = alice.authorization();
            service.send("GET", "/api/v1/quotas", "", "Authorization", authorization)
                    .data();
            return service.send("GET", "/api/v1/quotas", "", "Authorization", authorization);
        });
        ways.put(ErrorCode.PERMISSION_DENIED, () -> service.user("acme", "nobody")
                .take(root, "res", 1));
        ways.put(ErrorCode.QUOTA_NOT_FOUND, () -> alice.take("quota_none", "res", 1));
        ways.put(ErrorCode.NOT_FOUND, () -> service.send("GET", "/api/v2/quotas", ""));
        ways.put(ErrorCode.METHOD_NOT_ALLOWED, () -> service.send("PATCH", usage, "{}"));
        ways.put(ErrorCode.PAYLOAD_TOO_LARGE, () -> service.send("POST", usage, "x".repeat(65 * 1024)));
        ways.put(
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                () -> service.send("POST", usage, "<a/>", "Content-Type", "application/xml"));
        ways.put(ErrorCode.INSUFFICIENT_QUOTA, () -> alice.take(root, "res", 101));
        ways.put(ErrorCode.INSUFFICIENT_USAGE, () -> alice.giveBack(root, "res", 1));
        ways.put(ErrorCode.QUOTA_SUSPENDED, () -> {
            String suspended = alice.root(1);
            alice.act(suspended, "suspend").data();
            return alice.take(suspended, "res", 1);
        });
        ways.put(ErrorCode.QUOTA_NOT_EMPTY, () -> {
            alice.child(root, 1);
            return alice.act(root, "release");
        });
        ways.put(ErrorCode.BELOW_USE, () -> {
            alice.take(root, "below", 2).data();
            return alice.update(root, new JsonObject().put("total_mb", 1));
        });
        ways.put(ErrorCode.QUOTA_DRAINING, () -> {
            String drains = alice.root(10);
            alice.take(drains, "res", 5).data();
            alice.update(drains, new JsonObject().put("total_mb", 1).put("drain", true))
                    .data();
            return alice.take(drains, "res", 1);
        });
        ways.put(ErrorCode.KEY_TAKEN, () -> {
            JsonObject key = new JsonObject().put("key", "taken");
            alice.update(alice.root(1), key).data();
            return alice.update(alice.root(1), key);
        });
        ways.put(ErrorCode.VERSION_MISMATCH, () -> alice.update(root, new JsonObject().put("expected_version", 1_000)));
        ways.put(ErrorCode.LAST_OWNER, () -> alice.revoke(root, "alice", "owner"));
        ways.put(
                ErrorCode.HIERARCHY_VIOLATION,
                () -> alice.post(
                        "/quotas/" + root + "/allocate", User.childBody(1).put("target_id", "other")));
        ways.put(ErrorCode.IDEMPOTENCY_KEY_REUSED, () -> {
            alice.act(root, "suspend", "Idempotency-Key", "reused").data();
            return alice.act(root, "resume", "Idempotency-Key", "reused");
        });
        ways.put(ErrorCode.AUTH_UNAVAILABLE, () -> narrow.user("acme", "nobody").take(narrowAlice.root(1), "res", 1));
        ways.put(ErrorCode.DATABASE_UNAVAILABLE, () -> whileLocked(
                        service, alice, quota -> List.of(alice.postAsync(usagePath(quota), User.usage("res", 1))))
                .get(0));
        // Two may wait; whoever comes while they do is sent away at once.
        ways.put(
                ErrorCode.OVERLOADED,
                () -> one(ErrorCode.OVERLOADED, whileLocked(narrow, narrowAlice, quota -> many(quota, 20))));
        // One after the other, each until its lock times out: too long for the second one.
        ways.put(
                ErrorCode.OUTCOME_UNKNOWN,
                () -> one(ErrorCode.OUTCOME_UNKNOWN, whileLocked(narrow, narrowAlice, quota -> {
                    String path = "/quotas/" + quota + "/suspend";
                    return List.of(
                            narrowAlice.postAsync(path, new JsonObject()),
                            narrowAlice.postAsync(path, new JsonObject()));
                })));
        return ways;
    }

    private static String usagePath(String quota) {
        return "/quotas/" + quota + "/usage/allocate";
    }

    private List<CompletableFuture<Reply>> many(String quota, int count) {
        List<CompletableFuture<Reply>> replies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            replies.add(narrowAlice.postAsync(usagePath(quota), User.usage("res_" + i, 1)));
        }
        return replies;
    }

    private static Reply one(ErrorCode code, List<Reply> replies) {
        return replies.stream()
                .filter(reply -> code.wireName().equals(reply.code()))
                .findFirst()
                .orElseThrow(() -> new AssertionError(replies.toString()));
    }

    private interface Requests {
        List<CompletableFuture<Reply>> send(String quota);
    }

    /** The answers to requests on a quota whose row somebody else holds a lock on. */
    private static List<Reply> whileLocked(RunningService service, User owner, Requests requests) throws Exception {
        String quota = owner.root(100);
        List<Reply> replies;
        try (Connection connection = TestDatabase.connect(service.databaseUrl());
                var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("SELECT FROM quota.quotas WHERE id = '" + quota + "' FOR UPDATE");
            replies = RunningService.awaitAll(requests.send(quota));
            connection.rollback();
        }
        assertThat(replies).allSatisfy(reply -> assertThat(reply.status()).isEqualTo(503));
        RunningService.until(
                "no one waits any more", () -> owner.get("/quotas/" + quota).status() == 200);
        return replies;
    }
}
