package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests that are sent again. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IdempotencyIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private Reply send(User user, String method, String path, String body, String key) {
        return RunningService.await(user.sendAsync(method, path, body, "Idempotency-Key", key));
    }

    /** {@code QUOTA} is a child with usage, {@code EMPTY} one without; {@code other} is another request. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "POST|/quotas/create|{\"name\":\"n\",\"type\":\"organization\",\"total_mb\":5}"
                        + "|{\"name\":\"n\",\"type\":\"organization\",\"total_mb\":6}",
                "POST|/quotas/QUOTA/allocate|{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":5}"
                        + "|{\"name\":\"m\",\"type\":\"organization\",\"allocate_mb\":5}",
                "POST|/quotas/QUOTA/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":1}"
                        + "|{\"resource_id\":\"r\",\"usage_mb\":1,\"reason\":\"x\"}",
                "POST|/quotas/QUOTA/usage/deallocate|{\"resource_id\":\"r\",\"usage_mb\":1}"
                        + "|{\"resource_id\":\"s\",\"usage_mb\":1}",
                "POST|/quotas/QUOTA/permissions/grant|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}"
                        + "|{\"target_user_id\":\"u\",\"permissions\":[\"admin\"]}",
                "POST|/quotas/QUOTA/permissions/revoke|{\"target_user_id\":\"v\",\"permissions\":[\"read\"]}"
                        + "|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}",
                "POST|/quotas/QUOTA/suspend|{\"reason\":\"a\"}|{\"reason\":\"b\"}",
                "POST|/quotas/QUOTA/resume|{\"reason\":\"a\"}|{}",
                "POST|/quotas/EMPTY/release|{}|",
                "DELETE|/quotas/EMPTY|''|",
            })
    void aRepeatGetsTheFirstAnswerAndHasNoEffect(String method, String template, String body, String other) {
        String root = alice.root(1_000);
        String quota = alice.child(root, 100);
        String empty = alice.child(root, 100);
        alice.take(quota, "r", 10).data();
        String path = template.replace("QUOTA", quota).replace("EMPTY", empty);
        String key = "key of " + quota;

        Reply first = send(alice, method, path, body, key);
        assertThat(first.status()).as(first.body()).isIn(200, 201);
        assertThat(first.replayed()).isFalse();
        JsonObject quotaAfter = alice.quota(quota);
        JsonObject rootAfter = alice.quota(root);
        for (int i = 0; i < 2; i++) {
            Reply repeat = send(alice, method, path, body, key);
            assertThat(repeat.status()).isEqualTo(first.status());
            assertThat(repeat.body()).isEqualTo(first.body());
            assertThat(repeat.replayed()).isTrue();
        }
        // The field is as good as the header; fields that are unknown or travel elsewhere are no part of the request.
        if (method.equals("POST")) {
            JsonObject fields = new JsonObject(body).put("idempotency_key", key).put("unknown", 1);
            assertThat(alice.post(path, fields).body()).isEqualTo(first.body());
        }
        if (other != null) {
            send(alice, method, path, other, key).refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        }
        send(alice, "POST", "/quotas/" + root + "/suspend", "{}", key).refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        assertThat(alice.quota(quota)).isEqualTo(quotaAfter);
        assertThat(alice.quota(root)).isEqualTo(rootAfter);
        assertThat(alice.audit(root).stream()
                        .filter(entry -> entry.getString("outcome").equals("refused"))
                        .map(entry -> entry.getJsonObject("details").getString("code")))
                .containsOnly("idempotency_key_reused");
    }

    @Test
    void bothWaysToReleaseAreOneOperation() {
        String quota = alice.root(10);
        Reply first = send(alice, "POST", "/quotas/" + quota + "/release", "{}", "both ways");
        Reply repeat = send(alice, "DELETE", "/quotas/" + quota, "", "both ways");
        assertThat(repeat.body()).isEqualTo(first.body());
        assertThat(repeat.replayed()).isTrue();
        alice.delete("/quotas/" + quota).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void aDeletedQuotaIsStillKnownToARepeat() {
        String quota = alice.root(10);
        String usage = "/quotas/" + quota + "/usage/allocate";
        String body = User.usage("res", 1).encode();
        Reply first = send(alice, "POST", usage, body, "before the end");
        alice.giveBack(quota, "res", 1).data();
        alice.act(quota, "release").data();
        Reply repeat = send(alice, "POST", usage, body, "before the end");
        assertThat(repeat.body()).isEqualTo(first.body());
        assertThat(repeat.replayed()).isTrue();
        send(alice, "POST", usage, User.usage("res", 2).encode(), "before the end")
                .refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        send(alice, "POST", usage, body, "a new one").refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void refusalsAreDecidedAnew() {
        String quota = alice.root(10);
        alice.take(quota, "res", 10).data();
        String usage = "/quotas/" + quota + "/usage/allocate";
        String body = User.usage("res", 5).encode();
        send(alice, "POST", usage, body, "again").refused(ErrorCode.INSUFFICIENT_QUOTA);
        alice.giveBack(quota, "res", 5).data();
        Reply done = send(alice, "POST", usage, body, "again");
        assertThat(done.data().getLong("used_mb")).isEqualTo(10);
        assertThat(done.replayed()).isFalse();
        alice.act(quota, "suspend").data();
        assertThat(send(alice, "POST", usage, body, "again").body())
                .as("before any rule")
                .isEqualTo(done.body());
    }

    @Test
    void aRepeatStillNeedsThePermissionAndAFreshCredential() {
        String quota = alice.root(10);
        User bob = service.user("acme", "bob");
        alice.grant(quota, "bob", "read").data();
        String usage = "/quotas/" + quota + "/usage/allocate";
        String body = User.usage("res", 1).encode();
        String authorization = bob.authorization();
        service.send("POST", "/api/v1" + usage, body, "Authorization", authorization, "Idempotency-Key", "bobs")
                .data();
        service.send("POST", "/api/v1" + usage, body, "Authorization", authorization, "Idempotency-Key", "bobs")
                .refused(ErrorCode.CREDENTIAL_REPLAYED);
        send(alice, "POST", usage, body, "bobs").refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        alice.revoke(quota, "bob", "read").data();
        send(bob, "POST", usage, body, "bobs").refused(ErrorCode.PERMISSION_DENIED);
        assertThat(alice.quota(quota).getLong("used_mb")).isOne();
    }

    @Test
    void theHeaderAndTheFieldMustNotDiffer() {
        String quota = alice.root(10);
        JsonObject body = User.usage("res", 1).put("idempotency_key", "one");
        assertThat(alice.post("/quotas/" + quota + "/usage/allocate", body, "Idempotency-Key", "two")
                        .violations())
                .containsExactly("idempotency_key");
        assertThat(alice.post("/quotas/" + quota + "/usage/allocate", body, "Idempotency-Key", "one")
                        .status())
                .isEqualTo(200);
    }
}
