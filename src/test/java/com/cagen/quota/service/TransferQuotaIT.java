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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Moving capacity between siblings. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TransferQuotaIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static Reply transfer(User user, String from, String to, long mb, String... headers) {
        return user.post(
                "/quotas/" + from + "/transfer",
                new JsonObject().put("to_quota_id", to).put("transfer_mb", mb),
                headers);
    }

    private static long totalMb(User user, String quota) {
        return user.quota(quota).getLong("total_mb");
    }

    @Test
    void movesCapacityOfAParentThatHasNothingLeft() {
        String root = alice.root(100);
        String from = alice.child(root, 60);
        String to = alice.child(root, 40);
        alice.take(from, "res", 10).data();
        JsonObject moved = transfer(alice, from, to, 50).data();
        assertThat(moved.getJsonObject("from")).isEqualTo(shown(from));
        assertThat(moved.getJsonObject("to")).isEqualTo(shown(to));
        assertThat(moved.getJsonObject("from").getLong("total_mb")).isEqualTo(10);
        assertThat(moved.getJsonObject("to").getLong("total_mb")).isEqualTo(90);
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(100);

        RunningService.until(
                "both are audited",
                () -> transfers(from).size() == 1 && transfers(to).size() == 1);
        assertThat(transfers(from).get(0).getString("operation_id"))
                .isNotNull()
                .isEqualTo(transfers(to).get(0).getString("operation_id"));
        JsonObject change = transfers(to)
                .get(0)
                .getJsonObject("details")
                .getJsonArray("changes")
                .getJsonObject(0);
        assertThat(change.getJsonObject("before").getLong("total_mb")).isEqualTo(40);
        assertThat(change.getJsonObject("after").getLong("total_mb")).isEqualTo(90);
    }

    /** The quota without what {@code quota.get} alone says. */
    private JsonObject shown(String quota) {
        JsonObject shown = alice.quota(quota).copy();
        shown.remove("my_permissions");
        return shown;
    }

    private List<JsonObject> transfers(String quota) {
        return alice.audit(quota).stream()
                .filter(entry -> entry.getString("action").equals("quota.transfer"))
                .toList();
    }

    @Test
    void leavesWhatIsTaken() {
        String root = alice.root(100);
        String from = alice.child(root, 60);
        String to = alice.child(root, 40);
        alice.take(from, "res", 10).data();
        alice.child(from, 20);
        JsonObject details = transfer(alice, from, to, 31).refused(ErrorCode.BELOW_USE);
        assertThat(details.getLong("minimum_mb")).isEqualTo(30);
        assertThat(details.getLong("requested_mb")).isEqualTo(29);
        assertThat(details.getString("quota_id")).isEqualTo(from);
        // A quota has at least one megabyte.
        assertThat(transfer(alice, to, from, 40).refused(ErrorCode.BELOW_USE).getLong("minimum_mb"))
                .isOne();
        assertThat(totalMb(alice, from)).isEqualTo(60);
        assertThat(totalMb(alice, to)).isEqualTo(40);
    }

    @Test
    void isForSiblingsAlone() {
        String root = alice.root(100);
        String child = alice.child(root, 60);
        String grandchild = alice.child(child, 30);
        String otherRoot = alice.root(100);
        transfer(alice, child, grandchild, 1).refused(ErrorCode.HIERARCHY_VIOLATION);
        transfer(alice, grandchild, child, 1).refused(ErrorCode.HIERARCHY_VIOLATION);
        transfer(alice, root, otherRoot, 1).refused(ErrorCode.HIERARCHY_VIOLATION);
        transfer(alice, child, alice.child(otherRoot, 5), 1).refused(ErrorCode.HIERARCHY_VIOLATION);
        transfer(alice, child, child, 1).refused(ErrorCode.INVALID_REQUEST);
        transfer(alice, child, grandchild, 0).refused(ErrorCode.INVALID_REQUEST);
        transfer(alice, child, "quota_none", 1).refused(ErrorCode.QUOTA_NOT_FOUND);
        transfer(alice, child, service.user("other", "alice").root(5), 1).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void needsAdminOnTheParent() {
        String root = alice.root(100);
        String from = alice.child(root, 60);
        String to = alice.child(root, 40);
        alice.grant(from, "bob", "admin").data();
        alice.grant(to, "bob", "admin").data();
        transfer(bob, from, to, 1).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(root, "bob", "admin").data();
        transfer(bob, from, to, 1).data();
    }

    @Test
    void aDrainingQuotaGetsNothing() {
        String root = alice.root(100);
        String drains = alice.child(root, 60);
        String to = alice.child(root, 40);
        alice.take(drains, "res", 50).data();
        JsonObject drain = new JsonObject().put("total_mb", 5).put("drain", true);
        assertThat(alice.update(drains, drain).data().getLong("total_mb")).isEqualTo(50);
        assertThat(transfer(alice, to, drains, 1)
                        .refused(ErrorCode.QUOTA_DRAINING)
                        .getLong("drain_to_mb"))
                .isEqualTo(5);
    }

    @Test
    void isDoneOnceUnderAKey() {
        String root = alice.root(100);
        String from = alice.child(root, 60);
        String to = alice.child(root, 40);
        Reply first = transfer(alice, from, to, 5, "Idempotency-Key", "capacity " + from);
        Reply again = transfer(alice, from, to, 5, "Idempotency-Key", "capacity " + from);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        assertThat(totalMb(alice, to)).isEqualTo(45);
    }

    @Test
    void crossingTransfersWhileUsageGoesOnLoseNothing() {
        String root = alice.root(300);
        List<String> quotas = List.of(alice.child(root, 100), alice.child(root, 100), alice.child(root, 100));
        List<CompletableFuture<Reply>> calls = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            String from = quotas.get(i % 3);
            String to = quotas.get((i + 1 + i % 2) % 3);
            calls.add(alice.postAsync(
                    "/quotas/" + from + "/transfer",
                    new JsonObject().put("to_quota_id", to).put("transfer_mb", 1 + i % 17)));
            calls.add(alice.postAsync("/quotas/" + to + "/usage/allocate", User.usage("res", 1 + i % 5)));
        }
        for (Reply reply : RunningService.awaitAll(calls)) {
            assertThat(reply.status()).as(reply.body()).isIn(200, 409);
        }
        assertThat(quotas.stream().mapToLong(quota -> totalMb(alice, quota)).sum())
                .isEqualTo(300);
    }
}
