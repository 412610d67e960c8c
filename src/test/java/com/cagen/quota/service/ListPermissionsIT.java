package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Who has access to a quota. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ListPermissionsIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close();
    }

    private static String path(String quota) {
        return "/quotas/" + quota + "/permissions";
    }

    @Test
    void listsOwnersWithTheQuotaThatMakesThemSoAndGrants() {
        String root = alice.root(100);
        String child = alice.child(root, 50, "carol");
        alice.grant(child, "dora", "owner").data();
        alice.grant(child, "bob", "admin").data();
        bob.grant(child, "emil", "read").data();
        alice.grant(child, "emil", "admin").data();
        bob.grant(child, "emil", "admin").data(); // adds nothing
        alice.grant(root, "frida", "read").data(); // grants are not inherited

        JsonObject listed = bob.get(path(child)).data();
        assertThat(listed.getJsonArray("owners"))
                .isEqualTo(new JsonArray()
                        .add(new JsonObject().put("user_id", "alice").put("quota_id", root))
                        .add(new JsonObject().put("user_id", "dora").put("quota_id", child)));
        List<JsonObject> grants = bob.get(path(child)).list("grants");
        assertThat(grants)
                .extracting(grant -> grant.getString("user_id") + " " + grant.getJsonArray("permissions") + " "
                        + grant.getString("granted_by"))
                .containsExactly(
                        "bob [\"admin\"] alice", "carol [\"read\",\"admin\"] alice", "emil [\"read\",\"admin\"] alice");
        assertThat(grants).allSatisfy(grant -> {
            assertThat(grant.getInstant("granted_at")).isNotNull();
            assertThat(grant.getValue("expires_at")).isNull();
        });
        assertThat(listed.getValue("next_cursor")).isNull();

        alice.revoke(child, "emil", "admin").data();
        JsonObject emil = bob.get(path(child)).list("grants").get(2);
        assertThat(emil.getJsonArray("permissions")).isEqualTo(new JsonArray().add("read"));
        assertThat(emil.getString("granted_by")).isEqualTo("alice");
        assertThat(emil.getInstant("granted_at")).isEqualTo(grants.get(2).getInstant("granted_at"));
    }

    @Test
    void pagesGrantsByUser() {
        String root = alice.root(100);
        for (int i = 0; i < 5; i++) {
            alice.grant(root, "user/ü " + i, "read").data();
        }
        JsonObject first = alice.get(path(root) + "?limit=3").data();
        assertThat(first.getJsonArray("grants")).hasSize(3);
        JsonObject rest = alice.get(path(root) + "?limit=3&cursor="
                        + URLEncoder.encode(first.getString("next_cursor"), StandardCharsets.UTF_8))
                .data();
        assertThat(rest.getJsonArray("owners")).isEmpty();
        assertThat(rest.getJsonArray("grants")).hasSize(2);
        assertThat(rest.getJsonArray("grants").getJsonObject(1).getString("user_id"))
                .isEqualTo("user/ü 4");
        assertThat(rest.getValue("next_cursor")).isNull();
    }

    @Test
    void needsAdmin() {
        String root = alice.root(100);
        bob.get(path(root)).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(root, "bob", "read").data();
        bob.get(path(root)).refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(root, "bob", "admin").data();
        bob.get(path(root)).data();
        service.user("other", "alice").get(path(root)).refused(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(alice.get(path(root) + "?limit=0").violations()).containsExactly("limit");
    }
}
