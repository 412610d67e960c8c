package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Suspending and resuming, and what reaches down. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SuspensionIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close();
    }

    private String suspendedBy(String quota) {
        return alice.take(quota, "res", 1).refused(ErrorCode.QUOTA_SUSPENDED).getString("suspended_quota_id");
    }

    @Test
    void aSuspendedQuotaGivesNothingOutAndLetsEverythingBeCleanedUp() {
        String root = alice.root(100);
        String child = alice.child(root, 50);
        String empty = alice.child(child, 10);
        alice.take(child, "res", 5).data();
        JsonObject suspended = alice.post("/quotas/" + child + "/suspend", new JsonObject().put("reason", "audit"))
                .data();
        assertThat(suspended.getString("status")).isEqualTo("suspended");
        assertThat(suspended.getString("effective_status")).isEqualTo("suspended");

        assertThat(suspendedBy(child)).isEqualTo(child);
        alice.post("/quotas/" + child + "/allocate", User.childBody(1)).refused(ErrorCode.QUOTA_SUSPENDED);
        // Before the rule about capacity.
        alice.take(child, "res", 1_000).refused(ErrorCode.QUOTA_SUSPENDED);

        assertThat(alice.quota(child).getLong("used_mb")).isEqualTo(5);
        assertThat(alice.grant(child, "guest", "read").status()).isEqualTo(200);
        assertThat(alice.revoke(child, "guest", "read").status()).isEqualTo(200);
        assertThat(alice.act(empty, "release").status()).isEqualTo(200);
        assertThat(alice.giveBack(child, "res", 5).status()).isEqualTo(200);
        assertThat(alice.act(child, "release").status()).isEqualTo(200);
        assertThat(alice.take(root, "res", 100).status()).isEqualTo(200);
    }

    @Test
    void reachesDownAndNamesTheNearest() {
        String root = alice.root(100);
        String middle = alice.child(root, 80);
        String leaf = alice.child(middle, 50);
        String beside = alice.child(root, 10);
        alice.act(root, "suspend").data();
        assertThat(suspendedBy(leaf)).isEqualTo(root);
        assertThat(suspendedBy(beside)).isEqualTo(root);
        JsonObject inherited = alice.quota(leaf);
        assertThat(inherited.getString("status")).isEqualTo("active");
        assertThat(inherited.getString("effective_status")).isEqualTo("suspended");
        alice.act(middle, "suspend").data();
        assertThat(suspendedBy(leaf)).isEqualTo(middle);
        assertThat(suspendedBy(beside)).isEqualTo(root);

        JsonObject resumed = alice.act(root, "resume").data();
        assertThat(resumed.getString("effective_status")).isEqualTo("active");
        assertThat(alice.take(beside, "res", 1).status()).isEqualTo(200);
        assertThat(suspendedBy(leaf))
                .as("what was suspended by itself stays so")
                .isEqualTo(middle);
        alice.act(middle, "resume").data();
        assertThat(alice.take(leaf, "res", 1).status()).isEqualTo(200);
    }

    @Test
    void resumesAQuotasOwnStateOnly() {
        String root = alice.root(100);
        String child = alice.child(root, 50);
        alice.act(child, "suspend").data();
        alice.act(root, "suspend").data();
        JsonObject resumed = alice.act(child, "resume").data();
        assertThat(resumed.getString("status")).isEqualTo("active");
        assertThat(resumed.getString("effective_status")).isEqualTo("suspended");
        assertThat(suspendedBy(child)).isEqualTo(root);
    }

    @Test
    void whatIsSoAlreadyStaysSo() {
        String root = alice.root(100);
        JsonObject active = alice.act(root, "resume").data();
        assertThat(active.getString("status")).isEqualTo("active");
        JsonObject first = alice.act(root, "suspend").data();
        assertThat(alice.act(root, "suspend").data()).isEqualTo(first);
        assertThat(alice.quota(root).getLong("version")).isEqualTo(first.getLong("version"));
    }

    @Test
    void aChildsOwnAdminCannotLiftWhatCameFromAbove() {
        User admin = service.user("acme", "admin");
        String root = alice.root(100);
        String child = alice.child(root, 50, "admin");
        service.awaitRegistrations();
        String grandchild = admin.child(child, 10);
        alice.act(child, "suspend").data();
        admin.act(child, "resume").refused(ErrorCode.PERMISSION_DENIED);
        assertThat(admin.act(grandchild, "suspend").status()).isEqualTo(200);
        assertThat(admin.act(grandchild, "resume").status()).isEqualTo(200);
    }
}
