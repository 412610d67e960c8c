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
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Trees by description: {@code quota.apply} and {@code quota.export}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ApplyTreeIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject tree(JsonObject... children) {
        return new JsonObject().put("children", new JsonArray(List.of((Object[]) children)));
    }

    private static JsonObject child(String key, long totalMb, JsonObject... children) {
        return tree(children)
                .put("key", key)
                .put("name", "Team " + key)
                .put("type", "organization")
                .put("total_mb", totalMb);
    }

    private static JsonObject body(JsonObject tree) {
        return new JsonObject().put("tree", tree);
    }

    private static Reply apply(User user, String quota, JsonObject body, String... headers) {
        return user.post("/quotas/" + quota + "/apply", body, headers);
    }

    private static List<String> steps(JsonObject data) {
        return data.getJsonArray("steps").stream()
                .map(JsonObject.class::cast)
                .map(step -> step.getString("operation") + " " + step.getString("key_path"))
                .toList();
    }

    private List<String> keys(String quota) {
        return alice.get("/quotas/" + quota + "/tree").data().getJsonArray("quotas").stream()
                .map(each -> ((JsonObject) each).getString("key"))
                .toList();
    }

    @Test
    void makesChangesAndLeaves() {
        String root = alice.root(1_000);
        JsonObject first = tree(child("eng", 600, child("web", 200), child("ops", 100)), child("hr", 50));
        JsonObject made = apply(alice, root, body(first)).data();
        assertThat(steps(made)).containsExactly("create eng", "create eng/web", "create eng/ops", "create hr");
        String eng = made.getJsonArray("steps").getJsonObject(0).getString("quota_id");
        String web = made.getJsonArray("steps").getJsonObject(1).getString("quota_id");
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(650);
        assertThat(alice.quota(eng).getLong("allocated_mb")).isEqualTo(300);
        assertThat(alice.quota(eng).getLong("version")).isEqualTo(1);
        assertThat(alice.quota(web).getString("name")).isEqualTo("Team web");
        alice.take(web, "res", 150).data();

        JsonObject again = apply(alice, root, body(first)).data();
        assertThat(steps(again)).isEmpty();
        assertThat(alice.quota(eng).getLong("version")).isEqualTo(1);

        // What grows takes what shrinks, in whatever order they are named.
        JsonObject second = tree(child("eng", 300, child("web", 250), child("ops", 50)), child("hr", 700));
        JsonObject changed =
                apply(alice, root, body(second.put("name", "Everything"))).data();
        assertThat(steps(changed))
                .containsExactly("update ", "update eng", "update eng/web", "update eng/ops", "update hr");
        JsonObject step = changed.getJsonArray("steps").getJsonObject(1);
        assertThat(step.getJsonObject("before")).isEqualTo(new JsonObject().put("total_mb", 600));
        assertThat(step.getJsonObject("after")).isEqualTo(new JsonObject().put("total_mb", 300));
        assertThat(alice.quota(root).getString("name")).isEqualTo("Everything");
        assertThat(alice.quota(root).getLong("available_mb")).isZero();
        assertThat(alice.quota(web).getLong("used_mb")).isEqualTo(150);
    }

    @Test
    void releasesOnlyWithPruneAndOnlyWhereChildrenAreDescribed() {
        String root = alice.root(1_000);
        apply(alice, root, body(tree(child("a", 100, child("b", 50, child("c", 10))), child("d", 100, child("e", 10)))))
                .data();
        String unnamed = alice.child(root, 5);
        JsonObject kept = tree(child("d", 100));
        kept.getJsonArray("children").getJsonObject(0).remove("children");
        assertThat(steps(apply(alice, root, body(kept)).data())).isEmpty();

        JsonObject pruned = apply(alice, root, body(kept).put("prune", true)).data();
        assertThat(steps(pruned))
                .containsExactlyInAnyOrder("release a/b/c", "release a/b", "release a", "release " + unnamed);
        assertThat(keys(root)).containsExactly(null, "d", "e");
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(100);
    }

    @Test
    void refusesAllOfItAndNamesTheQuota() {
        String root = alice.root(100);
        JsonObject data = apply(alice, root, body(tree(child("a", 60, child("b", 30)), child("c", 20))))
                .data();
        String b = data.getJsonArray("steps").getJsonObject(1).getString("quota_id");
        alice.take(b, "res", 20).data();
        JsonObject tooLittle = tree(child("a", 60, child("b", 10)), child("c", 30));
        JsonObject details = apply(alice, root, body(tooLittle)).refused(ErrorCode.BELOW_USE);
        assertThat(details.getString("key_path")).isEqualTo("a/b");
        assertThat(details.getString("quota_id")).isEqualTo(b);
        JsonObject tooMuch = tree(child("a", 60), child("c", 20), child("new", 21, child("newer", 22)));
        assertThat(apply(alice, root, body(tooMuch))
                        .refused(ErrorCode.INSUFFICIENT_QUOTA)
                        .getString("key_path"))
                .isEmpty();
        JsonObject withinNew = tree(child("a", 60), child("new", 5, child("newer", 6)));
        JsonObject inside = apply(alice, root, body(withinNew)).refused(ErrorCode.HIERARCHY_VIOLATION);
        assertThat(inside.getString("key_path")).isEqualTo("new");
        JsonObject busy = apply(alice, root, body(tree()).put("prune", true)).refused(ErrorCode.QUOTA_NOT_EMPTY);
        assertThat(busy.getString("key_path")).isEqualTo("a/b");
        JsonObject other = child("c", 20).put("type", "team").put("target_id", "team_1");
        assertThat(apply(alice, root, body(tree(other)))
                        .refused(ErrorCode.HIERARCHY_VIOLATION)
                        .getString("key_path"))
                .isEqualTo("c");
        assertThat(keys(root)).containsExactly(null, "a", "b", "c");
        assertThat(alice.quota(root).getLong("version")).isEqualTo(2);
    }

    @Test
    void saysWhatWouldHappenAndHoldsToIt() {
        String root = alice.root(100);
        JsonObject body = body(tree(child("a", 60))).put("dry_run", true);
        JsonObject dry = apply(alice, root, body).data();
        assertThat(steps(dry)).containsExactly("create a");
        assertThat(dry.getJsonArray("steps").getJsonObject(0).getString("quota_id"))
                .isNull();
        assertThat(keys(root)).hasSize(1);
        String plan = dry.getString("plan");
        body.put("dry_run", false).put("expected_plan", plan);
        alice.take(root, "res", 10).data(); // usage makes no other plan
        String other = alice.child(root, 20);
        assertThat(apply(alice, root, body).refused(ErrorCode.VERSION_MISMATCH).getString("expected_plan"))
                .isEqualTo(plan);
        alice.act(other, "release").data();
        assertThat(apply(alice, root, body).data().getString("plan")).isEqualTo(plan);
        assertThat(apply(alice, root, body).status()).isEqualTo(412);

        JsonObject refused = apply(alice, root, body(tree(child("a", 91))).put("dry_run", true))
                .data();
        assertThat(steps(refused)).containsExactly("update a");
        assertThat(refused.getJsonObject("refusal").getString("code")).isEqualTo("insufficient_quota");
        assertThat(refused.getJsonObject("refusal").getJsonObject("details").getLong("short_by_mb"))
                .isEqualTo(1);
    }

    @Test
    void anExportAppliedAgainDoesNothing() {
        String root = alice.root(1_000);
        apply(
                        alice,
                        root,
                        body(tree(child("b", 60, child("web", 20)), child("a", 50))
                                .put("description", "no: 1")))
                .data();
        String unnamed = alice.child(root, 5);
        JsonObject exported = alice.get("/quotas/" + root + "/export").data();
        assertThat(exported.getJsonArray("without_key")).containsExactly(unnamed);
        assertThat(exported.getJsonObject("tree")
                        .getJsonArray("children")
                        .getJsonObject(0)
                        .getString("key"))
                .isEqualTo("a");
        assertThat(steps(
                        apply(alice, root, body(exported.getJsonObject("tree"))).data()))
                .isEmpty();
        Reply yaml = alice.get("/quotas/" + root + "/export", "Accept", "application/yaml");
        assertThat(yaml.headers().get("Content-Type")).isEqualTo("application/yaml");
        Map<String, Object> read = new Yaml(new SafeConstructor(new LoaderOptions())).load(yaml.body());
        assertThat(new JsonObject(read)).isEqualTo(exported);

        // A draining quota is described by what it drains to.
        alice.take(root, "res", 600).data();
        alice.update(root, new JsonObject().put("total_mb", 300).put("drain", true))
                .data();
        JsonObject draining = alice.get("/quotas/" + root + "/export").data().getJsonObject("tree");
        assertThat(draining.getLong("total_mb")).isEqualTo(300);
        assertThat(steps(apply(alice, root, body(draining)).data())).isEmpty();
        bob.get("/quotas/" + root + "/export").refused(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void needsAdminAndForItsOwnSizeTheOwner() {
        String root = alice.root(100);
        String team = alice.child(root, 40);
        apply(bob, team, body(tree(child("a", 10)))).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(team, "bob", "admin").data();
        apply(bob, team, body(tree(child("a", 10)))).data();
        apply(bob, team, body(tree(child("a", 10)).put("total_mb", 40))).data();
        apply(bob, team, body(tree(child("a", 10)).put("total_mb", 50))).refused(ErrorCode.PERMISSION_DENIED);
        apply(alice, team, body(tree(child("a", 10)).put("total_mb", 100))).data();
        assertThat(alice.quota(root).getLong("available_mb")).isZero();
        assertThat(apply(alice, team, body(tree(child("a", 10)).put("total_mb", 101)))
                        .refused(ErrorCode.INSUFFICIENT_QUOTA)
                        .getString("quota_id"))
                .isEqualTo(root);
    }

    @Test
    void namesTheFieldThatIsWrong() {
        String root = alice.root(100);
        JsonObject wrong = tree(
                child("a", 10, child("b", 5).put("name", "x\ny"), child("b", 5)),
                child("A", 0).put("type", "group"),
                child("c", 10).put("type", "team"));
        assertThat(
                        apply(alice, root, body(wrong))
                                .refused(ErrorCode.INVALID_REQUEST)
                                .getJsonArray("violations")
                                .stream()
                                .map(each -> ((JsonObject) each).getString("field")))
                .containsExactlyInAnyOrder(
                        "tree.children[0].children[0].name",
                        "tree.children[0].children[1].key",
                        "tree.children[1].key",
                        "tree.children[1].total_mb",
                        "tree.children[1].type",
                        "tree.children[2].target_id");
        JsonObject[] many =
                IntStream.range(0, 200).mapToObj(i -> child("k" + i, 1)).toArray(JsonObject[]::new);
        apply(alice, root, body(tree(many))).refused(ErrorCode.INVALID_REQUEST);
        JsonObject deep = child("k", 1);
        for (int level = 0; level < 15; level++) {
            deep = child("k", 1, deep);
        }
        apply(alice, root, body(tree(deep))).refused(ErrorCode.INVALID_REQUEST);
        apply(alice, root, body(tree().put("children", 5))).refused(ErrorCode.INVALID_REQUEST);
        apply(alice, root, new JsonObject().put("tree", 5)).refused(ErrorCode.INVALID_REQUEST);
        apply(alice, root, new JsonObject()).refused(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void isDoneOnceUnderAKeyAndAuditedForEachQuota() {
        String root = alice.root(100);
        JsonObject body = body(tree(child("a", 60, child("b", 10))));
        Reply first = apply(alice, root, body, "Idempotency-Key", "apply " + root);
        Reply again = apply(alice, root, body, "Idempotency-Key", "apply " + root);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        String b = first.data().getJsonArray("steps").getJsonObject(1).getString("quota_id");
        RunningService.until(
                "the entry of the lowest quota is sealed",
                () -> alice.get("/quotas/" + b + "/audit?action=quota.apply")
                                .data()
                                .getJsonArray("entries")
                                .size()
                        == 1);
    }

    /** A smaller tree, again and again, against usage in it: what does not fit is refused as a whole. */
    @Test
    void appliesAgainstUsage() {
        String root = alice.root(100);
        JsonObject large = tree(child("a", 40), child("b", 40));
        JsonObject small = tree(child("a", 5), child("b", 70));
        JsonArray steps = apply(alice, root, body(large)).data().getJsonArray("steps");
        List<String> quotas = List.of(
                steps.getJsonObject(0).getString("quota_id"),
                steps.getJsonObject(1).getString("quota_id"));
        for (int round = 0; round < 10; round++) {
            List<CompletableFuture<Reply>> calls = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                String quota = quotas.get(i % 2);
                calls.add(
                        switch (i % 4) {
                            case 0 -> alice.postAsync("/quotas/" + root + "/apply", body(i % 8 == 0 ? small : large));
                            case 1 -> alice.postAsync("/quotas/" + quota + "/usage/deallocate", User.usage("res", 3));
                            default -> alice.postAsync("/quotas/" + quota + "/usage/allocate", User.usage("res", 2));
                        });
            }
            for (Reply reply : RunningService.awaitAll(calls)) {
                assertThat(reply.status()).as(reply.body()).isIn(200, 409);
            }
        }
        assertThat(alice.quota(root).getLong("total_mb")).isEqualTo(100);
    }
}
