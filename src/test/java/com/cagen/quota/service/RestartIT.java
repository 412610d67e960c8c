package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The same database, another process as it were. */
class RestartIT {
    @Test
    void everythingIsStillThere() {
        try (RunningService service = new RunningService()) {
            User alice = service.user("acme", "alice");
            User bob = service.user("acme", "bob");
            String root = alice.root(100);
            String child = alice.child(root, 40, "admin");
            service.awaitRegistrations();
            alice.grant(root, "bob", "read").data();
            alice.act(child, "suspend").data();
            String used = bob.authorization();
            String path = "/api/v1/quotas/" + root + "/usage/allocate";
            String body = User.usage("res", 10).encode();
            Reply first =
                    service.send("POST", path, body, "Authorization", used, "Idempotency-Key", "before the restart");
            first.data();
            String late = alice.seal();
            JsonObject before = alice.quota(root);
            List<JsonObject> trail = alice.audit(root);

            service.restart();

            assertThat(alice.quota(root)).isEqualTo(before);
            assertThat(alice.quota(child).getString("status")).isEqualTo("suspended");
            assertThat(alice.audit(root)).isEqualTo(trail);
            assertThat(alice.get("/quotas/" + root + "/usage").list("entries")).hasSize(1);
            assertThat(service.user("acme", "admin").quota(child).getString("id"))
                    .isEqualTo(child);
            service.send("POST", path, body, "Authorization", used).refused(ErrorCode.CREDENTIAL_REPLAYED);
            Reply repeat = bob.post(
                    "/quotas/" + root + "/usage/allocate",
                    User.usage("res", 10),
                    "Idempotency-Key",
                    "before the restart");
            assertThat(repeat.body()).isEqualTo(first.body());
            assertThat(repeat.replayed()).isTrue();
            // Made before, not used before.
            service.send("GET", "/api/v1/quotas", "", "Authorization", "Cagen svc_cagen_quota:" + late)
                    .data();
            assertThat(bob.take(root, "res", 1).data().getLong("held_mb")).isEqualTo(11);
            assertThat(alice.audit(root)).hasSize(trail.size() + 2).startsWith(trail.toArray(JsonObject[]::new));
        }
    }
}
