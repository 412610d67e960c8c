package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.client.QuotaClient;
import com.cagen.quota.client.QuotaClientOptions;
import com.cagen.quota.client.QuotaRequest;
import com.cagen.quota.client.Usage;
import com.cagen.quota.client.User;
import com.cagen.quota.examples.ClusterMember;
import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.testing.BridgeClient;
import com.cagen.quota.testing.FreePorts;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Nodes that share the work: one serves HTTP and has no database, one the quotas, one the audit trail and the auth service. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolesIT {
    private final String url = TestDatabase.create();
    private static final int PATIENCE_SECONDS = 60;
    private static final boolean LONG = Boolean.getBoolean("cluster.long");

    private static final Map<String, String> ENGINE = Map.ofEntries(
            Map.entry("QUOTA_ROLES", "quota"),
            Map.entry("LANES", "2"),
            // Minutes: what ends earlier was not ended by a timeout.
            Map.entry("LOCK_TIMEOUT_MS", "200000"),
            Map.entry("STATEMENT_TIMEOUT_MS", "250000"),
            Map.entry("BUS_TIMEOUT_MS", "300000"),
            Map.entry("HTTP_TIMEOUT_MS", "400000"));

    private final Node front = new Node("front", LONG);
    private final Node engine = new Node("engine", LONG);
    private final Node back = new Node("back", LONG);
    private final List<Node> nodes = List.of(front, engine, back);
    private final int bridgePort = FreePorts.next();
    private final NodeClient nodeClient = new NodeClient();

    @BeforeAll
    void start() throws Exception {
        Map<String, String> door = new HashMap<>(ENGINE);
        door.putAll(Map.of("QUOTA_ROLES", "http", "HTTP_INSTANCES", "2"));
        door.put("BRIDGE_TCP_PORT", Integer.toString(bridgePort));
        front.start("", nodes, door);
        engine.start(url, nodes, ENGINE);
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
        String quota = nodeClient.root(front, 1_000);
        JsonObject grant = new JsonObject().put("target_user_id", "bob").put("permissions", List.of("read"));
        nodeClient.done(front, "/quotas/" + quota + "/permissions/grant", "alice", grant);
        JsonObject usage = new JsonObject().put("resource_id", "r").put("usage_mb", 100);
        assertThat(nodeClient
                        .done(front, "/quotas/" + quota + "/usage/allocate", "bob", usage)
                        .getInteger("used_mb"))
                .isEqualTo(100);
        NodeClient.Answer refused =
                nodeClient.post(front, "/quotas/" + quota + "/usage/allocate", "bob", null, usage.put("usage_mb", 901));
        assertThat(refused.code()).isEqualTo("insufficient_quota");
        assertThat(refused.body().getJsonObject("details").getInteger("short_by_mb"))
                .isEqualTo(1);
        Invariants.awaitSealed(url);
        assertThat(nodeClient
                        .get(front, "/quotas/" + quota + "/audit", "alice")
                        .data()
                        .getJsonArray("entries"))
                .hasSize(4);
    }

    /** Somebody else's verticle. */
    private Vertx member() {
        List<String> members = nodes.stream().map(Node::address).toList();
        return ClusterMember.join(
                        Node.clusterName(nodes), "127.0.0.1", FreePorts.next(), members, new EventBusOptions())
                .await();
    }

    /** Lets transactions wait for the quota until it is closed. */
    private Connection lock(String quota) throws SQLException {
        Connection connection = TestDatabase.connect(url);
        connection.setAutoCommit(false);
        try (var statement = connection.prepareStatement("SELECT FROM quota.quotas WHERE id = ? FOR UPDATE")) {
            statement.setString(1, quota);
            statement.execute();
        }
        return connection;
    }

    /** Waits until so many transactions wait for a row. */
    private void awaitWaiting(int transactions) throws Exception {
        try (Connection connection = TestDatabase.connect(url);
                var statement = connection.prepareStatement(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")) {
            RunningService.until(PATIENCE_SECONDS, transactions + " transactions wait", () -> {
                try (var rows = statement.executeQuery()) {
                    return rows.next() && rows.getInt(1) >= transactions;
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
    }

    @Test
    void endsAtOnceWhatAKilledNodeHad() throws Exception {
        String quota = nodeClient.root(front, 1_000);
        JsonObject usage = new JsonObject().put("resource_id", "r").put("usage_mb", 1);
        String path = "/quotas/" + quota + "/usage/allocate";
        try (Connection locked = lock(quota)) {
            CompletableFuture<NodeClient.Answer> sent = CompletableFuture.supplyAsync(() -> {
                try {
                    return new NodeClient(Duration.ofSeconds(PATIENCE_SECONDS))
                            .post(front, path, "alice", "key", usage);
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            awaitWaiting(1);
            engine.kill();
            NodeClient.Answer answer = sent.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(answer.status()).isEqualTo(503);
            assertThat(answer.code()).isEqualTo("outcome_unknown");
            locked.rollback();
        }
        engine.start(url, nodes, ENGINE);
        engine.awaitReady();
        front.awaitReady();
        assertThat(nodeClient.post(front, path, "alice", "key", usage).data().getInteger("used_mb"))
                .isEqualTo(1);
    }

    @Test
    void repeatsForItsCallerWhatAKilledNodeHad() throws Exception {
        Node other = new Node("other", false);
        Vertx member = member();
        try {
            other.start(url, nodes, ENGINE);
            other.awaitReady();
            String quota = nodeClient.root(front, 1_000);
            QuotaClient client =
                    QuotaClient.create(member, new QuotaClientOptions(TestConfig.KEY).withTimeoutMillis(300_000));
            List<Future<Usage>> sent = new ArrayList<>();
            try (Connection locked = lock(quota)) {
                // They take turns, so that either node has one.
                for (int i = 0; i < 6; i++) {
                    QuotaRequest.AllocateUsage usage = new QuotaRequest.AllocateUsage(quota, "r" + i, 1);
                    sent.add(client.send(new User("alice", NodeClient.ORGANIZATION), usage));
                }
                awaitWaiting(2);
                other.kill();
                locked.rollback();
            }
            Future.all(sent).await(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(nodeClient.get(front, "/quotas/" + quota, "alice").data().getInteger("used_mb"))
                    .isEqualTo(6);
        } finally {
            member.close().await();
            other.close();
        }
    }

    /** What a client of a bridge registers with. */
    private JsonObject headers(String user) {
        String credential = nodeClient.credential(user);
        return new JsonObject()
                .put("service_id", "svc_cagen_quota")
                .put("encrypted_data", credential.substring(credential.lastIndexOf(':') + 1));
    }

    @Test
    void tellsABridgesClientOfWhatItsUserSeesThoughTheBridgesNodeHasNoDatabase() throws Exception {
        try (BridgeClient carl = BridgeClient.registered(bridgePort, headers("carl"));
                BridgeClient alice = BridgeClient.registered(bridgePort, headers("alice"))) {
            String quota = nodeClient.root(front, 1_000);
            JsonObject usage = new JsonObject().put("resource_id", "r").put("usage_mb", 100);
            nodeClient.done(front, "/quotas/" + quota + "/usage/allocate", "alice", usage);
            // An event goes to whoever sees its quota when it is published. Once alice has this one, carl gets it no
            // more.
            JsonObject allocated;
            do {
                allocated = alice.event();
            } while (!quota.equals(allocated.getString("quota_id"))
                    || !"usage.allocate".equals(allocated.getString("type")));
            JsonObject grant = new JsonObject().put("target_user_id", "carl").put("permissions", List.of("read"));
            nodeClient.done(front, "/quotas/" + quota + "/permissions/grant", "alice", grant);
            JsonObject event = carl.event();
            assertThat(event.getString("type")).isEqualTo("permission.grant");
            assertThat(event.getString("quota_id")).isEqualTo(quota);
        }
    }

    @Test
    void answersAMemberOfTheClusterAndTellsItOfEachChangeOnceAndInOrder() throws Exception {
        Vertx member = member();
        try {
            Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
            member.eventBus()
                    .<JsonObject>consumer(Addresses.EVENTS, message -> events.add(message.body()))
                    .completion()
                    .await();
            String quota = nodeClient.root(front, 1_000);
            for (int i = 1; i <= 5; i++) {
                JsonObject body = headers("alice")
                        .put("quota_id", quota)
                        .put("resource_id", "r")
                        .put("usage_mb", 1);
                Object data = member.eventBus()
                        .request(Addresses.of("usage.allocate"), body)
                        .await()
                        .body();
                assertThat(((JsonObject) data).getInteger("used_mb")).isEqualTo(i);
            }
            nodeClient.done(front, "/quotas/" + quota + "/suspend", "alice", new JsonObject());
            RunningService.until("the last change is told", () -> events.stream()
                    .anyMatch(event -> "quota.suspend".equals(event.getString("type"))));
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
        front.awaitNotReady();
        // Long enough for each to take the others for dead.
        Thread.sleep(10_000);
        nodes.forEach(Node::mend);
        for (Node node : nodes) {
            node.awaitReady();
        }
        String quota = nodeClient.root(front, 1_000);
        JsonObject grant = new JsonObject().put("target_user_id", "bob").put("permissions", List.of("read"));
        nodeClient.done(front, "/quotas/" + quota + "/permissions/grant", "alice", grant);
        Invariants.awaitSealed(url);
    }

    @Test
    void isNotReadyAndRefusesForNowWhileNoNodeServesQuotas() throws Exception {
        engine.terminate();
        JsonObject root =
                new JsonObject().put("name", "n").put("type", "organization").put("total_mb", 1);
        NodeClient.Answer refused = nodeClient.post(front, "/quotas/create", "alice", null, root);
        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.code()).isEqualTo("overloaded");
        assertThat(front.status("/health/live")).isEqualTo(200);
        front.awaitNotReady();
        engine.start(url, nodes, ENGINE);
        engine.awaitReady();
        front.awaitReady();
        nodeClient.root(front, 1);
    }
}
