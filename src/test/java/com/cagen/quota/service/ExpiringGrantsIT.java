package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Grants that end by themselves. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExpiringGrantsIT {
    private static final Instant FAR = Instant.parse("2999-01-01T00:00:00Z");

    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static Reply grant(User alice, String quota, Instant expiresAt, String... permissions) {
        return alice.post(
                "/quotas/" + quota + "/permissions/grant",
                User.permissions("bob", permissions).put("expires_at", expiresAt));
    }

    private static List<String> listed(User alice, String quota) {
        return alice.get("/quotas/" + quota + "/permissions").list("grants").stream()
                .map(grant -> String.join(",", strings(grant)) + " " + grant.getString("expires_at"))
                .toList();
    }

    private static List<String> strings(JsonObject grant) {
        return grant.getJsonArray("permissions").stream()
                .map(String.class::cast)
                .toList();
    }

    /** What the built-in auth service holds. */
    private List<String> told(String quota) throws SQLException {
        try (Connection connection = TestDatabase.connect(service.databaseUrl());
                var statement = connection.prepareStatement("""
                        SELECT permission || ' ' || coalesce(extract(epoch FROM expires_at)::bigint::text, '-')
                        FROM quota.auth_grants WHERE resource_id = ? AND user_id = 'bob' ORDER BY 1
                        """)) {
            statement.setString(1, quota);
            List<String> found = new ArrayList<>();
            try (var rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(rows.getString(1));
                }
            }
            return found;
        }
    }

    /** Well before the thirty seconds for which an answer of the auth service may be believed. */
    @Test
    void endForCachesListsAndVisibility() {
        String organization = "of_this_test";
        User alice = service.user(organization, "alice");
        User bob = service.user(organization, "bob");
        String root = alice.root(100);
        Instant end = Instant.now().plusSeconds(3);
        grant(alice, root, end, "read").data();
        bob.get("/quotas/" + root).data();
        assertThat(bob.get("/quotas").list("quotas")).hasSize(1);
        RunningService.until(
                15, "the grant has ended", () -> bob.get("/quotas/" + root).status() == 403);
        assertThat(Instant.now()).isAfter(end);
        assertThat(bob.get("/quotas").list("quotas")).isEmpty();
        assertThat(listed(alice, root)).isEmpty();
        // The row of what has ended is there: it is written again, and deleted.
        alice.grant(root, "bob", "read").data();
        bob.get("/quotas/" + root).data();
        assertThat(listed(alice, root)).containsExactly("read null");
        alice.revoke(root, "bob", "read").data();
        assertThat(listed(alice, root)).isEmpty();
    }

    @Test
    void endOneByOne() throws SQLException {
        String root = alice.root(100);
        alice.grant(root, "bob", "read").data();
        grant(alice, root, FAR, "admin").data();
        assertThat(listed(alice, root)).containsExactlyInAnyOrder("read null", "admin 2999-01-01T00:00:00Z");
        assertThat(told(root)).containsExactly("admin " + FAR.getEpochSecond(), "read -");
        // Another end, and none.
        grant(alice, root, FAR.plusSeconds(60), "read", "admin").data();
        assertThat(listed(alice, root)).containsExactly("read,admin 2999-01-01T00:01:00Z");
        alice.grant(root, "bob", "admin").data();
        assertThat(listed(alice, root)).containsExactlyInAnyOrder("read 2999-01-01T00:01:00Z", "admin null");
        alice.revoke(root, "bob", "admin").data();
        assertThat(listed(alice, root)).containsExactly("read 2999-01-01T00:01:00Z");
        assertThat(told(root)).containsExactly("read " + FAR.plusSeconds(60).getEpochSecond());
    }

    @Test
    void areAudited() {
        String root = alice.root(100);
        grant(alice, root, FAR, "read").data();
        RunningService.until("it is audited", () -> alice.audit(root).size() == 2);
        assertThat(alice.audit(root))
                .filteredOn(entry -> entry.getString("action").equals("permission.grant"))
                .singleElement()
                .satisfies(entry -> assertThat(entry.getJsonObject("details").getString("expires_at"))
                        .isEqualTo("2999-01-01T00:00:00Z"));
    }

    @Test
    void endInTheFutureAndAreNotOwners() {
        String root = alice.root(100);
        assertThat(grant(alice, root, Instant.now().minusSeconds(60), "read").violations())
                .containsExactly("expires_at");
        assertThat(grant(alice, root, FAR, "owner").violations()).containsExactly("expires_at");
        assertThat(listed(alice, root)).isEmpty();
        bob.get("/quotas/" + root).refused(ErrorCode.PERMISSION_DENIED);
    }
}
