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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Creating, dividing, reading, listing and releasing quotas. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class QuotasIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice", "team_dev", "team_ops");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close();
    }

    private Reply allocate(String parent, JsonObject body) {
        return alice.post("/quotas/" + parent + "/allocate", body);
    }

    private static JsonObject create(String type) {
        return new JsonObject().put("name", "Größe 🙂").put("type", type).put("total_mb", 10_000);
    }

    @Test
    void createsARootQuotaThatItsCreatorOwns() {
        Reply reply = alice.post(
                "/quotas/create",
                create("organization")
                        .put("description", "line one\n\tline two")
                        .put("no_such_field", true));
        assertThat(reply.status()).isEqualTo(201);
        JsonObject quota = reply.data();
        String id = quota.getString("id");
        assertThat(id).matches("quota_[0-9a-f]{32}");
        assertThat(quota.getString("created_at")).isEqualTo(quota.getString("updated_at"));
        assertThat(quota.copy().putNull("created_at").putNull("updated_at"))
                .isEqualTo(new JsonObject()
                        .put("id", id)
                        .put("version", 1)
                        .put("name", "Größe 🙂")
                        .put("description", "line one\n\tline two")
                        .putNull("key")
                        .put("type", "organization")
                        .put("total_mb", 10_000)
                        .put("used_mb", 0)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 0)
                        .put("available_mb", 10_000)
                        .putNull("drain_to_mb")
                        .putNull("parent_quota_id")
                        .put("level", 0)
                        .put("path", "/" + id)
                        .put("owner_id", "alice")
                        .put("organization_id", "acme")
                        .putNull("team_id")
                        .put("status", "active")
                        .put("effective_status", "active")
                        .putNull("created_at")
                        .putNull("updated_at")
                        .putNull("deleted_at"));
        assertThat(alice.quota(id))
                .isEqualTo(quota.copy().put("my_permissions", new JsonArray(List.of("read", "admin", "owner"))));
    }

    @Test
    void saysTheVersionOfOneQuotaInAHeader() {
        JsonObject body = create("organization");
        Reply created = alice.post("/quotas/create", body, "Idempotency-Key", "etag");
        String id = created.data().getString("id");
        Reply repeat = alice.post("/quotas/create", body, "Idempotency-Key", "etag");
        assertThat(repeat.replayed()).isTrue();
        for (Reply one : List.of(created, repeat, alice.get("/quotas/" + id))) {
            assertThat(one.headers().get("ETag")).isEqualTo("\"1\"");
        }
        assertThat(alice.act(id, "suspend").headers().get("ETag")).isEqualTo("\"2\"");
        assertThat(alice.act(id, "resume").headers().get("ETag")).isEqualTo("\"3\"");
        Reply child = alice.post("/quotas/" + id + "/allocate", User.childBody(1));
        assertThat(child.headers().get("ETag")).isEqualTo("\"1\"");
        Reply got = alice.get("/quotas/" + id);
        assertThat(got.headers().get("ETag")).isEqualTo("\"4\"");
        assertThat(got.data().getLong("version")).isEqualTo(4);
        for (Reply other : List.of(
                alice.get("/quotas"), alice.take(id, "res", 1), alice.get("/quotas/none"), bob.get("/quotas/" + id))) {
            assertThat(other.headers().get("ETag")).as(other.body()).isNull();
        }
    }

    @Test
    void saysWhatTheCallerHasOnAQuota() {
        String root = alice.root(100);
        String child = alice.child(root, 10, "frank");
        User erin = service.user("acme", "erin");
        alice.grant(child, "erin", "read").data();
        assertThat(erin.quota(child).getJsonArray("my_permissions")).isEqualTo(new JsonArray(List.of("read")));
        assertThat(service.user("acme", "frank").quota(child).getJsonArray("my_permissions"))
                .isEqualTo(new JsonArray(List.of("read", "admin")));
        alice.grant(child, "erin", "owner").data();
        assertThat(erin.quota(child).getJsonArray("my_permissions"))
                .isEqualTo(new JsonArray(List.of("read", "admin", "owner")));
    }

    @Test
    void createsTeamQuotasForMembersOfTheTeamOnly() {
        assertThat(alice.post("/quotas/create", create("team")).violations()).containsExactly("team_id");
        JsonObject required = alice.post("/quotas/create", create("team").put("team_id", "team_other"))
                .refused(ErrorCode.PERMISSION_DENIED);
        assertThat(required.getJsonArray("required")).isNotEmpty();
        JsonObject quota = alice.post("/quotas/create", create("team").put("team_id", "team_dev"))
                .data();
        assertThat(quota.getString("team_id")).isEqualTo("team_dev");
    }

    @Test
    void takesAChildsCapacityOutOfItsParent() {
        String root = alice.root(10_000);
        JsonObject child = allocate(
                        root,
                        User.childBody(2_000)
                                .put("type", "team")
                                .put("target_id", "team_of_others")
                                .put("description", "theirs"))
                .data();
        assertThat(child.getString("parent_quota_id")).isEqualTo(root);
        assertThat(child.getString("path")).isEqualTo("/" + root + "/" + child.getString("id"));
        assertThat(child.getInteger("level")).isEqualTo(1);
        assertThat(child.getString("owner_id")).isEqualTo("alice");
        assertThat(child.getString("team_id")).isEqualTo("team_of_others");
        assertThat(child.getLong("available_mb")).isEqualTo(2_000);
        JsonObject parent = alice.quota(root);
        assertThat(parent.getLong("allocated_mb")).isEqualTo(2_000);
        assertThat(parent.getLong("available_mb")).isEqualTo(8_000);
    }

    @Test
    void refusesAChildThatIsTooLarge() {
        String root = alice.root(100);
        alice.child(root, 60);
        assertThat(alice.take(root, "res", 10).status()).isEqualTo(200);
        JsonObject details = allocate(root, User.childBody(31)).refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(details)
                .isEqualTo(new JsonObject()
                        .put("quota_id", root)
                        .put("total_mb", 100)
                        .put("used_mb", 10)
                        .put("reserved_mb", 0)
                        .put("allocated_mb", 60)
                        .put("available_mb", 30)
                        .put("requested_mb", 31)
                        .put("short_by_mb", 1));
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(60);
        alice.child(root, 30);
        assertThat(alice.quota(root).getLong("available_mb")).isZero();
    }

    @Test
    void keepsTheOrderOfTheHierarchy() {
        String root = alice.root(100);
        String team = alice.team(root, 50, "team_x");
        // organization → organization, its target empty or the caller's own organization
        assertThat(allocate(root, User.childBody(1).put("target_id", "")).status())
                .isEqualTo(201);
        assertThat(allocate(root, User.childBody(1).put("target_id", "acme")).status())
                .isEqualTo(201);
        allocate(root, User.childBody(1).put("target_id", "other")).refused(ErrorCode.HIERARCHY_VIOLATION);
        // team → the same team only
        assertThat(alice.team(team, 1, "team_x")).startsWith("quota_");
        allocate(team, User.childBody(1).put("type", "team").put("target_id", "team_y"))
                .refused(ErrorCode.HIERARCHY_VIOLATION);
        // team → organization never
        allocate(team, User.childBody(1)).refused(ErrorCode.HIERARCHY_VIOLATION);
        assertThat(allocate(root, User.childBody(1).put("type", "team")).violations())
                .containsExactly("target_id");
        // before the rule about capacity
        allocate(team, User.childBody(1_000)).refused(ErrorCode.HIERARCHY_VIOLATION);
    }

    @Test
    void nestsSixteenLevels() {
        String quota = alice.root(100);
        for (int level = 1; level < 16; level++) {
            quota = alice.child(quota, 100);
        }
        assertThat(alice.quota(quota).getInteger("level")).isEqualTo(15);
        allocate(quota, User.childBody(1)).refused(ErrorCode.HIERARCHY_VIOLATION);
        // The one at the bottom gives everything back, up to the top.
        assertThat(alice.act(quota, "release").status()).isEqualTo(200);
    }

    @Test
    void releasesBothWaysAndReturnsTheCapacity() {
        String root = alice.root(100);
        List<String> children = List.of(alice.child(root, 60), alice.child(root, 40));
        JsonObject released = alice.act(children.get(0), "release").data();
        assertThat(released.getString("status")).isEqualTo("deleted");
        assertThat(released.getString("deleted_at")).isNotNull();
        assertThat(alice.quota(root).getLong("allocated_mb")).isEqualTo(40);
        assertThat(alice.delete("/quotas/" + children.get(1)).status()).isEqualTo(200);
        assertThat(alice.quota(root).getLong("allocated_mb")).isZero();
        for (String child : children) {
            alice.get("/quotas/" + child).refused(ErrorCode.QUOTA_NOT_FOUND);
            alice.act(child, "release").refused(ErrorCode.QUOTA_NOT_FOUND);
            alice.take(child, "res", 1).refused(ErrorCode.QUOTA_NOT_FOUND);
        }
        assertThat(alice.delete("/quotas/" + root).status()).isEqualTo(200);
    }

    @Test
    void releasesOnlyWhatIsEmpty() {
        String root = alice.root(100);
        String child = alice.child(root, 60);
        assertThat(alice.take(root, "res", 10).status()).isEqualTo(200);
        JsonObject figures =
                new JsonObject().put("used_mb", 10).put("reserved_mb", 0).put("allocated_mb", 60);
        assertThat(alice.act(root, "release").refused(ErrorCode.QUOTA_NOT_EMPTY))
                .isEqualTo(figures);
        assertThat(alice.delete("/quotas/" + root).refused(ErrorCode.QUOTA_NOT_EMPTY))
                .isEqualTo(figures);
        alice.act(child, "release").data();
        alice.giveBack(root, "res", 10).data();
        assertThat(alice.act(root, "release").status()).isEqualTo(200);
    }

    @Test
    void listsWhatTheCallerOwnsOrWasGranted() {
        User carol = service.user("acme", "carol");
        String mine = carol.root(100);
        String childOfMine = carol.child(mine, 10);
        String granted = alice.root(100);
        alice.grant(granted, "carol", "read").data();
        String administered = alice.child(granted, 10, "carol");
        alice.child(granted, 10);
        List<String> ids = carol.get("/quotas?page_size=100").list("quotas").stream()
                .map(quota -> quota.getString("id"))
                .toList();
        assertThat(ids).containsExactly(mine, childOfMine, granted, administered);
        alice.revoke(granted, "carol", "read").data();
        carol.act(childOfMine, "release").data();
        assertThat(carol.get("/quotas").data().getInteger("total_count")).isEqualTo(2);
    }

    @Test
    void pagesAndFiltersLists() {
        User dora = service.user("acme", "dora", "team_dev");
        List<String> roots = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            roots.add(dora.root(100));
        }
        String team = dora.team(roots.get(0), 10, "team_dev");
        dora.act(roots.get(4), "suspend").data();

        List<String> seen = new ArrayList<>();
        for (int page = 1; page <= 3; page++) {
            JsonObject data = dora.get("/quotas?page_size=2&page=" + page).data();
            assertThat(data.getInteger("total_count")).isEqualTo(6);
            assertThat(data.getInteger("total_pages")).isEqualTo(3);
            assertThat(data.getInteger("page")).isEqualTo(page);
            assertThat(data.getInteger("page_size")).isEqualTo(2);
            data.getJsonArray("quotas").forEach(quota -> seen.add(((JsonObject) quota).getString("id")));
        }
        assertThat(seen).hasSize(6).doesNotHaveDuplicates().containsAll(roots).contains(team);
        assertThat(dora.get("/quotas?page=4&page_size=2").list("quotas")).isEmpty();
        assertThat(dora.get("/quotas?page=2147483647&page_size=100").list("quotas"))
                .isEmpty();
        assertThat(ids(dora, "?type=team")).containsExactly(team);
        assertThat(ids(dora, "?team_id=team_dev")).containsExactly(team);
        assertThat(ids(dora, "?parent_quota_id=" + roots.get(0))).containsExactly(team);
        assertThat(ids(dora, "?status=suspended")).containsExactly(roots.get(4));
        assertThat(ids(dora, "?status=active&type=organization")).containsExactlyElementsOf(roots.subList(0, 4));
        assertThat(ids(dora, "?type=team&team_id=other")).isEmpty();
        assertThat(dora.get("/quotas").data().getInteger("page_size")).isEqualTo(20);
        for (String wrong : List.of("page=0", "page=x", "page_size=101", "page_size=0", "type=x", "status=deleted")) {
            assertThat(dora.get("/quotas?" + wrong).violations())
                    .as(wrong)
                    .containsExactly(wrong.substring(0, wrong.indexOf('=')));
        }
    }

    private static List<String> ids(User user, String query) {
        return user.get("/quotas" + query).list("quotas").stream()
                .map(quota -> quota.getString("id"))
                .toList();
    }

    @Test
    void makesAdminsOfThoseNamed() {
        String root = alice.root(100);
        String child = id(allocate(root, User.childBody(50).put("admin_user_ids", new JsonArray().add("bob"))));
        assertThat(bob.get("/quotas").list("quotas"))
                .as("at once")
                .extracting(quota -> quota.getString("id"))
                .containsExactly(child);
        service.awaitRegistrations();
        assertThat(bob.quota(child).getString("id")).isEqualTo(child);
        assertThat(bob.child(child, 10)).startsWith("quota_");
        bob.get("/quotas/" + root).refused(ErrorCode.PERMISSION_DENIED);
    }

    private static String id(Reply reply) {
        return reply.data().getString("id");
    }

    @Test
    void findsQuotasByPartOfANameOrKeyAndSortsThem() {
        User lister = service.user("listing", "lister");
        String small = lister.root(10);
        String large = lister.root(1_000);
        String middle = lister.root(100);
        lister.update(small, new JsonObject().put("name", "Builds of 50 % α")).data();
        lister.update(large, new JsonObject().put("name", "Archive").put("key", "cold-builds"))
                .data();
        lister.update(middle, new JsonObject().put("name", "_uploads")).data();
        lister.take(small, "res", 9).data();
        lister.take(large, "res", 10).data();
        lister.take(middle, "res", 50).data();

        assertThat(listed(lister, "q=BUILDS")).containsExactly(small, large);
        assertThat(listed(lister, "q=_")).containsExactly(middle);
        assertThat(listed(lister, "q=50+%25")).containsExactly(small);
        assertThat(listed(lister, "q=none")).isEmpty();
        assertThat(listed(lister, "sort=-created_at")).containsExactly(middle, large, small);
        assertThat(listed(lister, "sort=name")).containsExactly(large, small, middle);
        assertThat(listed(lister, "sort=-name")).containsExactly(middle, small, large);
        assertThat(listed(lister, "sort=utilization")).containsExactly(large, middle, small);
        assertThat(listed(lister, "sort=-utilization&page_size=2&page=2")).containsExactly(large);
        assertThat(lister.get("/quotas?q=builds&page_size=1").data().getLong("total_count"))
                .isEqualTo(2);
        assertThat(lister.get("/quotas?sort=size").violations()).containsExactly("sort");
        assertThat(lister.get("/quotas?q=").data().getLong("total_count")).isEqualTo(3);
    }

    private static List<String> listed(User user, String query) {
        return user.get("/quotas?" + query).list("quotas").stream()
                .map(quota -> quota.getString("id"))
                .toList();
    }
}
