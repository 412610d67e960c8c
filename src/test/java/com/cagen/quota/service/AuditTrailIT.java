package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What the audit trail tells of everything that was done, and refused. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AuditTrailIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private static List<String> actions(List<JsonObject> entries) {
        return entries.stream()
                .map(entry -> entry.getString("action")
                        + (entry.getString("outcome").equals("applied")
                                ? ""
                                : " " + entry.getJsonObject("details").getString("code")))
                .toList();
    }

    @Test
    void hasOneEntryForEachOperationInOrder() {
        String root = alice.root(100);
        String child = alice.child(root, 50);
        alice.take(root, "res", 10).data();
        alice.take(root, "res", 1_000).refused(ErrorCode.INSUFFICIENT_QUOTA);
        alice.giveBack(root, "res", 10).data();
        alice.giveBack(root, "res", 10).refused(ErrorCode.INSUFFICIENT_USAGE);
        alice.grant(root, "bob", "read").data();
        service.user("acme", "bob")
                .post("/quotas/" + root + "/allocate", User.childBody(1))
                .refused(ErrorCode.PERMISSION_DENIED);
        alice.revoke(root, "bob", "read").data();
        alice.revoke(root, "alice", "owner").refused(ErrorCode.LAST_OWNER);
        alice.act(root, "suspend").data();
        alice.take(root, "res", 1).refused(ErrorCode.QUOTA_SUSPENDED);
        alice.act(root, "resume").data();
        alice.act(root, "release").refused(ErrorCode.QUOTA_NOT_EMPTY);
        alice.post("/quotas/" + root + "/allocate", User.childBody(1).put("target_id", "other"))
                .refused(ErrorCode.HIERARCHY_VIOLATION);
        alice.take(child, "res", 1).data(); // the child's own affair
        alice.giveBack(child, "res", 1).data();
        alice.act(child, "release").data();
        alice.act(root, "release").data();
        assertThat(actions(alice.audit(root)))
                .as("also of a quota that is gone, with its children's beginning and end")
                .containsExactly(
                        "quota.create",
                        "quota.allocate",
                        "usage.allocate",
                        "usage.allocate insufficient_quota",
                        "usage.deallocate",
                        "usage.deallocate insufficient_usage",
                        "permission.grant",
                        "quota.allocate permission_denied",
                        "permission.revoke",
                        "permission.revoke last_owner",
                        "quota.suspend",
                        "usage.allocate quota_suspended",
                        "quota.resume",
                        "quota.release quota_not_empty",
                        "quota.allocate hierarchy_violation",
                        "quota.release",
                        "quota.release");
        assertThat(actions(alice.audit(child)))
                .containsExactly("quota.allocate", "usage.allocate", "usage.deallocate", "quota.release");
    }

    @Test
    void tellsWhoDidWhatWithWhichFigures() {
        String root = alice.root(100);
        alice.take(root, "res", 10).data();
        alice.post(
                        "/quotas/" + root + "/usage/allocate",
                        User.usage("res", 5).put("reason", "upload"),
                        "X-Request-ID",
                        "my.request-1",
                        "Idempotency-Key",
                        "key-of-audit")
                .data();
        alice.grant(root, "bob", "read").data();
        List<JsonObject> entries = alice.audit(root);
        JsonObject entry = entries.get(2);
        assertThat(entry.getString("quota_id")).isEqualTo(root);
        assertThat(entry.getString("actor_user_id")).isEqualTo("alice");
        assertThat(entry.getString("service_id")).isEqualTo("svc_cagen_quota");
        assertThat(entry.getString("request_id")).isEqualTo("my.request-1");
        assertThat(entry.getString("outcome")).isEqualTo("applied");
        assertThat(entry.getString("hash")).matches("[0-9a-f]{64}");
        assertThat(entry.getJsonObject("details"))
                .isEqualTo(new JsonObject()
                        .put("resource_id", "res")
                        .put("usage_mb", 5)
                        .put("reason", "upload")
                        .put("idempotency_key", "key-of-audit")
                        .put("changes", new JsonArray("""
                                [{"quota_id": "%s", "version": 3,
                                  "before": {"used_mb": 10, "reserved_mb": 0, "held_mb": 10}, "after": {"used_mb": 15, "reserved_mb": 0, "held_mb": 15}}]
                                """.formatted(root))));
        assertThat(entries)
                .allSatisfy(each -> assertThat(each.getString("operation_id")).isEqualTo(each.getString("audit_id")));
        assertThat(entries.get(3).getString("target_user_id")).isEqualTo("bob");
        assertThat(entries).extracting(each -> each.getLong("seq")).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void recordsCredentialsThatCameLateOrTwice() {
        String root = alice.root(100);
        String authorization = alice.authorization();
        String path = "/api/v1/quotas/" + root;
        service.send("GET", path, "", "Authorization", authorization).data();
        service.send("GET", path, "", "Authorization", authorization).refused(ErrorCode.CREDENTIAL_REPLAYED);
        String late = service.seal(alice.caller(), System.currentTimeMillis() - 301_000);
        service.send("GET", path, "", "Authorization", "Cagen svc_cagen_quota:" + late)
                .refused(ErrorCode.CREDENTIAL_EXPIRED);
        // The late one is handed over outside any transaction: it is there a moment later.
        RunningService.until("the late one is recorded", () -> alice.audit(root).size() == 3);
        assertThat(actions(alice.audit(root)))
                .containsExactly(
                        "quota.create", "credential.use credential_replayed", "credential.use credential_expired");
    }

    /** An old credential, and a used one, each sent hundreds of times: nothing is lost uncounted, also at a stop. */
    @Test
    void makesFewEntriesOfAFloodOfRefusedCredentialsAndCountsThemAll() throws SQLException {
        String url;
        try (RunningService flooded = new RunningService()) {
            url = flooded.databaseUrl();
            User mallory = flooded.user("acme", "mallory");
            String path = "/api/v1/quotas/" + mallory.root(100);
            String old = "Cagen svc_cagen_quota:"
                    + flooded.seal(mallory.caller(), System.currentTimeMillis() - 30L * 24 * 3_600 * 1_000);
            String used = mallory.authorization();
            flooded.send("GET", path, "", "Authorization", used).data();
            for (int i = 0; i < 200; i++) {
                flooded.send("GET", path, "", "Authorization", old).refused(ErrorCode.CREDENTIAL_EXPIRED);
                flooded.send("GET", path, "", "Authorization", used).refused(ErrorCode.CREDENTIAL_REPLAYED);
            }
        }
        try (Connection connection = TestDatabase.connect(url);
                ResultSet rows = connection.createStatement().executeQuery("""
                        SELECT details->>'code', sum(coalesce((details->>'count')::int, 1)), count(*)
                        FROM quota.quota_audit_logs WHERE action = 'credential.use' GROUP BY 1 ORDER BY 1
                        """)) {
            for (String code : List.of("credential_expired", "credential_replayed")) {
                assertThat(rows.next()).as(code).isTrue();
                assertThat(rows.getString(1)).isEqualTo(code);
                assertThat(rows.getInt(2)).as(code).isEqualTo(200);
                assertThat(rows.getInt(3))
                        .as("%s: should the minute end meanwhile, twice ten and one", code)
                        .isLessThanOrEqualTo(22);
            }
        }
        Invariants.check(url);
    }

    @Test
    void pagesAndFilters() {
        String root = alice.root(1_000);
        alice.grant(root, "bob", "read").data();
        User bob = service.user("acme", "bob");
        for (int i = 1; i <= 4; i++) {
            (i % 2 == 0 ? alice : bob).take(root, "res", i).data();
        }
        List<JsonObject> all = alice.audit(root);
        assertThat(all).hasSize(6);
        String path = "/quotas/" + root + "/audit";
        List<JsonObject> paged = new ArrayList<>();
        String cursor = "";
        for (int i = 0; !cursor.equals("end"); i++) {
            JsonObject page = alice.get(path + "?limit=2" + cursor).data();
            page.getJsonArray("entries").forEach(entry -> paged.add((JsonObject) entry));
            if (i == 0) {
                alice.take(root, "res", 5).data(); // while somebody turns the pages
                Invariants.awaitSealed(service.databaseUrl());
            }
            String next = page.getString("next_cursor");
            cursor = next == null ? "end" : "&cursor=" + next;
        }
        assertThat(paged.subList(0, 6)).isEqualTo(all);
        assertThat(paged).hasSize(7);

        List<JsonObject> newest = alice.get(path + "?order=desc&limit=3").list("entries");
        assertThat(newest).containsExactly(paged.get(6), paged.get(5), paged.get(4));
        assertThat(alice.get(path + "?order=desc&limit=2&cursor="
                                + alice.get(path + "?order=desc&limit=3").data().getString("next_cursor"))
                        .list("entries"))
                .containsExactly(paged.get(3), paged.get(2));
        assertThat(alice.get(path + "?action=usage.allocate").list("entries")).isEqualTo(paged.subList(2, 7));
        assertThat(alice.get(path + "?actor=bob").list("entries")).containsExactly(paged.get(2), paged.get(4));
        assertThat(alice.get(path + "?actor=bob&action=permission.grant").list("entries"))
                .isEmpty();
        String from = paged.get(2).getString("created_at");
        String to = paged.get(4).getString("created_at");
        assertThat(alice.get(path + "?from=" + from + "&to=" + to).list("entries"))
                .as("from is inclusive, to exclusive")
                .isEqualTo(paged.subList(2, 4));
        for (String wrong : List.of("limit=0", "limit=101", "cursor=x", "from=x", "to=x", "order=x", "action=x")) {
            assertThat(alice.get(path + "?" + wrong).violations())
                    .as(wrong)
                    .containsExactly(wrong.substring(0, wrong.indexOf('=')));
        }
    }
}
