package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Many at once over HTTP. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ConcurrencyIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private static List<Reply> atOnce(int count, IntFunction<CompletableFuture<Reply>> send) {
        return RunningService.awaitAll(IntStream.range(0, count).mapToObj(send).toList());
    }

    private static long succeeded(List<Reply> replies) {
        return replies.stream().filter(reply -> reply.status() < 300).count();
    }

    @Test
    void threeHundredCallersTakeExactlyWhatThereIs() {
        String quota = alice.root(100);
        List<Reply> replies =
                atOnce(300, i -> alice.postAsync("/quotas/" + quota + "/usage/allocate", User.usage("res_" + i, 1)));
        assertThat(succeeded(replies)).isEqualTo(100);
        JsonObject figures = new JsonObject()
                .put("quota_id", quota)
                .put("total_mb", 100)
                .put("used_mb", 100)
                .put("reserved_mb", 0)
                .put("allocated_mb", 0)
                .put("available_mb", 0)
                .put("requested_mb", 1)
                .put("short_by_mb", 1);
        assertThat(replies.stream().filter(reply -> reply.status() >= 300))
                .hasSize(200)
                .allSatisfy(reply ->
                        assertThat(reply.refused(ErrorCode.INSUFFICIENT_QUOTA)).isEqualTo(figures));
        assertThat(replies.stream().filter(reply -> reply.status() == 200).map(reply -> reply.data()
                        .getLong("used_mb")))
                .as("each saw its own place")
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, 100).mapToObj(Long::valueOf).toList());
        assertThat(alice.quota(quota).getLong("available_mb")).isZero();
    }

    @Test
    void usageAndChildrenTogetherNeverTakeMoreThanThereIs() {
        String quota = alice.root(100);
        List<Reply> replies = atOnce(
                120,
                i -> i % 2 == 0
                        ? alice.postAsync("/quotas/" + quota + "/usage/allocate", User.usage("res_" + i, 2))
                        : alice.postAsync("/quotas/" + quota + "/allocate", User.childBody(3)));
        JsonObject after = alice.quota(quota);
        assertThat(after.getLong("available_mb")).isBetween(0L, 1L);
        long taken = replies.stream().filter(reply -> reply.status() == 200).count();
        long children = replies.stream().filter(reply -> reply.status() == 201).count();
        assertThat(after.getLong("used_mb")).isEqualTo(2 * taken);
        assertThat(after.getLong("allocated_mb")).isEqualTo(3 * children);
        assertThat(replies.stream().filter(reply -> reply.status() >= 300))
                .allSatisfy(reply -> reply.refused(ErrorCode.INSUFFICIENT_QUOTA));
    }

    @Test
    void fiftyIdenticalRequestsHaveOneEffect() {
        String quota = alice.root(1_000);
        List<Reply> usage = atOnce(
                50,
                i -> alice.postAsync(
                        "/quotas/" + quota + "/usage/allocate", User.usage("res", 10), "Idempotency-Key", "fifty"));
        oneEffect(usage, 200);
        assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(10);
        List<Reply> children = atOnce(
                50,
                i -> alice.postAsync(
                        "/quotas/" + quota + "/allocate", User.childBody(10), "Idempotency-Key", "fifty children"));
        oneEffect(children, 201);
        assertThat(alice.quota(quota).getLong("allocated_mb")).isEqualTo(10);
        String child = children.get(0).data().getString("id");
        oneEffect(
                atOnce(
                        50,
                        i -> alice.postAsync(
                                "/quotas/" + child + "/release", new JsonObject(), "Idempotency-Key", "fifty ends")),
                200);
        assertThat(alice.quota(quota).getLong("allocated_mb")).isZero();
    }

    private static void oneEffect(List<Reply> replies, int status) {
        assertThat(replies)
                .allSatisfy(reply -> assertThat(reply.status()).as(reply.body()).isEqualTo(status));
        assertThat(replies.stream().map(Reply::body).distinct()).hasSize(1);
        assertThat(replies.stream().filter(Reply::replayed)).hasSize(replies.size() - 1);
    }

    @Test
    void aCredentialIsAcceptedOnce() {
        String quota = alice.root(1_000);
        String usage = alice.authorization();
        List<Reply> replies = atOnce(
                50,
                i -> service.sendAsync(
                        "POST",
                        "/api/v1/quotas/" + quota + "/usage/allocate",
                        User.usage("res", 1).encode(),
                        "Authorization",
                        usage));
        oneAccepted(replies);
        assertThat(alice.quota(quota).getLong("used_mb")).isOne();
        String reading = alice.authorization();
        oneAccepted(atOnce(
                50,
                i -> service.sendAsync(
                        "GET",
                        i % 2 == 0 ? "/api/v1/quotas" : "/api/v1/quotas/" + quota,
                        "",
                        "Authorization",
                        reading)));
    }

    private static void oneAccepted(List<Reply> replies) {
        assertThat(succeeded(replies)).isOne();
        assertThat(replies.stream().filter(reply -> reply.status() != 200))
                .allSatisfy(reply -> reply.refused(ErrorCode.CREDENTIAL_REPLAYED));
    }

    @Test
    void releaseAndUseAtOnceLeaveNothingInADeletedQuota() {
        String root = alice.root(1_000);
        List<String> children =
                IntStream.range(0, 20).mapToObj(i -> alice.child(root, 10)).toList();
        List<CompletableFuture<Reply>> sent = new ArrayList<>();
        for (String child : children) {
            sent.add(alice.postAsync("/quotas/" + child + "/usage/allocate", User.usage("res", 1)));
            sent.add(alice.postAsync("/quotas/" + child + "/release", new JsonObject()));
        }
        List<Reply> replies = RunningService.awaitAll(sent);
        long kept = 0;
        for (int i = 0; i < replies.size(); i += 2) {
            boolean used = replies.get(i).status() == 200;
            boolean released = replies.get(i + 1).status() == 200;
            assertThat(used).isNotEqualTo(released);
            if (used) {
                kept++;
                replies.get(i + 1).refused(ErrorCode.QUOTA_NOT_EMPTY);
            } else {
                replies.get(i).refused(ErrorCode.QUOTA_NOT_FOUND);
            }
        }
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(10 * kept);
    }
}
