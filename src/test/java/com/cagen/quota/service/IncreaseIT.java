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

/** Asking for a larger quota, and deciding about it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IncreaseIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");
    private final User carol = service.user("acme", "carol");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject more(long totalMb) {
        return new JsonObject().put("total_mb", totalMb).put("reason", "more builds");
    }

    private static Reply ask(User user, String quota, long totalMb) {
        return user.post("/quotas/" + quota + "/increases", more(totalMb));
    }

    private static String asked(User user, String quota, long totalMb) {
        return ask(user, quota, totalMb).data().getString("increase_id");
    }

    private static Reply act(User user, String increase, String verb) {
        return user.post("/increases/" + increase + "/" + verb, new JsonObject().put("reason", "because"));
    }

    private static List<String> list(User user, String query) {
        return user.get("/increases?limit=100" + query).list("increases").stream()
                .map(each -> each.getString("increase_id"))
                .toList();
    }

    /** A child of 40 MB with bob as its reader, below a root of 100 MB. */
    private String child() {
        String child = alice.child(alice.root(100), 40);
        alice.grant(child, "bob", "read").data();
        return child;
    }

    private long totalMb(String quota) {
        return alice.quota(quota).getLong("total_mb");
    }

    @Test
    void givesWhatWasAskedForFromTheParent() {
        String child = child();
        Reply reply = ask(bob, child, 70);
        assertThat(reply.status()).isEqualTo(201);
        JsonObject request = reply.data();
        assertThat(request.getString("status")).isEqualTo("pending");
        assertThat(request.getLong("total_mb_before")).isEqualTo(40);
        assertThat(request.getString("requested_by")).isEqualTo("bob");
        assertThat(request.getString("decided_by")).isNull();
        String id = request.getString("increase_id");
        assertThat(alice.get("/increases/" + id).data()).isEqualTo(request);
        assertThat(totalMb(child)).isEqualTo(40);

        JsonObject approved = act(alice, id, "approve").data();
        assertThat(approved.getString("status")).isEqualTo("approved");
        assertThat(approved.getString("decided_by")).isEqualTo("alice");
        assertThat(approved.getString("decision_reason")).isEqualTo("because");
        assertThat(approved.getInstant("decided_at")).isNotNull();
        assertThat(totalMb(child)).isEqualTo(70);
        assertThat(bob.get("/increases/" + id).data()).isEqualTo(approved);
        for (String verb : List.of("approve", "reject")) {
            assertThat(act(alice, id, verb).refused(ErrorCode.INCREASE_CLOSED).getString("status"))
                    .isEqualTo("approved");
        }
        act(bob, id, "withdraw").refused(ErrorCode.INCREASE_CLOSED);
        List<JsonObject> trail = alice.audit(child).stream()
                .filter(entry -> entry.getString("action").startsWith("increase."))
                .toList();
        assertThat(trail)
                .extracting(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                .containsExactly(
                        "increase.create applied",
                        "increase.approve applied",
                        "increase.approve refused",
                        "increase.reject refused",
                        "increase.withdraw refused");
        JsonObject change =
                trail.get(1).getJsonObject("details").getJsonArray("changes").getJsonObject(0);
        assertThat(change.getJsonObject("after").getLong("total_mb")).isEqualTo(70);
    }

    @Test
    void staysPendingWhenTheParentHasNotSoMuch() {
        String child = child();
        String id = asked(bob, child, 101);
        JsonObject details = act(alice, id, "approve").refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(details.getString("quota_id")).isEqualTo(alice.quota(child).getString("parent_quota_id"));
        assertThat(details.getLong("available_mb")).isEqualTo(60);
        assertThat(details.getLong("requested_mb")).isEqualTo(61);
        assertThat(alice.get("/increases/" + id).data().getString("status")).isEqualTo("pending");
        alice.update(alice.quota(child).getString("parent_quota_id"), new JsonObject().put("total_mb", 200))
                .data();
        act(alice, id, "approve").data();
        assertThat(totalMb(child)).isEqualTo(101);
    }

    @Test
    void aQuotaThatHasMoreByNowKeepsIt() {
        String child = child();
        String id = asked(bob, child, 50);
        alice.update(child, new JsonObject().put("total_mb", 60)).data();
        act(alice, id, "approve").data();
        assertThat(totalMb(child)).isEqualTo(60);
    }

    @Test
    void isDecidedByThoseWhoMayResizeTheQuota() {
        String child = child();
        String id = asked(bob, child, 50);
        for (String verb : List.of("approve", "reject")) {
            act(bob, id, verb).refused(ErrorCode.PERMISSION_DENIED);
            act(carol, id, verb).refused(ErrorCode.PERMISSION_DENIED);
        }
        act(alice, id, "withdraw").refused(ErrorCode.PERMISSION_DENIED);
        act(service.user("globex", "alice"), id, "approve").refused(ErrorCode.INCREASE_NOT_FOUND);
        alice.grant(child, "carol", "admin").data();
        act(carol, id, "approve").refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(alice.quota(child).getString("parent_quota_id"), "carol", "admin")
                .data();
        act(carol, id, "reject").data();

        String root = alice.root(10);
        alice.grant(root, "carol", "admin").data();
        String ofRoot = asked(carol, root, 20);
        act(carol, ofRoot, "approve").refused(ErrorCode.PERMISSION_DENIED);
        act(alice, ofRoot, "approve").data();
        assertThat(totalMb(root)).isEqualTo(20);
    }

    @Test
    void whoAskedTakesItBack() {
        String child = child();
        String id = asked(bob, child, 50);
        assertThat(act(bob, id, "withdraw").data().getString("status")).isEqualTo("withdrawn");
        act(alice, id, "approve").refused(ErrorCode.INCREASE_CLOSED);
        assertThat(totalMb(child)).isEqualTo(40);
    }

    @Test
    void showsOnesOwnAndThoseThatOneMayDecideAbout() {
        User dave = service.user("umbrella", "dave");
        User erin = service.user("umbrella", "erin");
        User frank = service.user("umbrella", "frank");
        String root = dave.root(100);
        String child = dave.child(root, 40);
        String other = dave.child(root, 40);
        dave.grant(child, "erin", "read").data();
        dave.grant(root, "frank", "admin").data();
        List<String> ids = new ArrayList<>();
        ids.add(asked(erin, child, 41));
        ids.add(asked(dave, other, 42));
        ids.add(asked(dave, root, 200));
        ids.add(asked(erin, child, 43));
        act(erin, ids.get(3), "withdraw").data();
        assertThat(list(dave, "")).containsExactlyElementsOf(ids);
        assertThat(list(erin, "")).containsExactly(ids.get(0), ids.get(3));
        assertThat(list(frank, "")).containsExactly(ids.get(0), ids.get(1), ids.get(3));
        assertThat(list(service.user("umbrella", "nobody"), "")).isEmpty();
        assertThat(list(dave, "&status=pending")).containsExactly(ids.get(0), ids.get(1), ids.get(2));
        assertThat(list(dave, "&quota_id=" + other)).containsExactly(ids.get(1));
        frank.get("/increases/" + ids.get(0)).data();
        frank.get("/increases/" + ids.get(2)).refused(ErrorCode.INCREASE_NOT_FOUND);
        erin.get("/increases/" + ids.get(1)).refused(ErrorCode.INCREASE_NOT_FOUND);
        alice.get("/increases/" + ids.get(0)).refused(ErrorCode.INCREASE_NOT_FOUND);
        List<String> paged = new ArrayList<>();
        String cursor = "";
        do {
            Reply page = dave.get("/increases?limit=3" + cursor);
            page.list("increases").forEach(each -> paged.add(each.getString("increase_id")));
            String next = page.data().getString("next_cursor");
            cursor = next == null ? null : "&cursor=" + next;
        } while (cursor != null);
        assertThat(paged).containsExactlyElementsOf(ids);
    }

    @Test
    void saysWhatIsWrong() {
        String child = child();
        assertThat(ask(bob, child, 40).violations()).containsExactly("total_mb");
        assertThat(bob.post("/quotas/" + child + "/increases", new JsonObject()).violations())
                .containsExactlyInAnyOrder("total_mb", "reason");
        assertThat(bob.get("/increases?status=open").violations()).containsExactly("status");
        act(alice, "increase_none", "approve").refused(ErrorCode.INCREASE_NOT_FOUND);
        act(alice, "increase_0123456789abcdef0123456789abcdef_" + child, "approve")
                .refused(ErrorCode.INCREASE_NOT_FOUND);
        ask(carol, child, 50).refused(ErrorCode.PERMISSION_DENIED);
        String id = asked(bob, child, 50);
        alice.take(child, "res", 30).data();
        alice.update(child, new JsonObject().put("total_mb", 10).put("drain", true))
                .data();
        ask(bob, child, 60).refused(ErrorCode.QUOTA_DRAINING);
        alice.giveBack(child, "res", 30).data();
        alice.act(child, "release").data();
        act(alice, id, "approve").refused(ErrorCode.INCREASE_NOT_FOUND);
    }

    @Test
    void isDoneOnceUnderAKey() {
        String child = child();
        Reply first = bob.post("/quotas/" + child + "/increases", more(50), "Idempotency-Key", "more " + child);
        Reply again = bob.post("/quotas/" + child + "/increases", more(50), "Idempotency-Key", "more " + child);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
    }

    @Test
    void fiftyApprovalsAtOnceGiveItOnce() {
        String child = child();
        String id = asked(bob, child, 60);
        List<CompletableFuture<Reply>> calls = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            String verb = i % 10 == 9 ? "reject" : "approve";
            calls.add(alice.postAsync("/increases/" + id + "/" + verb, new JsonObject()));
        }
        long won = RunningService.awaitAll(calls).stream()
                .filter(reply -> {
                    assertThat(reply.code()).isIn(null, "increase_closed");
                    return reply.status() == 200;
                })
                .count();
        assertThat(won).isOne();
        boolean approved =
                alice.get("/increases/" + id).data().getString("status").equals("approved");
        assertThat(totalMb(child)).isEqualTo(approved ? 60 : 40);
    }
}
