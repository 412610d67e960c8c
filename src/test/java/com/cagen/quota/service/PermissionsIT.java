package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Who may do what; those who own nothing are asked about at the built-in auth service. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PermissionsIT {
    private static final JsonArray READ =
            new JsonArray().add("read").add("admin").add("owner");
    private static final JsonArray ADMIN = new JsonArray().add("admin").add("owner");
    private static final JsonArray OWNER = new JsonArray().add("owner");

    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User reader = service.user("acme", "reader");
    private final User admin = service.user("acme", "admin");
    private final User nobody = service.user("acme", "nobody");

    @AfterAll
    void stop() {
        service.close();
    }

    /** What everybody tries, on a child of a root, in an order in which all of it works for an owner. */
    private static Map<String, BiFunction<User, String, Reply>> attempts() {
        Map<String, BiFunction<User, String, Reply>> attempts = new TreeMap<>();
        attempts.put("01 get", (user, quota) -> user.get("/quotas/" + quota));
        attempts.put("02 take", (user, quota) -> user.take(quota, "res", 1));
        attempts.put("03 give back", (user, quota) -> user.giveBack(quota, "res", 1));
        attempts.put("04 history", (user, quota) -> user.get("/quotas/" + quota + "/usage"));
        attempts.put("05 audit", (user, quota) -> user.get("/quotas/" + quota + "/audit"));
        attempts.put("06 grant", (user, quota) -> user.grant(quota, "somebody", "read"));
        attempts.put("07 revoke", (user, quota) -> user.revoke(quota, "somebody", "read"));
        attempts.put("08 grant owner", (user, quota) -> user.grant(quota, "somebody", "read", "owner"));
        attempts.put("09 revoke owner", (user, quota) -> user.revoke(quota, "somebody", "owner"));
        attempts.put("10 allocate", (user, quota) -> {
            Reply reply = user.post("/quotas/" + quota + "/allocate", User.childBody(1));
            return reply.status() == 201 ? user.act(reply.data().getString("id"), "release") : reply;
        });
        attempts.put("11 suspend", (user, quota) -> user.act(quota, "suspend"));
        attempts.put("12 resume", (user, quota) -> user.act(quota, "resume"));
        attempts.put("13 release", (user, quota) -> user.act(quota, "release"));
        return attempts;
    }

    /** What each attempt comes to: {@code ok}, or what a 403 says is required. */
    private static Map<String, Object> outcomes(User user, String quota) {
        Map<String, Object> outcomes = new TreeMap<>();
        attempts().forEach((name, attempt) -> {
            Reply reply = attempt.apply(user, quota);
            outcomes.put(
                    name,
                    reply.status() == 200
                            ? "ok"
                            : reply.refused(ErrorCode.PERMISSION_DENIED).getValue("required"));
        });
        return outcomes;
    }

    private static Map<String, Object> expected(String allowed, Object... otherwise) {
        Map<String, Object> expected = new TreeMap<>();
        int i = 0;
        for (String name : attempts().keySet()) {
            expected.put(name, allowed.contains(name.substring(0, 2)) ? "ok" : otherwise[i++]);
        }
        return expected;
    }

    @Test
    void anOwnerMayDoEverything() {
        String child = alice.child(alice.root(100), 50);
        assertThat(outcomes(alice, child)).isEqualTo(expected("01 02 03 04 05 06 07 08 09 10 11 12 13"));
    }

    @Test
    void anOwnerOfAnAncestorMayDoEverything() {
        String root = alice.root(100);
        String middle = alice.child(root, 80);
        String child = alice.child(middle, 50);
        alice.grant(root, "heir", "owner").data();
        User heir = service.user("acme", "heir");
        assertThat(outcomes(heir, child)).isEqualTo(expected("01 02 03 04 05 06 07 08 09 10 11 12 13"));
        // One who came to own the middle owns what is cut out of it later, but nothing above.
        User late = service.user("acme", "late");
        alice.grant(middle, "late", "owner").data();
        assertThat(late.quota(alice.child(middle, 1)).getLong("total_mb")).isOne();
        late.get("/quotas/" + root).refused(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void oneWhoMayReadMayReadAndUse() {
        String child = alice.child(alice.root(100), 50);
        alice.grant(child, "reader", "read").data();
        assertThat(outcomes(reader, child))
                .isEqualTo(expected("01 02 03 04", ADMIN, ADMIN, ADMIN, OWNER, OWNER, ADMIN, ADMIN, ADMIN, ADMIN));
    }

    @Test
    void anAdminMayDoAllButTouchOwnersAndLiftWhatCameFromAbove() {
        String root = alice.root(100);
        String child = alice.child(root, 50);
        alice.grant(child, "admin", "admin").data();
        assertThat(outcomes(admin, child))
                .isEqualTo(expected("01 02 03 04 05 06 07 10 13", OWNER, OWNER, ADMIN, ADMIN));
    }

    @Test
    void anAdminOfTheParentMaySuspendResumeAndReleaseAndNothingElse() {
        String root = alice.root(100);
        String child = alice.child(root, 50);
        alice.grant(root, "admin", "admin").data();
        assertThat(outcomes(admin, child))
                .isEqualTo(expected("11 12 13", READ, READ, READ, READ, ADMIN, ADMIN, ADMIN, OWNER, OWNER, ADMIN));
        // A root has no parent: only owners suspend and resume it.
        admin.act(root, "suspend").refused(ErrorCode.PERMISSION_DENIED);
        admin.act(root, "resume").refused(ErrorCode.PERMISSION_DENIED);
        assertThat(admin.act(root, "release").status()).isEqualTo(200);
    }

    @Test
    void oneWithoutPermissionMayDoNothing() {
        String child = alice.child(alice.root(100), 50);
        assertThat(outcomes(nobody, child))
                .isEqualTo(expected(
                        "", READ, READ, READ, READ, ADMIN, ADMIN, ADMIN, OWNER, OWNER, ADMIN, ADMIN, ADMIN, ADMIN));
        assertThat(nobody.get("/quotas").data().getInteger("total_count")).isZero();
        assertThat(alice.quota(child).getLong("used_mb")).isZero();
    }

    @Test
    void aGrantShowsAtOnceAndSoDoesItsRevocation() {
        String quota = alice.root(100);
        User guest = service.user("acme", "guest");
        guest.take(quota, "res", 1).refused(ErrorCode.PERMISSION_DENIED); // cached from now on
        assertThat(alice.grant(quota, "guest", "read", "admin").data())
                .isEqualTo(new JsonObject()
                        .put("quota_id", quota)
                        .put("target_user_id", "guest")
                        .put("permissions", new JsonArray().add("read").add("admin")));
        guest.take(quota, "res", 1).data();
        assertThat(alice.revoke(quota, "guest", "admin").data().getJsonArray("permissions"))
                .containsExactly("read");
        guest.take(quota, "res", 1).data();
        guest.post("/quotas/" + quota + "/allocate", User.childBody(1)).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(alice.revoke(quota, "guest", "read").data().getJsonArray("permissions"))
                .isEmpty();
        guest.take(quota, "res", 1).refused(ErrorCode.PERMISSION_DENIED);
        guest.get("/quotas/" + quota).refused(ErrorCode.PERMISSION_DENIED);
        // What is not held: nothing changes, 200.
        assertThat(alice.revoke(quota, "guest", "read", "admin").status()).isEqualTo(200);
    }

    @Test
    void grantsAreNotInherited() {
        String root = alice.root(100);
        alice.grant(root, "reader", "read", "admin").data();
        String child = alice.child(root, 10);
        reader.get("/quotas/" + child).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(reader.quota(root).getLong("allocated_mb")).isEqualTo(10);
    }

    @Test
    void aRootNeverLosesItsLastOwner() {
        String root = alice.root(100);
        String child = alice.child(root, 10);
        alice.revoke(root, "alice", "owner").refused(ErrorCode.LAST_OWNER);
        alice.grant(root, "second", "owner").data();
        User second = service.user("acme", "second");
        assertThat(second.quota(child).getString("owner_id")).isEqualTo("alice");
        // Inherited ownership is not revoked on a child.
        assertThat(second.revoke(child, "alice", "owner").data().getJsonArray("permissions"))
                .containsExactly("owner");
        assertThat(alice.quota(child).getString("id")).isEqualTo(child);
        second.revoke(root, "alice", "owner").data();
        for (String quota : List.of(root, child)) {
            alice.get("/quotas/" + quota).refused(ErrorCode.PERMISSION_DENIED);
            assertThat(second.quota(quota).getString("owner_id")).isEqualTo("second");
        }
        second.revoke(root, "second", "owner").refused(ErrorCode.LAST_OWNER);
    }
}
