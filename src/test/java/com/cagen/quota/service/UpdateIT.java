package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Renaming, resizing and draining quotas. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UpdateIT {
    private final RunningService service = new RunningService();
    private final EventBus bus = service.service().vertx().eventBus();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private static JsonObject total(long totalMb) {
        return new JsonObject().put("total_mb", totalMb);
    }

    private static JsonObject drainTo(long totalMb) {
        return total(totalMb).put("drain", true);
    }

    private static JsonObject key(String key) {
        return new JsonObject().put("key", key);
    }

    /** Alice asks over the event bus. */
    private JsonObject send(String operation, JsonObject fields) {
        return bus.<JsonObject>request(
                        "cagen.quota.v1." + operation, alice.credential().mergeIn(fields))
                .map(Message::body)
                .await();
    }

    private List<JsonObject> audited(String quota, String action) {
        return alice.audit(quota).stream()
                .filter(entry -> entry.getString("action").equals(action))
                .toList();
    }

    @Test
    void changesWhatIsNamedAndKeepsTheRest() {
        String root = alice.root(100);
        Reply renamed = alice.update(root, key("main").put("name", "Größe").put("description", "line one\nline two"));
        JsonObject quota = renamed.data();
        assertThat(quota.getString("name")).isEqualTo("Größe");
        assertThat(quota.getString("description")).isEqualTo("line one\nline two");
        assertThat(quota.getString("key")).isEqualTo("main");
        assertThat(quota.getLong("total_mb")).isEqualTo(100);
        assertThat(quota.getLong("version")).isEqualTo(2);
        assertThat(renamed.headers().get("ETag")).isEqualTo("\"2\"");
        JsonObject cleared = alice.update(
                        root, total(200).putNull("description").putNull("name"))
                .data();
        assertThat(cleared.getString("name")).as("null is absent").isEqualTo("Größe");
        assertThat(cleared.getString("description")).isNull();
        assertThat(cleared.getString("key")).isEqualTo("main");
        assertThat(cleared.getLong("total_mb")).isEqualTo(200);
        assertThat(alice.update(root, new JsonObject().putNull("key")).data().getString("key"))
                .isNull();
        JsonObject details = audited(root, "quota.update").get(0).getJsonObject("details");
        assertThat(details.getString("name")).isEqualTo("Größe");
        JsonObject change = details.getJsonArray("changes").getJsonObject(0);
        assertThat(change.getJsonObject("before").getString("name")).isEqualTo("root");
        assertThat(change.getJsonObject("after").getString("name")).isEqualTo("Größe");
    }

    @Test
    void doesTheSameOverTheBus() {
        String root = alice.root(100);
        JsonObject fields = key("bus").put("quota_id", root).put("total_mb", 50);
        JsonObject updated = send("quota.update", fields);
        assertThat(updated.getString("key")).isEqualTo("bus");
        assertThat(updated.getLong("total_mb")).isEqualTo(50);
        assertThat(send("quota.update", new JsonObject().put("quota_id", root).putNull("key"))
                        .getString("key"))
                .isNull();
        JsonObject stale = new JsonObject().put("quota_id", root).put("expected_version", 1);
        ReplyException refused = catchThrowableOfType(ReplyException.class, () -> send("quota.update", stale));
        assertThat(refused.failureCode()).isEqualTo(41201);
    }

    @Test
    void refusesFieldsOutOfTheirLimits() {
        String root = alice.root(100);
        for (JsonObject wrong : List.of(key(""), key("A"), key("a_b"), key("a".repeat(64)), key("a\n"))) {
            assertThat(alice.update(root, wrong).violations())
                    .as(wrong.encode())
                    .containsExactly("key");
        }
        assertThat(alice.update(root, key("a".repeat(63))).status()).isEqualTo(200);
        assertThat(alice.update(root, total(0)).violations()).containsExactly("total_mb");
        assertThat(alice.update(root, total(10).put("drain", "yes")).violations())
                .containsExactly("drain");
        assertThat(alice.update(root, new JsonObject().put("drain", true)).violations())
                .containsExactly("total_mb");
        assertThat(alice.update(root, new JsonObject().put("expected_version", 0))
                        .violations())
                .containsExactly("expected_version");
        assertThat(alice.update(root, new JsonObject().put("name", "")).violations())
                .containsExactly("name");
    }

    @Test
    void updatesOnlyTheVersionThatTheCallerHasSeen() {
        String root = alice.root(100);
        String tag = alice.get("/quotas/" + root).headers().get("ETag");
        assertThat(alice.update(root, total(90), "If-Match", tag).status()).isEqualTo(200);
        assertThat(alice.update(root, total(80), "If-Match", tag).refused(ErrorCode.VERSION_MISMATCH))
                .isEqualTo(new JsonObject().put("expected_version", 1).put("current_version", 2));
        alice.update(root, total(80).put("expected_version", 3)).refused(ErrorCode.VERSION_MISMATCH);
        assertThat(alice.update(root, total(80).put("expected_version", 2), "If-Match", "\"2\"")
                        .status())
                .isEqualTo(200);
        assertThat(alice.update(root, total(70).put("expected_version", 3), "If-Match", "\"2\"")
                        .violations())
                .containsExactly("expected_version");
        assertThat(alice.update(root, total(70), "If-Match", "nonsense").violations())
                .containsExactly("If-Match");
        assertThat(alice.update(root, total(70), "If-Match", "*").status()).isEqualTo(200);
    }

    @Test
    void takesMoreFromTheParentAndGivesLessBack() {
        String root = alice.root(100);
        String child = alice.child(root, 40);
        alice.take(child, "res", 30).data();
        assertThat(alice.update(child, total(60)).data().getLong("available_mb"))
                .isEqualTo(30);
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(60);
        assertThat(alice.update(child, total(101)).refused(ErrorCode.INSUFFICIENT_QUOTA))
                .isEqualTo(new JsonObject()
                        .put("quota_id", root)
                        .put("total_mb", 100)
                        .put("used_mb", 0)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 60)
                        .put("available_mb", 40)
                        .put("requested_mb", 41)
                        .put("short_by_mb", 1));
        assertThat(alice.update(child, total(29)).refused(ErrorCode.BELOW_USE))
                .isEqualTo(new JsonObject()
                        .put("quota_id", child)
                        .put("total_mb", 60)
                        .put("used_mb", 30)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 0)
                        .put("available_mb", 30)
                        .put("minimum_mb", 30)
                        .put("requested_mb", 29));
        assertThat(alice.update(child, total(30)).data().getLong("available_mb"))
                .isZero();
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(30);
        alice.act(root, "suspend").data();
        assertThat(alice.update(child, total(31)).refused(ErrorCode.QUOTA_SUSPENDED))
                .isEqualTo(new JsonObject().put("suspended_quota_id", root));
        alice.update(child, new JsonObject().put("name", "renamed all the same"))
                .data();
    }

    @Test
    void changesNothingWhenAllIsSoAlready() {
        String root = alice.root(100);
        JsonObject first = alice.update(root, key("same")).data();
        assertThat(alice.update(root, key("same").put("total_mb", 100).put("drain", false))
                        .data())
                .isEqualTo(first);
        assertThat(alice.update(root, new JsonObject()).data()).isEqualTo(first);
        assertThat(alice.quota(root).getLong("version")).isEqualTo(2);
    }

    @Test
    void repeatsUnderAKeyWithoutASecondEffect() {
        String root = alice.root(100);
        Reply first = alice.update(root, total(50), "Idempotency-Key", "resize");
        alice.update(root, total(70)).data();
        Reply repeat = alice.update(root, total(50), "Idempotency-Key", "resize");
        assertThat(repeat.replayed()).isTrue();
        assertThat(repeat.body()).isEqualTo(first.body());
        assertThat(repeat.headers().get("ETag")).isEqualTo("\"2\"");
        assertThat(alice.quota(root).getLong("total_mb")).isEqualTo(70);
        alice.update(root, new JsonObject().putNull("key"), "Idempotency-Key", "resize")
                .refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        // Clearing a field is another request than leaving it as it is.
        alice.update(root, new JsonObject(), "Idempotency-Key", "clear").data();
        alice.update(root, new JsonObject().putNull("key"), "Idempotency-Key", "clear")
                .refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
    }

    @Test
    void needsWhatTheFieldsNeed() {
        User childAdmin = service.user("acme", "child-admin");
        User rootAdmin = service.user("acme", "root-admin");
        String root = alice.root(100);
        String child = alice.child(root, 40, "child-admin");
        alice.grant(root, "root-admin", "admin").data();
        service.awaitRegistrations();
        JsonObject name = new JsonObject().put("name", "n");
        assertThat(childAdmin.update(child, name).status()).isEqualTo(200);
        childAdmin.update(child, total(30)).refused(ErrorCode.PERMISSION_DENIED);
        childAdmin.update(child, new JsonObject().put("drain", false)).refused(ErrorCode.PERMISSION_DENIED);
        childAdmin.update(child, name.copy().put("total_mb", 30)).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(rootAdmin.update(child, total(30)).status()).isEqualTo(200);
        rootAdmin.update(child, name).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(rootAdmin.update(root, name).status()).isEqualTo(200);
        assertThat(rootAdmin
                        .update(root, total(90))
                        .refused(ErrorCode.PERMISSION_DENIED)
                        .getJsonArray("required"))
                .containsExactly("owner");
        alice.grant(child, "root-admin", "admin").data();
        assertThat(rootAdmin.update(child, name.copy().put("total_mb", 20)).status())
                .isEqualTo(200);
        service.user("other", "alice").update(root, name).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void keepsKeysUniqueAmongLivingSiblings() {
        User owner = service.user("keys", "owner");
        String root = owner.root(100);
        String other = owner.root(100);
        String child = owner.child(root, 10);
        String sibling = owner.child(root, 10);
        for (String quota : List.of(root, child)) {
            assertThat(owner.update(quota, key("a")).status()).isEqualTo(200);
        }
        assertThat(owner.update(other, key("a")).refused(ErrorCode.KEY_TAKEN)).isEqualTo(key("a"));
        owner.update(sibling, key("a")).refused(ErrorCode.KEY_TAKEN);
        assertThat(owner.update(owner.child(other, 10), key("a")).status()).isEqualTo(200);
        assertThat(service.user("others", "owner")
                        .update(service.user("others", "owner").root(1), key("a"))
                        .status())
                .isEqualTo(200);
        owner.act(child, "release").data();
        assertThat(owner.update(sibling, key("a")).status()).isEqualTo(200);
    }

    @Test
    void givesAKeyToOneOfThoseWhoWantItAtOnce() {
        User owner = service.user("race", "owner");
        String parent = owner.root(1_000);
        List<String> children =
                IntStream.range(0, 12).mapToObj(i -> owner.child(parent, 1)).toList();
        List<String> roots = IntStream.range(0, 12).mapToObj(i -> owner.root(1)).toList();
        for (List<String> quotas : List.of(children, roots)) {
            List<Reply> replies = RunningService.awaitAll(quotas.stream()
                    .map(quota -> owner.updateAsync(quota, key("one")))
                    .toList());
            assertThat(replies.stream().filter(reply -> reply.status() == 200)).hasSize(1);
            assertThat(replies.stream().filter(reply -> reply.status() != 200))
                    .allSatisfy(reply -> reply.refused(ErrorCode.KEY_TAKEN));
        }
    }

    @Test
    void drainsWhatIsTakenBackToTheParent() {
        Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
        RunningService.await(bus.<JsonObject>consumer("cagen.quota.v1.events", event -> events.add(event.body()))
                .completion());
        String root = alice.root(100);
        String child = alice.child(root, 60);
        alice.take(child, "res", 40).data();
        String grandchild = alice.child(child, 10);
        JsonObject draining = alice.update(child, drainTo(20)).data();
        assertThat(draining.getLong("total_mb"))
                .as("what was free went back at once")
                .isEqualTo(50);
        assertThat(draining.getLong("drain_to_mb")).isEqualTo(20);
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(50);
        JsonObject refused = new JsonObject().put("quota_id", child).put("drain_to_mb", 20);
        assertThat(alice.take(child, "res", 1).refused(ErrorCode.QUOTA_DRAINING))
                .isEqualTo(refused);
        assertThat(alice.post("/quotas/" + child + "/allocate", User.childBody(1))
                        .refused(ErrorCode.QUOTA_DRAINING))
                .isEqualTo(refused);
        assertThat(alice.update(grandchild, total(11)).refused(ErrorCode.QUOTA_DRAINING))
                .isEqualTo(refused);
        alice.take(grandchild, "res", 5).data();

        alice.giveBack(child, "res", 15).data();
        until(child, quota -> quota.getLong("total_mb") == 35);
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(35);
        assertThat(alice.quota(child).getLong("drain_to_mb")).isEqualTo(20);
        alice.giveBack(child, "res", 25).data();
        until(child, quota -> quota.getLong("drain_to_mb") == null);
        JsonObject drained = alice.quota(child);
        assertThat(drained.getLong("total_mb")).isEqualTo(20);
        assertThat(drained.getLong("available_mb")).isEqualTo(10);
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(20);
        assertThat(alice.take(child, "res", 10).status()).isEqualTo(200);

        List<JsonObject> entries = audited(child, "quota.drain");
        assertThat(entries).hasSize(2).allSatisfy(entry -> {
            assertThat(entry.getString("actor_user_id")).isEqualTo("system");
            assertThat(entry.getString("service_id")).isEqualTo("cagen:system");
            assertThat(entry.getString("outcome")).isEqualTo("applied");
        });
        JsonArray changes = entries.get(1).getJsonObject("details").getJsonArray("changes");
        assertThat(changes.getJsonObject(0).getJsonObject("before").getLong("total_mb"))
                .isEqualTo(35);
        assertThat(changes.getJsonObject(0).getJsonObject("after").getLong("total_mb"))
                .isEqualTo(20);
        assertThat(changes.getJsonObject(1).getJsonObject("after").getLong("allocated_mb"))
                .as("of the parent")
                .isEqualTo(20);
        RunningService.until(
                "both are published",
                () -> events.stream()
                                .filter(event -> event.getString("type").equals("quota.drain")
                                        && event.getString("quota_id").equals(child))
                                .filter(event -> event.getString("actor").equals("system"))
                                .count()
                        == 2);
    }

    private void until(String quota, Predicate<JsonObject> condition) {
        RunningService.until("the system gave back", () -> condition.test(alice.quota(quota)));
    }

    @Test
    void drainsATreeUpToItsRoot() {
        String root = alice.root(100);
        String child = alice.child(root, 100);
        alice.take(child, "res", 100).data();
        alice.update(root, drainTo(10)).data();
        alice.update(child, drainTo(10)).data();
        alice.giveBack(child, "res", 95).data();
        until(root, quota -> quota.getLong("total_mb") == 10 && quota.getLong("drain_to_mb") == null);
        assertThat(alice.quota(child).getLong("total_mb")).isEqualTo(10);
        assertThat(alice.quota(child).getLong("available_mb")).isEqualTo(5);
    }

    @Test
    void endsDraining() {
        String root = alice.root(100);
        alice.take(root, "res", 50).data();
        for (JsonObject end : List.of(new JsonObject().put("drain", false), total(50), total(60))) {
            alice.update(root, drainTo(10)).data();
            alice.take(root, "res", 1).refused(ErrorCode.QUOTA_DRAINING);
            JsonObject ended = alice.update(root, end).data();
            assertThat(ended.getLong("drain_to_mb")).isNull();
        }
        assertThat(alice.take(root, "res", 10).status()).isEqualTo(200);
        alice.update(root, drainTo(10)).data();
        alice.giveBack(root, "res", 60).data();
        assertThat(alice.act(root, "release").data().getLong("drain_to_mb")).isNull();
    }

    /** Neither a user nor an address makes anybody the system. */
    @Test
    void letsNobodyPoseAsTheSystem() {
        User system = service.user("acme", "system");
        String root = system.root(100);
        system.take(root, "res", 50).data();
        system.update(root, drainTo(10)).data();
        ReplyException unknown = catchThrowableOfType(ReplyException.class, () -> bus.request(
                        "cagen.quota.v1.quota.drain", system.credential().put("quota_id", root))
                .await());
        assertThat(unknown.failureType()).isEqualTo(ReplyFailure.NO_HANDLERS);
        system.post("/quotas/" + root + "/drain", new JsonObject()).refused(ErrorCode.NOT_FOUND);
        assertThat(system.audit(root)).allSatisfy(entry -> {
            assertThat(entry.getString("actor_user_id")).isEqualTo("system");
            assertThat(entry.getString("service_id")).isEqualTo(RunningService.SERVICE);
        });
    }

    /** Everything that moves capacity, at once, on four quotas. The invariants are checked when the service is closed. */
    @Test
    void losesNothingWhenManyResizeAndUseAtOnce() {
        String root = alice.root(400);
        String left = alice.child(root, 100);
        String right = alice.child(root, 100);
        String leaf = alice.child(left, 40);
        List<String> quotas = List.of(root, left, right, leaf);
        List<CompletableFuture<Reply>> sent = new ArrayList<>();
        for (int i = 0; i < 240; i++) {
            String quota = quotas.get(i % 4);
            sent.add(
                    switch (i / 4 % 6) {
                        case 0 -> alice.updateAsync(quota, total(20 + i % 7 * 30));
                        case 1 -> alice.postAsync("/quotas/" + quota + "/usage/allocate", User.usage("r" + i % 5, 7));
                        case 2 -> alice.updateAsync(quota, drainTo(10 + i % 5 * 9));
                        case 3 -> alice.postAsync("/quotas/" + quota + "/usage/deallocate", User.usage("r" + i % 5, 7));
                        case 4 -> alice.postAsync("/quotas/" + quota + "/allocate", User.childBody(3));
                        default -> alice.updateAsync(quota, new JsonObject().put("drain", false));
                    });
        }
        Set<String> rules = Set.of("insufficient_quota", "insufficient_usage", "below_use", "quota_draining");
        List<Reply> replies = RunningService.awaitAll(sent);
        assertThat(replies.stream().filter(reply -> reply.status() >= 300))
                .allSatisfy(reply -> assertThat(rules).as(reply.body()).contains(reply.code()));
        assertThat(replies.stream().filter(reply -> reply.status() < 300)).isNotEmpty();
        for (String quota : quotas) {
            alice.update(quota, new JsonObject().put("drain", false)).data();
        }
        long children = alice.get("/quotas?page_size=100&parent_quota_id=" + root).list("quotas").stream()
                .mapToLong(child -> child.getLong("total_mb"))
                .sum();
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(children);
    }
}
