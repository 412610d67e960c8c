package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Bringing recorded usage in line with what is there. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReconcileUsageIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject observed(Map<String, Long> resources) {
        JsonArray list = new JsonArray();
        new TreeMap<>(resources).forEach((resource, mb) -> list.add(User.usage(resource, mb)));
        return new JsonObject().put("observed", list);
    }

    private static Reply reconcile(User user, String quota, JsonObject body, String... headers) {
        return user.post("/quotas/" + quota + "/usage/reconcile", body, headers);
    }

    private JsonObject reconcile(String quota, JsonObject body) {
        return reconcile(alice, quota, body).data();
    }

    private static List<String> outcomes(JsonObject data) {
        return data.getJsonArray("items").stream()
                .map(JsonObject.class::cast)
                .map(item -> item.getString("resource_id") + " " + item.getLong("recorded_mb") + " "
                        + item.getLong("difference_mb") + " " + item.getString("outcome"))
                .toList();
    }

    private void assertUsed(String quota, long usedMb) {
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(usedMb);
    }

    @Test
    void setsWhatIsRecordedToWhatWasObserved() {
        String quota = alice.root(100);
        alice.take(quota, "a", 40).data();
        alice.take(quota, "b", 30).data();
        alice.take(quota, "c", 10).data();
        JsonObject done = reconcile(quota, observed(Map.of("a", 25L, "b", 30L, "d", 35L)));
        assertThat(outcomes(done)).containsExactly("a 40 -15 adjusted", "b 30 0 unchanged", "d 0 35 adjusted");
        assertThat(done.getLong("adjusted")).isEqualTo(2);
        assertThat(done.getLong("refused")).isZero();
        assertUsed(quota, 100);

        List<JsonObject> ledger = alice.get("/quotas/" + quota + "/usage").list("entries");
        assertThat(ledger)
                .extracting(entry -> entry.getString("operation") + " " + entry.getString("resource_id") + " "
                        + entry.getLong("difference_mb") + " " + entry.getLong("held_mb"))
                .containsExactly(
                        "allocate a null 40",
                        "allocate b null 30",
                        "allocate c null 10",
                        "adjust a -15 25",
                        "adjust d 35 35");
        assertThat(ledger.get(3).getLong("usage_mb")).isEqualTo(15);
        JsonObject change = alice.audit(quota).stream()
                .filter(entry -> entry.getString("action").equals("usage.reconcile"))
                .findFirst()
                .orElseThrow()
                .getJsonObject("details")
                .getJsonArray("changes")
                .getJsonObject(0);
        assertThat(change.getString("resource_id")).isEqualTo("a");
        assertThat(change.getJsonObject("before").getLong("held_mb")).isEqualTo(40);
        assertThat(change.getJsonObject("after").getLong("held_mb")).isEqualTo(25);
        assertThat(outcomes(reconcile(quota, observed(Map.of("a", 25L, "d", 35L)))))
                .containsExactly("a 25 0 unchanged", "d 35 0 unchanged");
    }

    @Test
    void whatIsNotNamedHoldsNothingWhenTheListIsComplete() {
        String quota = alice.root(100);
        alice.take(quota, "a", 40).data();
        alice.take(quota, "b", 30).data();
        alice.take(quota, "c", 10).data();
        JsonObject done = reconcile(quota, observed(Map.of("b", 60L)).put("complete", true));
        // What is given back by the others is there for it.
        assertThat(outcomes(done)).containsExactly("b 30 30 adjusted", "a 40 -40 adjusted", "c 10 -10 adjusted");
        assertUsed(quota, 60);
    }

    @Test
    void refusesWhatDoesNotFitResourceByResource() {
        String quota = alice.root(100);
        alice.take(quota, "a", 40).data();
        JsonObject done = reconcile(quota, observed(Map.of("a", 30L, "b", 71L, "c", 60L, "d", 11L, "e", 10L)));
        assertThat(outcomes(done))
                .containsExactly(
                        "a 40 -10 adjusted", "b 0 71 refused", "c 0 60 adjusted", "d 0 11 refused", "e 0 10 adjusted");
        assertThat(done.getLong("refused")).isEqualTo(2);
        assertUsed(quota, 100);
        List<JsonObject> refused = alice.audit(quota).stream()
                .filter(entry -> entry.getString("outcome").equals("refused"))
                .toList();
        assertThat(refused)
                .extracting(entry -> entry.getJsonObject("details").getString("resource_id"))
                .containsExactly("b", "d");
        assertThat(refused.get(0).getJsonObject("details").getLong("observed_mb"))
                .isEqualTo(71);
    }

    /** Uploads that end while a scan runs are neither lost nor counted twice. */
    @Test
    void addsWhatHappenedSinceItWasObserved() {
        String quota = alice.root(1_000);
        alice.take(quota, "a", 40).data();
        alice.take(quota, "b", 30).data();
        String last = alice.quota(quota).getString("updated_at");
        alice.take(quota, "a", 5).data();
        alice.giveBack(quota, "b", 30).data();
        alice.take(quota, "c", 7).data();
        String reservation = alice.post(
                        "/quotas/" + quota + "/reservations",
                        new JsonObject().put("resource_id", "c").put("reserve_mb", 9))
                .data()
                .getString("reservation_id");
        alice.post("/quotas/" + quota + "/reservations/" + reservation + "/commit", new JsonObject())
                .data();
        // The scan saw two megabytes more of a, b as it was, and c not yet.
        JsonObject body =
                observed(Map.of("a", 42L, "b", 30L)).put("as_of", last).put("complete", true);
        assertThat(outcomes(reconcile(quota, body.copy().put("dry_run", true))))
                .containsExactly("a 45 2 adjusted", "b 0 0 unchanged", "c 16 0 unchanged");
        assertUsed(quota, 61);
        reconcile(quota, body);
        assertUsed(quota, 63);
        // The adjustment itself happened since, too: the same scan again changes nothing.
        assertThat(reconcile(quota, observed(Map.of("a", 42L, "b", 30L)).put("as_of", last))
                        .getLong("adjusted"))
                .isOne();
    }

    @Test
    void saysWhatIsWrong() {
        String quota = alice.root(100);
        JsonObject one = observed(Map.of("a", 1L));
        assertThat(reconcile(
                                alice,
                                quota,
                                one.copy()
                                        .put(
                                                "as_of",
                                                Instant.now().plusSeconds(3_600).toString()))
                        .violations())
                .containsExactly("as_of");
        assertThat(reconcile(alice, quota, one.copy().put("as_of", "yesterday")).violations())
                .containsExactly("as_of");
        assertThat(reconcile(alice, quota, observed(Map.of())).violations()).containsExactly("observed");
        JsonObject twice = new JsonObject()
                .put("observed", new JsonArray().add(User.usage("a", 1)).add(User.usage("a", 2)));
        assertThat(reconcile(alice, quota, twice).violations()).containsExactly("observed[1].resource_id");
        assertThat(reconcile(alice, quota, observed(Map.of("a", -1L))).violations())
                .containsExactly("observed[0].usage_mb");
        assertUsed(quota, 0);
    }

    @Test
    void looksAtSoMuchAndNoMore() {
        String quota = alice.root(20_000);
        String before = alice.quota(quota).getString("updated_at");
        // A few at a time: on a busy machine the last of them all would wait for too long.
        List<CompletableFuture<Reply>> batches = new ArrayList<>();
        for (int i = 0; i < 112; i++) {
            JsonArray items = new JsonArray();
            for (int j = 0; j < 100; j++) {
                items.add(User.usage("res_" + i + "_" + j, 1)
                        .put("operation", "allocate")
                        .put("quota_id", quota));
            }
            batches.add(alice.postAsync(
                    "/usage/batch", new JsonObject().put("atomic", true).put("items", items)));
            if (batches.size() == 8) {
                RunningService.awaitAll(batches).forEach(Reply::data);
                batches.clear();
            }
        }
        JsonObject one = observed(Map.of("res_0_0", 3L));
        assertThat(reconcile(alice, quota, one.copy().put("complete", true)).violations())
                .containsExactly("complete");
        assertThat(reconcile(alice, quota, one.copy().put("as_of", before)).violations())
                .containsExactly("as_of");
        assertThat(reconcile(quota, one).getLong("adjusted")).isOne();
        assertUsed(quota, 11_202);
    }

    @Test
    void needsAdmin() {
        String quota = alice.root(100);
        alice.grant(quota, "bob", "read").data();
        reconcile(bob, quota, observed(Map.of("a", 1L))).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(quota, "bob", "admin").data();
        reconcile(bob, quota, observed(Map.of("a", 1L))).data();
        service.user("globex", "alice");
        reconcile(service.user("globex", "alice"), quota, observed(Map.of("a", 1L)))
                .refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void isDoneOnceUnderAKey() {
        String quota = alice.root(100);
        JsonObject body = observed(Map.of("a", 10L));
        Reply first = reconcile(alice, quota, body, "Idempotency-Key", "scan " + quota);
        alice.take(quota, "a", 5).data();
        Reply again = reconcile(alice, quota, body, "Idempotency-Key", "scan " + quota);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        assertUsed(quota, 15);
    }

    @Test
    void aSuspendedQuotaCanBeReconciled() {
        String quota = alice.root(100);
        alice.take(quota, "a", 40).data();
        alice.act(quota, "suspend").data();
        assertThat(outcomes(reconcile(quota, observed(Map.of("a", 10L, "b", 5L)))))
                .containsExactly("a 40 -30 adjusted", "b 0 5 adjusted");
    }

    /** Two scans at once, and usage meanwhile: each reconciliation is one step, and the books stay right. */
    @Test
    void reconcilesWhileUsageGoesOn() {
        String quota = alice.root(300);
        List<CompletableFuture<Reply>> calls = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            calls.add(alice.postAsync("/quotas/" + quota + "/usage/allocate", User.usage("r" + i % 5, 1 + i % 9)));
            calls.add(alice.postAsync("/quotas/" + quota + "/usage/deallocate", User.usage("r" + i % 5, 1 + i % 4)));
            if (i % 6 == 0) {
                calls.add(alice.postAsync(
                        "/quotas/" + quota + "/usage/reconcile",
                        observed(Map.of("r0", (long) i, "r1", 20L, "r9", 3L)).put("complete", i % 12 == 0)));
            }
        }
        for (Reply reply : RunningService.awaitAll(calls)) {
            assertThat(reply.status()).as(reply.body()).isIn(200, 409);
        }
    }
}
