package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Moving what a resource holds to another quota or another resource. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TransferUsageIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject to(String quota, @Nullable String resource, long mb) {
        return User.usage("res", mb).put("to_quota_id", quota).put("to_resource_id", resource);
    }

    private Reply move(User user, String from, JsonObject body, String... headers) {
        return user.post("/quotas/" + from + "/usage/transfer", body, headers);
    }

    @Test
    void movesUsageToAnotherQuotaWithAnEntryInBothLedgersAndTrails() {
        String from = alice.root(100);
        String to = alice.root(50);
        alice.take(from, "res", 30).data();
        JsonObject moved = move(alice, from, to(to, null, 20)).data();
        assertThat(moved.getJsonObject("from").getLong("held_mb")).isEqualTo(10);
        assertThat(moved.getJsonObject("from").getLong("used_mb")).isEqualTo(10);
        assertThat(moved.getJsonObject("to").getLong("held_mb")).isEqualTo(20);
        assertThat(moved.getJsonObject("to").getLong("available_mb")).isEqualTo(30);
        assertThat(moved.getJsonObject("to").getString("resource_id")).isEqualTo("res");
        String transferId = moved.getString("transfer_id");

        List<JsonObject> given = alice.get("/quotas/" + from + "/usage").list("entries");
        List<JsonObject> taken = alice.get("/quotas/" + to + "/usage").list("entries");
        assertThat(given).hasSize(2);
        assertThat(given.get(0).containsKey("transfer_id")).isFalse();
        assertThat(given.get(1).getString("operation")).isEqualTo("deallocate");
        assertThat(given.get(1).getString("transfer_id")).isEqualTo(transferId);
        assertThat(taken).singleElement().satisfies(entry -> {
            assertThat(entry.getString("operation")).isEqualTo("allocate");
            assertThat(entry.getLong("usage_mb")).isEqualTo(20);
            assertThat(entry.getString("transfer_id")).isEqualTo(transferId);
            assertThat(entry.getString("usage_id"))
                    .isNotEqualTo(given.get(1).getString("usage_id"))
                    .isEqualTo(moved.getJsonObject("to").getString("usage_id"));
        });

        RunningService.until(
                "both are audited",
                () -> transfers(from).size() == 1 && transfers(to).size() == 1);
        JsonObject audited = transfers(to).get(0);
        assertThat(audited.getString("operation_id"))
                .isEqualTo(transferId)
                .isEqualTo(transfers(from).get(0).getString("operation_id"));
        assertThat(audited.getJsonObject("details"))
                .isEqualTo(to(to, "res", 20).put("changes", new JsonArray("""
                        [{"quota_id": "%s", "version": 2, "resource_id": "res",
                          "before": {"used_mb": 0, "reserved_mb": 0, "held_mb": 0},
                          "after": {"used_mb": 20, "reserved_mb": 0, "held_mb": 20}}]
                        """.formatted(to))));
    }

    private List<JsonObject> transfers(String quota) {
        return alice.audit(quota).stream()
                .filter(entry -> entry.getString("action").equals("usage.transfer"))
                .filter(entry -> entry.getString("outcome").equals("applied"))
                .toList();
    }

    @Test
    void movesUsageToAnotherResourceOfAFullQuota() {
        String quota = alice.root(10);
        alice.take(quota, "res", 10).data();
        JsonObject moved = move(alice, quota, to(quota, "other", 4)).data();
        assertThat(moved.getJsonObject("from").getLong("used_mb")).isEqualTo(6);
        assertThat(moved.getJsonObject("to").getLong("used_mb")).isEqualTo(10);
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(10);
        assertThat(alice.quota(quota).getLong("version")).isEqualTo(4);
        alice.giveBack(quota, "other", 4).data();
        alice.giveBack(quota, "res", 6).data();
    }

    @Test
    void refusesWhatEitherSideWouldRefuse() {
        String from = alice.root(100);
        String to = alice.root(10);
        alice.take(from, "res", 50).data();
        assertThat(move(alice, from, to(to, null, 51)).refused(ErrorCode.INSUFFICIENT_USAGE))
                .isEqualTo(new JsonObject()
                        .put("resource_id", "res")
                        .put("held_mb", 50)
                        .put("requested_mb", 51));
        assertThat(move(alice, from, to(to, null, 11))
                        .refused(ErrorCode.INSUFFICIENT_QUOTA)
                        .getString("quota_id"))
                .isEqualTo(to);
        alice.act(to, "suspend").data();
        move(alice, from, to(to, null, 1)).refused(ErrorCode.QUOTA_SUSPENDED);
        alice.act(to, "resume").data();
        alice.act(from, "suspend").data();
        move(alice, from, to(to, null, 10)).data();
        assertThat(alice.quota(from).getLong("used_mb")).isEqualTo(40);
    }

    @Test
    void needsReadOnBothQuotasAndShowsNothingOfOthers() {
        String from = alice.root(10);
        String to = alice.root(10);
        alice.take(from, "res", 5).data();
        String strange = service.user("globex", "erin").root(10);
        for (String unknown : List.of(strange, "quota_none")) {
            move(alice, from, to(unknown, null, 1)).refused(ErrorCode.QUOTA_NOT_FOUND);
            move(alice, unknown, to(to, null, 1)).refused(ErrorCode.QUOTA_NOT_FOUND);
        }
        move(bob, from, to(to, null, 1)).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(from, "bob", "read").data();
        move(bob, from, to(to, null, 1)).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(to, "bob", "read").data();
        move(bob, from, to(to, null, 1)).data();
    }

    @Test
    void namesTheFieldThatIsWrong() {
        String quota = alice.root(10);
        for (JsonObject body : List.of(
                to(quota, null, 1), to(quota, "", 1), to(quota, "res", 1), User.usage("res", 1), to("", null, 1))) {
            assertThat(move(alice, quota, body)
                            .refused(ErrorCode.INVALID_REQUEST)
                            .getJsonArray("violations")
                            .getJsonObject(0)
                            .getString("field"))
                    .as(body.encode())
                    .isEqualTo("to_quota_id");
        }
    }

    @Test
    void isDoneOnceUnderAKeyEvenWhenTheOtherQuotaIsReleasedAfterwards() {
        String from = alice.root(10);
        String to = alice.root(10);
        alice.take(from, "res", 5).data();
        Reply first = move(alice, from, to(to, null, 5), "Idempotency-Key", "move " + from);
        alice.giveBack(to, "res", 5).data();
        alice.delete("/quotas/" + to).data();
        Reply again = move(alice, from, to(to, null, 5), "Idempotency-Key", "move " + from);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        move(alice, from, to(to, null, 5)).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void crossingTransfersNeitherBlockNorLoseAnything() {
        List<String> quotas = List.of(alice.root(100), alice.root(100), alice.root(100));
        quotas.forEach(quota -> alice.take(quota, "res", 60).data());
        List<CompletableFuture<Reply>> moves = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            String from = quotas.get(i % 3);
            JsonObject body = to(quotas.get((i + 1 + i % 2) % 3), null, 1 + i % 7);
            moves.add(alice.postAsync("/quotas/" + from + "/usage/transfer", body));
        }
        for (Reply reply : RunningService.awaitAll(moves)) {
            assertThat(reply.status()).as(reply.body()).isIn(200, 409);
        }
        assertThat(quotas.stream()
                        .mapToLong(quota -> alice.quota(quota).getLong("used_mb"))
                        .sum())
                .isEqualTo(180);
    }
}
