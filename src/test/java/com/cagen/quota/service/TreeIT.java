package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What is below a quota, in pages. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TreeIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private String child(String parent, String name, long mb) {
        JsonObject body = User.childBody(mb).put("name", name);
        return alice.post("/quotas/" + parent + "/allocate", body).data().getString("id");
    }

    private List<String> names(String query) {
        return alice.get(query).list("quotas").stream()
                .map(quota -> quota.getString("name"))
                .toList();
    }

    private List<String> pages(String root, int limit) {
        List<String> names = new ArrayList<>();
        @Nullable String cursor = null;
        do {
            JsonObject page = alice.get(
                            "/quotas/" + root + "/tree?limit=" + limit + (cursor == null ? "" : "&cursor=" + cursor))
                    .data();
            assertThat(page.getJsonArray("quotas").size()).isBetween(1, limit);
            page.getJsonArray("quotas").forEach(quota -> names.add(((JsonObject) quota).getString("name")));
            cursor = page.getString("next_cursor");
        } while (cursor != null);
        return names;
    }

    @Test
    void listsParentsBeforeChildrenAndSiblingsByName() {
        String root = alice.root(1_000);
        String b = child(root, "b", 100);
        child(b, "z", 10);
        String a = child(root, "a", 100);
        child(a, "y/1", 10);
        String y = child(a, "y", 10);
        child(y, "a", 1);
        child(root, "b", 100);
        child(root, "B", 100);
        child(root, "ä", 100);
        alice.delete("/quotas/" + child(root, "gone", 1)).data();
        List<String> all = List.of("root", "B", "a", "y", "a", "y/1", "b", "z", "b", "ä");
        assertThat(names("/quotas/" + root + "/tree")).isEqualTo(all);
        for (int limit = 1; limit <= 11; limit++) {
            assertThat(pages(root, limit)).as("in pages of %s", limit).isEqualTo(all);
        }
        assertThat(names("/quotas/" + root + "/tree?depth=1")).containsExactly("root", "B", "a", "b", "b", "ä");
        assertThat(names("/quotas/" + a + "/tree?depth=2")).containsExactly("a", "y", "a", "y/1");
        assertThat(alice.get("/quotas/" + y + "/tree").list("quotas").get(0)).isEqualTo(withoutPermissions(y));
    }

    private JsonObject withoutPermissions(String quota) {
        JsonObject shown = alice.quota(quota);
        shown.remove("my_permissions");
        return shown;
    }

    @Test
    void goesOnAfterAQuotaThatWasReleasedMeanwhile() {
        String root = alice.root(100);
        child(root, "a", 1);
        String b = child(root, "b", 1);
        child(root, "d", 1);
        assertThat(alice.get("/quotas/" + root + "/tree?limit=3").data().getString("next_cursor"))
                .isEqualTo(b);
        alice.delete("/quotas/" + b).data();
        child(root, "c", 1);
        assertThat(names("/quotas/" + root + "/tree?limit=3&cursor=" + b)).containsExactly("c", "d");
    }

    @Test
    void needsAdminAndRefusesWhatIsNoPageOfThisTree() {
        String root = alice.root(100);
        String child = child(root, "a", 1);
        String other = alice.root(100);
        User bob = service.user("acme", "bob");
        bob.get("/quotas/" + root + "/tree").refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(root, "bob", "read").data();
        bob.get("/quotas/" + root + "/tree").refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(root, "bob", "admin").data();
        assertThat(bob.get("/quotas/" + root + "/tree").list("quotas")).hasSize(2);
        service.user("globex", "erin").get("/quotas/" + root + "/tree").refused(ErrorCode.QUOTA_NOT_FOUND);
        for (String query : List.of(
                "?limit=0",
                "?limit=1001",
                "?depth=0",
                "?depth=17",
                "?depth=all",
                "?cursor=",
                "?cursor=x",
                "?cursor=" + other)) {
            alice.get("/quotas/" + root + "/tree" + query).refused(ErrorCode.INVALID_REQUEST);
        }
        alice.get("/quotas/" + child + "/tree?cursor=" + root).refused(ErrorCode.INVALID_REQUEST);
        alice.delete("/quotas/" + child).data();
        alice.get("/quotas/" + child + "/tree").refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void endsAPageAtItsLimitInBytes() {
        String root = alice.root(100);
        String text = "\uD83D\uDE00".repeat(2_000);
        List<String> all = new ArrayList<>(List.of("root"));
        for (int i = 0; i < 40; i++) {
            JsonObject body = User.childBody(1).put("name", "q" + (10 + i)).put("description", text);
            alice.post("/quotas/" + root + "/allocate", body).data();
            all.add("q" + (10 + i));
        }
        assertThat(alice.get("/quotas/" + root + "/tree?limit=1000").list("quotas"))
                .hasSizeBetween(20, 36);
        assertThat(pages(root, 1_000)).isEqualTo(all);
    }
}
