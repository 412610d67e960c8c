package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Nodes that share the work: one serves HTTP and has no database, one the quotas, one the audit trail and the auth service. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolesIT {
    private final String url = TestDatabase.create();
    private final Node front = new Node("front", false);
    private final Node engine = new Node("engine", false);
    private final Node back = new Node("back", false);
    private final List<Node> nodes = List.of(front, engine, back);
    private final Operations operations = new Operations();

    @BeforeAll
    void start() throws Exception {
        front.start("", nodes, Map.of("QUOTA_ROLES", "http", "HTTP_INSTANCES", "2"));
        engine.start(url, nodes, Map.of("QUOTA_ROLES", "quota", "LANES", "2"));
        back.start(url, nodes, Map.of("QUOTA_ROLES", "audit,auth"));
        for (Node node : nodes) {
            node.awaitReady();
        }
    }

    @AfterAll
    void stop() throws Exception {
        for (Node node : nodes) {
            node.close();
        }
    }

    @Test
    void servesARequestWithEachNodeDoingItsPart() throws Exception {
        String quota = operations.root(front, 1_000);
        JsonObject grant = new JsonObject().put("target_user_id", "bob").put("permissions", List.of("read"));
        operations.done(front, "/quotas/" + quota + "/permissions/grant", "alice", grant);
        JsonObject usage = new JsonObject().put("resource_id", "r").put("usage_mb", 100);
        assertThat(operations
                        .done(front, "/quotas/" + quota + "/usage/allocate", "bob", usage)
                        .getInteger("used_mb"))
                .isEqualTo(100);
        Operations.Answer refused =
                operations.post(front, "/quotas/" + quota + "/usage/allocate", "bob", null, usage.put("usage_mb", 901));
        assertThat(refused.code()).isEqualTo("insufficient_quota");
        assertThat(refused.body().getJsonObject("details").getInteger("short_by_mb"))
                .isEqualTo(1);
        com.cagen.quota.testing.Invariants.awaitEmptyOutbox(url);
        assertThat(operations
                        .get(front, "/quotas/" + quota + "/audit", "alice")
                        .data()
                        .getJsonArray("entries"))
                .hasSize(4);
    }

    @Test
    void servesHealthAlsoWhereThereIsNoFrontDoorAndNothingElse() throws Exception {
        for (Node node : List.of(engine, back)) {
            assertThat(node.status("/health/live")).isEqualTo(200);
            assertThat(node.status("/api/v1/quotas")).isEqualTo(404);
        }
    }

    @Test
    void isNotReadyAndRefusesForNowWhileNoNodeServesQuotas() throws Exception {
        Map<String, String> settings = new HashMap<>(Map.of("QUOTA_ROLES", "quota", "LANES", "2"));
        engine.terminate();
        JsonObject root =
                new JsonObject().put("name", "n").put("type", "organization").put("total_mb", 1);
        Operations.Answer refused = operations.post(front, "/quotas/create", "alice", null, root);
        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.code()).isEqualTo("overloaded");
        assertThat(front.status("/health/live")).isEqualTo(200);
        while (front.ready()) {
            Thread.onSpinWait(); // an answer is kept for a second
        }
        engine.start(url, nodes, settings);
        engine.awaitReady();
        front.awaitReady();
        operations.root(front, 1);
    }
}
