package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Taking from quotas, giving back, and what can be read about it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UsageIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    @Test
    void takesAndGivesBackWithTheFiguresInTheAnswer() {
        String quota = alice.root(100);
        alice.child(quota, 40);
        alice.take(quota, "res", 10).data();
        JsonObject taken = alice.post(
                        "/quotas/" + quota + "/usage/allocate",
                        User.usage("res", 5).put("reason", "because\nof this"))
                .data();
        String usageId = taken.getString("usage_id");
        assertThat(usageId).isNotEmpty();
        assertThat(taken.copy().putNull("usage_id").putNull("created_at"))
                .isEqualTo(new JsonObject()
                        .putNull("usage_id")
                        .put("quota_id", quota)
                        .put("resource_id", "res")
                        .put("operation", "allocate")
                        .put("usage_mb", 5)
                        .put("held_mb", 15)
                        .put("total_mb", 100)
                        .put("used_mb", 15)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 40)
                        .put("available_mb", 45)
                        .putNull("created_at"));
        JsonObject back = alice.giveBack(quota, "res", 15).data();
        assertThat(back.getString("operation")).isEqualTo("deallocate");
        assertThat(back.getLong("held_mb")).isZero();
        assertThat(back.getLong("used_mb")).isZero();
        assertThat(back.getLong("available_mb")).isEqualTo(60);
        JsonObject entry = alice.get("/quotas/" + quota + "/usage?limit=1&cursor="
                        + alice.get("/quotas/" + quota + "/usage?limit=1")
                                .data()
                                .getString("next_cursor"))
                .list("entries")
                .get(0);
        assertThat(entry.copy().putNull("created_at"))
                .isEqualTo(new JsonObject()
                        .put("usage_id", usageId)
                        .put("quota_id", quota)
                        .put("resource_id", "res")
                        .put("operation", "allocate")
                        .put("usage_mb", 5)
                        .put("user_id", "alice")
                        .put("service_id", "svc_cagen_quota")
                        .put("reason", "because\nof this")
                        .put("used_mb", 15)
                        .put("held_mb", 15)
                        .putNull("created_at"));
        assertThat(entry.getString("created_at")).isEqualTo(taken.getString("created_at"));
    }

    private Reply takeIn(String mode, String quota, long mb, @Nullable Long minMb) {
        JsonObject body = User.usage("res", mb).put("mode", mode).put("min_mb", minMb);
        return alice.post("/quotas/" + quota + "/usage/allocate", body);
    }

    @Test
    void takesAsMuchAsThereIsInBestEffort() {
        String quota = alice.root(100);
        assertThat(takeIn("best_effort", quota, 30, null).data().getLong("usage_mb"))
                .isEqualTo(30);
        assertThat(takeIn("best_effort", quota, 200, 71L)
                        .refused(ErrorCode.INSUFFICIENT_QUOTA)
                        .getLong("requested_mb"))
                .isEqualTo(71);
        JsonObject taken = takeIn("best_effort", quota, 200, 70L).data();
        assertThat(taken.getLong("usage_mb")).isEqualTo(70);
        assertThat(taken.getLong("held_mb")).isEqualTo(100);
        assertThat(takeIn("best_effort", quota, 1, null)
                        .refused(ErrorCode.INSUFFICIENT_QUOTA)
                        .getLong("requested_mb"))
                .isOne();
        assertThat(alice.get("/quotas/" + quota + "/usage").list("entries"))
                .extracting(entry -> entry.getLong("usage_mb"))
                .containsExactly(30L, 70L);
        assertThat(takeIn("best_effort", quota, 5, 6L).violations()).containsExactly("min_mb");
        assertThat(takeIn("strict", quota, 5, 5L).violations()).containsExactly("min_mb");
        assertThat(takeIn("greedy", quota, 5, null).violations()).containsExactly("mode");
    }

    @Test
    void aCheckChangesNothingAndLeavesNoTrace() {
        String quota = alice.root(100);
        alice.take(quota, "res", 40).data();
        JsonObject allowed = takeIn("check", quota, 60, null).data();
        assertThat(allowed)
                .isEqualTo(new JsonObject()
                        .put("allowed", true)
                        .put("quota_id", quota)
                        .put("resource_id", "res")
                        .put("usage_mb", 60)
                        .put("held_mb", 40)
                        .put("total_mb", 100)
                        .put("used_mb", 40)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 0)
                        .put("available_mb", 60));
        JsonObject tooMuch = takeIn("check", quota, 61, null).data();
        assertThat(tooMuch.getBoolean("allowed")).isFalse();
        Reply refused = takeIn("strict", quota, 61, null);
        assertThat(tooMuch.getJsonObject("refusal"))
                .isEqualTo(new JsonObject()
                        .put("code", "insufficient_quota")
                        .put("error", new JsonObject(refused.body()).getString("error"))
                        .put("details", refused.refused(ErrorCode.INSUFFICIENT_QUOTA)));
        alice.act(quota, "suspend").data();
        assertThat(takeIn("check", quota, 1, null)
                        .data()
                        .getJsonObject("refusal")
                        .getString("code"))
                .isEqualTo("quota_suspended");
        assertThat(alice.quota(quota).getLong("version")).isEqualTo(3);
        takeIn("check", "quota_none", 1, null).refused(ErrorCode.QUOTA_NOT_FOUND);
        RunningService.until("what changed something is audited", () -> alice.audit(quota).stream()
                .map(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                .toList()
                .equals(List.of(
                        "quota.create applied",
                        "usage.allocate applied",
                        "usage.allocate refused",
                        "quota.suspend applied")));
    }

    @Test
    void refusesMoreThanIsAvailableAndChangesNothing() {
        String quota = alice.root(100);
        alice.child(quota, 30);
        alice.take(quota, "res", 50).data();
        assertThat(alice.take(quota, "res", 21).refused(ErrorCode.INSUFFICIENT_QUOTA))
                .isEqualTo(new JsonObject()
                        .put("quota_id", quota)
                        .put("total_mb", 100)
                        .put("used_mb", 50)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 30)
                        .put("available_mb", 20)
                        .put("requested_mb", 21)
                        .put("short_by_mb", 1));
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(50);
        assertThat(alice.take(quota, "res", 20).status()).isEqualTo(200);
        JsonObject full = alice.take(quota, "res", 9_007_199_254_740_991L).refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(full.getLong("short_by_mb")).isEqualTo(9_007_199_254_740_991L);
    }

    @Test
    void countsUpToTheLargestAmount() {
        long most = 9_007_199_254_740_991L;
        String quota = alice.root(most);
        assertThat(alice.take(quota, "res", most - 1).data().getLong("available_mb"))
                .isOne();
        alice.take(quota, "res", 2).refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(alice.take(quota, "res", 1).data().getLong("held_mb")).isEqualTo(most);
        assertThat(alice.giveBack(quota, "res", most).data().getLong("used_mb")).isZero();
    }

    @Test
    void givesBackNoMoreThanAResourceHoldsOnThatQuota() {
        String quota = alice.root(100);
        String other = alice.root(100);
        alice.take(quota, "res", 10).data();
        alice.take(other, "res", 50).data();
        alice.take(quota, "another", 50).data();
        assertThat(alice.giveBack(quota, "res", 11).refused(ErrorCode.INSUFFICIENT_USAGE))
                .isEqualTo(new JsonObject()
                        .put("resource_id", "res")
                        .put("held_mb", 10)
                        .put("requested_mb", 11));
        assertThat(alice.giveBack(quota, "never", 1)
                        .refused(ErrorCode.INSUFFICIENT_USAGE)
                        .getLong("held_mb"))
                .isZero();
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(60);
    }

    @Test
    void listsTheUsageOfResourcesLargestFirst() {
        User carol = service.user("acme", "carol");
        String first = carol.root(1_000);
        String second = carol.root(1_000);
        String foreign = alice.root(1_000);
        carol.take(first, "small", 5).data();
        carol.take(first, "both", 20).data();
        carol.take(second, "both", 30).data();
        carol.take(second, "gone", 500).data();
        carol.giveBack(second, "gone", 500).data();
        alice.take(foreign, "both", 100).data();
        alice.take(foreign, "not_carols", 100).data();

        JsonObject data = carol.get("/runtime-usage").data();
        assertThat(data.getInteger("total_count")).isEqualTo(2);
        assertThat(data.getInteger("total_pages")).isOne();
        JsonObject both = data.getJsonArray("runtimes").getJsonObject(0);
        assertThat(both.getString("resource_id")).isEqualTo("both");
        assertThat(both.getLong("total_usage_mb")).isEqualTo(50);
        assertThat(both.getInteger("quota_count")).isEqualTo(2);
        assertThat(both.getJsonArray("quotas")).containsExactlyInAnyOrder(held(first, 20), held(second, 30));
        assertThat(data.getJsonArray("runtimes").getJsonObject(1).getString("resource_id"))
                .isEqualTo("small");
        JsonObject page = carol.get("/runtime-usage?page=2&page_size=1").data();
        assertThat(page.getInteger("total_pages")).isEqualTo(2);
        assertThat(page.getJsonArray("runtimes").getJsonObject(0).getString("resource_id"))
                .isEqualTo("small");
        alice.grant(foreign, "carol", "read").data();
        assertThat(carol.get("/runtime-usage").list("runtimes").get(0).getLong("total_usage_mb"))
                .isEqualTo(150);
    }

    /** 1,030 times the largest amount is more than a long holds. */
    @Test
    void addsUpMoreThanALongHoldsAndBoundsTheListOfQuotas() {
        User dora = service.user("large", "dora");
        long most = 9_007_199_254_740_991L;
        int quotas = 1_030;
        JsonObject root = new JsonObject()
                .put("name", "🙂".repeat(255))
                .put("type", "organization")
                .put("total_mb", most);
        List<CompletableFuture<Reply>> taken = new ArrayList<>();
        for (int i = 0; i < quotas; i++) {
            taken.add(dora.postAsync("/quotas/create", root)
                    .thenCompose(created -> dora.postAsync(
                            "/quotas/" + created.data().getString("id") + "/usage/allocate",
                            User.usage("res", most - 1))));
            if (i % 50 == 49) {
                RunningService.awaitAll(taken);
            }
        }
        RunningService.awaitAll(taken).forEach(Reply::data);
        String id = taken.get(0).join().data().getString("quota_id");
        dora.take(id, "res", 1).data();
        dora.take(id, "small", 1).refused(ErrorCode.INSUFFICIENT_QUOTA);
        String another = dora.root(10);
        dora.take(another, "small", 1).data();

        Reply reply = dora.get("/runtime-usage");
        List<JsonObject> runtimes = reply.list("runtimes");
        BigInteger total = BigInteger.valueOf(most - 1)
                .multiply(BigInteger.valueOf(quotas))
                .add(BigInteger.ONE);
        assertThat(total.bitLength()).isGreaterThan(63);
        assertThat(runtimes.get(0).getNumber("total_usage_mb")).isEqualTo(total);
        assertThat(runtimes.get(0).getInteger("quota_count")).isEqualTo(quotas);
        assertThat(runtimes.get(0).getJsonArray("quotas").getJsonObject(0))
                .isEqualTo(new JsonObject()
                        .put("quota_id", id)
                        .put("quota_name", "🙂".repeat(255))
                        .put("usage_mb", most));
        assertThat(runtimes.get(0).getJsonArray("quotas").size()).isBetween(500, quotas - 1);
        assertThat(reply.body().getBytes(StandardCharsets.UTF_8).length).isLessThan(1_200_000);
        assertThat(runtimes.get(1).getJsonArray("quotas"))
                .as("each resource has its largest holding in the list")
                .containsExactly(new JsonObject()
                        .put("quota_id", another)
                        .put("quota_name", "root")
                        .put("usage_mb", 1));
    }

    @Test
    void endsAPageOfHistoryAtItsLimitInBytes() {
        User erin = service.user("acme", "erin");
        String quota = erin.root(1_000);
        String reason = "🙂".repeat(1_000);
        List<CompletableFuture<Reply>> taken = new ArrayList<>();
        for (int i = 0; i < 150; i++) {
            taken.add(erin.postAsync(
                    "/quotas/" + quota + "/usage/allocate",
                    User.usage("res_" + i, 1).put("reason", reason)));
        }
        RunningService.awaitAll(taken).forEach(Reply::data);
        Invariants.awaitSealed(service.databaseUrl());
        for (String path : List.of("/quotas/" + quota + "/usage", "/quotas/" + quota + "/audit")) {
            for (String order : List.of("asc", "desc")) {
                Set<String> seen = new LinkedHashSet<>();
                int pages = 0;
                String cursor = "";
                while (cursor != null) {
                    Reply page = erin.get(path + "?limit=100&order=" + order + cursor);
                    assertThat(page.body().getBytes(StandardCharsets.UTF_8).length)
                            .isLessThan(300_000);
                    page.list("entries").forEach(entry -> assertThat(seen.add(entry.getString("created_at")
                                    + entry.getString("usage_id", entry.getString("audit_id"))))
                            .as("repeated")
                            .isTrue());
                    pages++;
                    String next = page.data().getString("next_cursor");
                    cursor = next == null ? null : "&cursor=" + next;
                }
                assertThat(seen).as(path).hasSize(path.endsWith("usage") ? 150 : 151);
                assertThat(pages).isBetween(3, 4);
            }
        }
    }

    private static JsonObject held(String quota, long mb) {
        return new JsonObject().put("quota_id", quota).put("quota_name", "root").put("usage_mb", mb);
    }

    @Test
    void pagesTheHistoryWithoutSkippingOrRepeating() {
        String quota = alice.root(1_000);
        for (int i = 1; i <= 5; i++) {
            alice.take(quota, "res_" + i % 2, i).data();
        }
        String path = "/quotas/" + quota + "/usage";
        List<Long> amounts = new ArrayList<>();
        String cursor = "";
        for (int i = 6; !cursor.equals("end"); i++) {
            JsonObject page = alice.get(path + "?limit=2" + cursor).data();
            page.getJsonArray("entries").forEach(entry -> amounts.add(((JsonObject) entry).getLong("usage_mb")));
            if (i < 8) {
                alice.take(quota, "later", i).data(); // while somebody turns the pages
            }
            String next = page.getString("next_cursor");
            cursor = next == null ? "end" : "&cursor=" + next;
        }
        assertThat(amounts).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);

        List<JsonObject> newest = alice.get(path + "?order=desc&limit=3").list("entries");
        assertThat(newest).extracting(entry -> entry.getLong("usage_mb")).containsExactly(7L, 6L, 5L);
        assertThat(alice.get(path + "?resource_id=res_0").list("entries"))
                .extracting(entry -> entry.getLong("usage_mb"))
                .containsExactly(2L, 4L);
        String from = newest.get(1).getString("created_at");
        String to = newest.get(0).getString("created_at");
        assertThat(alice.get(path + "?from=" + from + "&to=" + to).list("entries"))
                .as("from is inclusive, to exclusive")
                .extracting(entry -> entry.getLong("usage_mb"))
                .containsExactly(6L);
        for (String wrong : List.of("limit=0", "limit=101", "cursor=x", "from=yesterday", "to=1", "order=up")) {
            assertThat(alice.get(path + "?" + wrong).violations())
                    .as(wrong)
                    .containsExactly(wrong.substring(0, wrong.indexOf('=')));
        }
    }
}
