package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.bus.Addresses;
import com.cagen.quota.bus.Cluster;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.OperationType;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Nodes that share the work: one serves HTTP and has no database, one the quotas, one the audit trail and the auth service. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolesIT {
    private final String url = TestDatabase.create();
    private static final boolean LONG = Boolean.getBoolean("cluster.long");

    private final Node front = new Node("front", LONG);
    private final Node engine = new Node("engine", LONG);
    private final Node back = new Node("back", LONG);
    private final List<Node> nodes = List.of(front, engine, back);
    private final Operations operations = new Operations();

    @BeforeAll
    void start() throws Exception {
        front.start("", nodes, Map.of("QUOTA_ROLES", "http", "HTTP_INSTANCES", "2"));
        engine.start(url, nodes, Map.of("QUOTA_ROLES", "quota", "LANES", "2"));
        front.awaitReady(); // it hears the engine
        assertThat(engine.ready())
                .as("ready without a node that asks the auth service")
                .isFalse();
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
        Invariants.awaitEmptyOutbox(url);
        assertThat(operations
                        .get(front, "/quotas/" + quota + "/audit", "alice")
                        .data()
                        .getJsonArray("entries"))
                .hasSize(4);
    }

    @Test
    void answersAMemberOfTheClusterAndTellsItOfEachChangeOnceAndInOrder() throws Exception {
        Vertx member = Cluster.join(
                        Vertx.builder(),
                        new VertxOptions(),
                        new Config.Cluster(
                                Node.clusterName(nodes),
                                "127.0.0.1",
                                Node.freePort(),
                                0,
                                nodes.stream().map(Node::address).toList(),
                                null,
                                Config.Routing.LOCAL,
                                null))
                .await()
                .vertx();
        try {
            Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
            member.eventBus()
                    .<JsonObject>consumer(Addresses.EVENTS, message -> events.add(message.body()))
                    .completion()
                    .await();
            String quota = operations.root(front, 1_000);
            for (int i = 1; i <= 5; i++) {
                String credential = operations.credential("alice");
                JsonObject body = new JsonObject()
                        .put("service_id", "svc_cagen_quota")
                        .put("encrypted_data", credential.substring(credential.lastIndexOf(':') + 1))
                        .put("quota_id", quota)
                        .put("resource_id", "r")
                        .put("usage_mb", 1);
                Object data = member.eventBus()
                        .request(Addresses.of(OperationType.USAGE_ALLOCATE), body)
                        .await()
                        .body();
                assertThat(((JsonObject) data).getInteger("used_mb")).isEqualTo(i);
            }
            operations.done(front, "/quotas/" + quota + "/suspend", "alice", new JsonObject());
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (events.stream().noneMatch(event -> "quota.suspend".equals(event.getString("type")))) {
                assertThat(System.nanoTime()).as("waited in vain").isLessThan(deadline);
                Thread.onSpinWait();
            }
            assertThat(events.stream()
                            .filter(event -> quota.equals(event.getString("quota_id")))
                            .map(event -> event.getLong("version")))
                    .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);
        } finally {
            member.close().await();
        }
    }

    @Test
    void servesHealthAlsoWhereThereIsNoFrontDoorAndNothingElse() throws Exception {
        for (Node node : List.of(engine, back)) {
            assertThat(node.status("/health/live")).isEqualTo(200);
            assertThat(node.status("/api/v1/quotas")).isEqualTo(404);
        }
    }

    /** Takes up to a minute: parts of a cluster look for one another every fifteen seconds. */
    @Test
    @EnabledIfSystemProperty(named = "cluster.long", matches = "true")
    void findsTheOthersAgainAfterAPartition() throws Exception {
        nodes.forEach(Node::cutOff);
        while (front.ready()) {
            Thread.onSpinWait();
        }
        // Long enough for each to take the others for dead.
        Thread.sleep(10_000);
        nodes.forEach(Node::mend);
        for (Node node : nodes) {
            node.awaitReady();
        }
        String quota = operations.root(front, 1_000);
        JsonObject grant = new JsonObject().put("target_user_id", "bob").put("permissions", List.of("read"));
        operations.done(front, "/quotas/" + quota + "/permissions/grant", "alice", grant);
        Invariants.awaitEmptyOutbox(url);
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
