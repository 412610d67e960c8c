package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Three nodes, each a JVM, on one database, and what may happen to them while clients are at work. With {@code
 * -Dcluster.long=true} (the profile {@code cluster-long}) freezes and partitions last half a minute, and all of it happens
 * several times. Requests go where their quota hashes to: each one may cross nodes.
 */
@Tag("alone")
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ClusterIT {
    private static final boolean LONG = Boolean.getBoolean("cluster.long");
    private static final long SEED = Long.getLong("cluster.seed", System.nanoTime());
    private static final int ROUNDS = LONG ? 3 : 1;
    private static final int SECONDS = LONG ? 30 : 5;
    private static final int CLIENTS = 6;
    private static final Map<String, String> SETTINGS = Map.of("CLUSTER_ROUTING", "hash", "LANES", "2");

    private final String url = TestDatabase.create();
    private final Node a = new Node("a", true);
    private final Node b = new Node("b", true);
    private final Node c = new Node("c", true);
    private final List<Node> nodes = List.of(a, b, c);
    private final NodeClient client = new NodeClient();
    private final List<String> quotas = new ArrayList<>();
    private final List<JournalingClients> loads = new ArrayList<>();

    @BeforeAll
    void start() throws Exception {
        for (Node node : nodes) {
            node.start(url, nodes, SETTINGS);
        }
        for (Node node : nodes) {
            node.awaitReady();
        }
        String root = client.root(a, 10_000_000);
        for (int i = 0; i < 5; i++) {
            String child = client.child(nodes.get(i % 3), root, 1_000_000);
            grant("grant", child, "bob");
            quotas.add(child);
        }
    }

    /** The clients of a test that failed would else disturb those after it. */
    @AfterEach
    void stopClients() throws Exception {
        for (JournalingClients load : loads) {
            load.stop();
        }
    }

    @AfterAll
    void stop() throws Exception {
        for (Node node : nodes) {
            node.close();
        }
    }

    private void grant(String what, String quota, String user) throws Exception {
        JsonObject body = new JsonObject().put("target_user_id", user).put("permissions", List.of("read"));
        client.done(a, "/quotas/" + quota + "/permissions/" + what, "alice", body);
    }

    private static JsonObject usage(String resource) {
        return new JsonObject().put("resource_id", resource).put("usage_mb", 1);
    }

    private JournalingClients load(String name, int patienceSeconds) {
        long seed = SEED + loads.size() * 100L;
        JournalingClients load =
                new JournalingClients(name, nodes, quotas, seed, Duration.ofSeconds(patienceSeconds)).start(CLIENTS);
        loads.add(load);
        return load;
    }

    /** Those that were stopped. */
    private void restart() throws Exception {
        for (Node node : nodes) {
            if (!node.runs()) {
                node.start(url, nodes, SETTINGS);
            }
        }
        for (Node node : nodes) {
            node.awaitReady();
        }
    }

    /** Ends the load, and holds what all clients so far wrote down against the database. */
    private void check(JournalingClients load) throws Exception {
        load.stop();
        assertThat(load.count(JournalingClients.Outcome.UNKNOWN)).as("%s", load).isZero();
        JournalCheck.check(url, loads.toArray(JournalingClients[]::new));
    }

    @Test
    @Order(1)
    void acceptsACredentialOnceOnWhateverNode() throws Exception {
        String credential = client.credential("alice");
        String path = "/quotas/" + quotas.get(0) + "/usage/allocate";
        assertThat(client.post(a, path, null, usage("once"), credential).status())
                .isEqualTo(200);
        for (Node node : nodes) {
            assertThat(client.post(node, path, null, usage("once"), credential).code())
                    .isEqualTo("credential_replayed");
        }
    }

    @Test
    @Order(2)
    void carriesAnIdempotentRequestOutOnceHoweverManyNodesGetItAtOnce() throws Exception {
        String path = "/quotas/" + quotas.get(1) + "/usage/allocate";
        AtomicInteger first = new AtomicInteger();
        LinkedBlockingQueue<String> usageIds = new LinkedBlockingQueue<>();
        List<CompletableFuture<Void>> sent = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            Node node = nodes.get(i % 3);
            sent.add(CompletableFuture.runAsync(() -> {
                try {
                    NodeClient.Answer answer = new NodeClient().post(node, path, "alice", "same-key", usage("same"));
                    assertThat(answer.status()).isEqualTo(200);
                    usageIds.add(answer.data().getString("usage_id"));
                    first.addAndGet(answer.replayed() ? 0 : 1);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)).join();
        assertThat(usageIds).hasSize(12);
        assertThat(usageIds.stream().distinct()).hasSize(1);
        assertThat(first).hasValue(1);
    }

    @Test
    @Order(3)
    void forgetsARevokedGrantOnEveryNodeAtOnce() throws Exception {
        String quota = quotas.get(2);
        for (int round = 0; round < 5; round++) {
            grant("grant", quota, "carol");
            for (Node node : nodes) { // each of them may cache it now
                assertThat(client.get(node, "/quotas/" + quota, "carol").status())
                        .isEqualTo(200);
            }
            grant("revoke", quota, "carol");
            for (Node node : nodes) {
                assertThat(client.get(node, "/quotas/" + quota, "carol").status())
                        .isEqualTo(403);
            }
        }
    }

    @Test
    @Order(4)
    void finishesWhatANodeHasWhenItIsStopped() throws Exception {
        JournalingClients load = load("stop", 12);
        for (int round = 0; round < ROUNDS; round++) {
            restart();
            load.awaitProgress(100);
            nodes.get((round + 2) % 3).terminate();
            load.awaitProgress(100);
        }
        check(load);
        assertThat(load.answered("no answer in time")).isZero();
        assertThat(load.answered("503 outcome_unknown")).isZero();
    }

    /** In the first round the node that was stopped before is down as well: one of three is left. */
    @Test
    @Order(5)
    void losesNothingAndDoublesNothingWhenANodeIsKilled() throws Exception {
        JournalingClients load = load("kill", 12);
        for (int round = 0; round < ROUNDS; round++) {
            load.awaitProgress(100);
            nodes.get((round + 1) % 3).kill();
            load.awaitProgress(100);
            restart();
        }
        check(load);
    }

    @Test
    @Order(6)
    void letsAFrozenNodeDoNoHarmWhenItComesBack() throws Exception {
        JournalingClients load = load("freeze", 4);
        for (int round = 0; round < ROUNDS; round++) {
            load.awaitProgress(100);
            Node node = nodes.get(round % 3);
            node.freeze();
            spend(SECONDS);
            load.awaitProgress(20);
            node.thaw();
            load.awaitProgress(100);
            node.awaitReady();
        }
        check(load);
    }

    @Test
    @Order(7)
    void staysCorrectWhenTheNodesLoseOneAnother() throws Exception {
        JournalingClients load = load("partition", 4);
        for (int round = 0; round < ROUNDS; round++) {
            load.awaitProgress(100);
            nodes.forEach(Node::cutOff);
            spend(SECONDS);
            load.awaitProgress(50);
            nodes.forEach(Node::mend);
            load.awaitProgress(100);
        }
        check(load);
        for (Node node : nodes) {
            node.awaitReady();
        }
    }

    /** How long a disturbance lasts is what the test is about: there is no condition to wait for. */
    private static void spend(int seconds) throws InterruptedException {
        Thread.sleep(seconds * 1_000L);
    }
}
