package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.BridgeClient;
import com.cagen.quota.testing.FreePorts;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Who hears which events at a bridge of a whole service. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class EventVisibilityIT {
    private final int port = FreePorts.next();
    private final RunningService service = new RunningService(Map.of("BRIDGE_TCP_PORT", Integer.toString(port)));

    @AfterAll
    void stop() {
        service.close();
    }

    private BridgeClient subscribe(User user) throws IOException {
        return BridgeClient.registered(port, user.credential());
    }

    private static void assertNext(BridgeClient client, String type, String quota) throws IOException {
        JsonObject event = client.event();
        assertThat(event.getString("type") + " " + event.getString("quota_id")).isEqualTo(type + " " + quota);
    }

    private static void take(User user, String quota, String resource) {
        assertThat(user.take(quota, resource, 1).status()).isEqualTo(200);
    }

    @Test
    void areOfTheQuotasThatTheUserSees() throws Exception {
        User alice = service.user("acme", "alice");
        try (BridgeClient owner = subscribe(alice);
                BridgeClient bob = subscribe(service.user("acme", "bob"));
                BridgeClient carol = subscribe(service.user("acme", "carol"));
                BridgeClient rival = subscribe(service.user("rival", "alice"))) {
            String root = alice.root(1_000);
            String seen = alice.child(root, 100);
            String other = alice.child(root, 100);
            // Before the grant: who sees a quota is looked up when its event is delivered.
            assertNext(owner, "quota.create", root);
            assertNext(owner, "quota.allocate", seen);
            assertNext(owner, "quota.allocate", other);
            assertThat(alice.grant(seen, "bob", "read").status()).isEqualTo(200);
            take(alice, other, "r1");
            take(alice, seen, "r2");
            take(alice, root, "r3");
            take(alice, seen, "r4");
            assertNext(owner, "permission.grant", seen);
            assertNext(owner, "usage.allocate", other);
            assertNext(owner, "usage.allocate", seen);
            assertNext(owner, "usage.allocate", root);
            assertNext(owner, "usage.allocate", seen);
            assertNext(bob, "permission.grant", seen);
            assertNext(bob, "usage.allocate", seen);
            assertNext(bob, "usage.allocate", seen);

            // What was known of the quotas no longer holds, from these very events on.
            assertThat(alice.revoke(seen, "bob", "read").status()).isEqualTo(200);
            take(alice, seen, "r5");
            assertThat(alice.grant(other, "bob", "admin").status()).isEqualTo(200);
            assertNext(bob, "permission.grant", other);
            take(alice, other, "r6");
            assertNext(bob, "usage.allocate", other);

            // An owner of one quota, and of what is below it.
            assertThat(alice.grant(other, "carol", "owner").status()).isEqualTo(200);
            assertNext(carol, "permission.grant", other);
            String below = alice.child(other, 10);
            assertNext(carol, "quota.allocate", below);

            // To whom it was visible, its release is told.
            assertThat(alice.act(below, "release").status()).isEqualTo(200);
            assertNext(carol, "quota.release", below);

            // The owner of a root hears of all of the organization's quotas.
            String carols = service.user("acme", "carol").root(10);
            assertNext(carol, "quota.create", carols);
            take(alice, seen, "r7");
            assertNext(carol, "usage.allocate", seen);
            String rivals = service.user("rival", "alice").root(10);
            assertNext(rival, "quota.create", rivals);
        }
    }

    @Test
    void doNotTellTheKeysOfRequests() throws Exception {
        User dora = service.user("keys", "dora");
        try (BridgeClient client = subscribe(dora)) {
            String root = dora.root(100);
            assertNext(client, "quota.create", root);
            JsonObject usage = User.usage("r", 1).put("reason", "upload");
            dora.post("/quotas/" + root + "/usage/allocate", usage, "Idempotency-Key", "a secret of dora's service");
            JsonObject event = client.event();
            assertThat(event.encode()).doesNotContain("idempotency_key").doesNotContain("secret of dora");
            assertThat(event.getJsonObject("data").getString("reason")).isEqualTo("upload");
        }
    }

    @Test
    void tellAClientThatAskedForNoReplyWhyItWasRefused() throws Exception {
        try (BridgeClient client = new BridgeClient(port)) {
            JsonObject body = service.user("acme", "eve").credential().put("quota_id", "quota_none");
            client.send(new JsonObject()
                    .put("type", "send")
                    .put("address", "cagen.quota.v1.quota.get")
                    .put("body", body));
            JsonObject refused = client.next();
            assertThat(refused.getString("type")).isEqualTo("err");
            assertThat(refused.getString("address")).isEqualTo("cagen.quota.v1.quota.get");
            assertThat(refused.getInteger("failureCode")).isEqualTo(40401);
        }
    }
}
