package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Many changes of usage in one request. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BatchUsageIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject item(String operation, String quota, String resource, long mb) {
        return User.usage(resource, mb).put("operation", operation).put("quota_id", quota);
    }

    private static JsonObject allocate(String quota, String resource, long mb) {
        return item("allocate", quota, resource, mb);
    }

    private static JsonObject deallocate(String quota, String resource, long mb) {
        return item("deallocate", quota, resource, mb);
    }

    private static JsonObject body(boolean atomic, JsonObject... items) {
        return new JsonObject().put("atomic", atomic).put("items", new JsonArray(List.of(items)));
    }

    private static Reply batch(User user, boolean atomic, JsonObject... items) {
        return user.post("/usage/batch", body(atomic, items));
    }

    private void assertUsed(String quota, long usedMb) {
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(usedMb);
    }

    @Test
    void decidesTheItemsInTheirOrder() {
        String root = alice.root(100);
        String child = alice.child(root, 40);
        List<JsonObject> items = batch(
                        alice,
                        true,
                        allocate(child, "a", 40).put("reason", "first"),
                        deallocate(child, "a", 15),
                        allocate(child, "b", 15),
                        allocate(root, "a", 60))
                .list("items");
        assertThat(items).extracting(item -> item.getBoolean("success")).containsOnly(true);
        assertThat(items)
                .extracting(item -> item.getJsonObject("data").getLong("used_mb"))
                .containsExactly(40L, 25L, 40L, 60L);
        JsonObject second = items.get(1).getJsonObject("data");
        assertThat(second.getString("operation")).isEqualTo("deallocate");
        assertThat(second.getLong("held_mb")).isEqualTo(25);

        List<JsonObject> ledger = alice.get("/quotas/" + child + "/usage").list("entries");
        assertThat(ledger)
                .extracting(entry -> entry.getString("operation") + " " + entry.getString("resource_id") + " "
                        + entry.getLong("usage_mb") + " " + entry.getString("reason"))
                .containsExactly("allocate a 40 first", "deallocate a 15 null", "allocate b 15 null");
        assertThat(ledger)
                .extracting(entry -> entry.getString("usage_id"))
                .isEqualTo(items.subList(0, 3).stream()
                        .map(item -> item.getJsonObject("data").getString("usage_id"))
                        .toList());
        List<JsonObject> audited = alice.audit(child).stream()
                .filter(entry -> entry.getString("action").equals("usage.batch"))
                .toList();
        assertThat(audited).hasSize(3);
        assertThat(audited)
                .extracting(entry -> entry.getString("operation_id"))
                .containsOnly(audited.get(0).getString("operation_id"));
    }

    @Test
    void anAtomicBatchIsDoneOrNot() {
        String root = alice.root(100);
        JsonObject details = batch(
                        alice, true, allocate(root, "a", 60), allocate(root, "b", 41), allocate(root, "c", 1))
                .refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(details.getLong("item")).isOne();
        assertThat(details.getString("quota_id")).isEqualTo(root);
        assertThat(details.getLong("available_mb")).isEqualTo(40);
        assertUsed(root, 0);
        assertThat(batch(alice, true, allocate(root, "a", 1), allocate("quota_none", "a", 1))
                        .refused(ErrorCode.QUOTA_NOT_FOUND)
                        .getLong("item"))
                .isOne();
        assertThat(batch(alice, true, deallocate(root, "a", 1))
                        .refused(ErrorCode.INSUFFICIENT_USAGE)
                        .getLong("item"))
                .isZero();
        assertUsed(root, 0);
        JsonObject entry = alice.audit(root).get(1);
        assertThat(entry.getString("action")).isEqualTo("usage.batch");
        assertThat(entry.getString("outcome")).isEqualTo("refused");
        assertThat(entry.getJsonObject("details").getString("resource_id")).isEqualTo("b");
        assertThat(entry.getJsonObject("details").getLong("usage_mb")).isEqualTo(41);
    }

    @Test
    void eachItemForItselfIsDoneOrRefused() {
        String root = alice.root(100);
        String closed = alice.child(root, 50);
        alice.act(closed, "suspend").data();
        String others = service.user("globex", "alice").root(10);
        List<JsonObject> items = batch(
                        alice,
                        false,
                        allocate(root, "a", 51),
                        allocate(root, "a", 50),
                        allocate(closed, "a", 1),
                        allocate("quota_none", "a", 1),
                        allocate(others, "a", 1),
                        deallocate(root, "a", 51),
                        deallocate(root, "a", 20))
                .list("items");
        assertThat(items)
                .extracting(item -> item.getString("code"))
                .containsExactly(
                        "insufficient_quota",
                        null,
                        "quota_suspended",
                        "quota_not_found",
                        "quota_not_found",
                        "insufficient_usage",
                        null);
        assertUsed(root, 30);
        assertThat(alice.audit(root))
                .extracting(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                .containsExactlyInAnyOrder(
                        "quota.create applied",
                        "quota.allocate applied",
                        "usage.batch applied",
                        "usage.batch applied",
                        "usage.batch refused",
                        "usage.batch refused");
        assertThat(alice.audit(closed))
                .extracting(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                .contains("usage.batch refused");
    }

    @Test
    void needsReadOnEachQuota() {
        String root = alice.root(100);
        String one = alice.child(root, 10);
        String other = alice.child(root, 10);
        alice.grant(one, "bob", "read").data();
        List<JsonObject> items = batch(bob, false, allocate(one, "a", 1), allocate(other, "a", 1))
                .list("items");
        assertThat(items).extracting(item -> item.getString("code")).containsExactly(null, "permission_denied");
        assertThat(batch(bob, true, allocate(one, "a", 1), allocate(other, "a", 1))
                        .refused(ErrorCode.PERMISSION_DENIED)
                        .getLong("item"))
                .isOne();
        assertUsed(one, 1);
        assertUsed(other, 0);
    }

    @Test
    void saysWhichFieldOfWhichItemIsWrong() {
        String root = alice.root(100);
        assertThat(batch(
                                alice,
                                true,
                                allocate(root, "a", 1),
                                allocate(root, "", 0),
                                item("use", root, "a", 1),
                                new JsonObject())
                        .violations())
                .containsExactlyInAnyOrder(
                        "items[1].resource_id",
                        "items[1].usage_mb",
                        "items[2].operation",
                        "items[3].operation",
                        "items[3].quota_id",
                        "items[3].resource_id",
                        "items[3].usage_mb");
        assertThat(batch(alice, true).violations()).containsExactly("items");
        assertThat(alice.post(
                                "/usage/batch",
                                new JsonObject()
                                        .put("items", new JsonArray().add(1).add("x")))
                        .violations())
                .containsExactlyInAnyOrder("atomic", "items[0]", "items[1]");
        JsonObject[] tooMany = new JsonObject[101];
        Arrays.setAll(tooMany, i -> allocate(root, "a", 1));
        assertThat(batch(alice, true, tooMany).violations()).containsExactly("items");
        assertUsed(root, 0);
    }

    @Test
    void isDoneOnceUnderAKey() {
        String root = alice.root(100);
        JsonObject body = body(false, allocate(root, "a", 10), allocate(root, "a", 1_000));
        Reply first = alice.post("/usage/batch", body, "Idempotency-Key", "batch " + root);
        Reply again = alice.post("/usage/batch", body, "Idempotency-Key", "batch " + root);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        JsonObject other = body(false, allocate(root, "a", 10), allocate(root, "b", 1_000));
        alice.post("/usage/batch", other, "Idempotency-Key", "batch " + root).refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        assertUsed(root, 10);
    }

    @Test
    void takesAHundredItems() {
        String root = alice.root(1_000);
        JsonObject[] items = new JsonObject[100];
        Arrays.setAll(items, i -> allocate(root, "res_" + i, 10));
        assertThat(batch(alice, true, items).list("items")).hasSize(100);
        assertUsed(root, 1_000);
    }

    /** Batches over several quotas, in all orders, and single calls in between: nothing is lost, and nobody waits for ever. */
    @Test
    void batchesThatOverlapKeepTheBooks() {
        String root = alice.root(400);
        List<String> quotas = List.of(root, alice.child(root, 100), alice.child(root, 100), alice.child(root, 100));
        long seed = System.nanoTime();
        System.out.println("Seed: " + seed);
        Random random = new Random(seed);
        List<CompletableFuture<Reply>> calls = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            JsonObject[] items = new JsonObject[1 + random.nextInt(6)];
            Arrays.setAll(
                    items,
                    j -> item(
                            random.nextBoolean() ? "allocate" : "deallocate",
                            quotas.get(random.nextInt(4)),
                            "res_" + random.nextInt(2),
                            1 + random.nextInt(30)));
            calls.add(alice.postAsync("/usage/batch", body(random.nextBoolean(), items)));
            calls.add(alice.postAsync(
                    "/quotas/" + quotas.get(random.nextInt(4)) + "/usage/allocate", User.usage("res_0", 1)));
        }
        for (Reply reply : RunningService.awaitAll(calls)) {
            assertThat(reply.status()).as(reply.body()).isIn(200, 409);
        }
    }
}
