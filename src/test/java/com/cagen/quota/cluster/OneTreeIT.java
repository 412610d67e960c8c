package com.cagen.quota.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * 300 callers on one small tree, on one node and on three: nothing is ever over-allocated, and nothing is left when all is given
 * back. {@code -Dcallers.seconds=60} makes it longer.
 */
@Tag("alone")
@Tag("engine-independent")
class OneTreeIT {
    private static final Duration DURATION = Duration.ofSeconds(Long.getLong("callers.seconds", 5));
    private static final int CALLERS = 300;
    /** Deadlines are longer than a busy machine keeps a lock: whatever is refused, is refused for its figures. */
    private static final Map<String, String> SETTINGS = Map.of(
            "CLUSTER_ROUTING", "hash",
            "LANES", "2",
            "LOCK_TIMEOUT_MS", "25000",
            "STATEMENT_TIMEOUT_MS", "27000",
            "BUS_TIMEOUT_MS", "28000",
            "HTTP_TIMEOUT_MS", "29000");

    private static final int QUOTAS = 5;
    private static final long ROOT_MB = 1_000;
    private static final long CHILD_MB = 150;

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void nothingIsOverAllocatedAndNothingIsLeft(int count) throws Exception {
        long seed = System.nanoTime();
        System.out.println("Seed: " + seed);
        String url = TestDatabase.create();
        List<Node> nodes = IntStream.range(0, count)
                .mapToObj(i -> new Node("tree" + count + "-" + i, false))
                .toList();
        try {
            for (Node node : nodes) {
                node.start(url, nodes, SETTINGS);
            }
            for (Node node : nodes) {
                node.awaitReady();
            }
            NodeClient client = new NodeClient();
            String root = client.root(nodes.get(0), ROOT_MB);
            List<String> quotas = new ArrayList<>();
            for (int i = 0; i < QUOTAS; i++) {
                quotas.add(client.child(nodes.get(0), root, CHILD_MB));
            }
            TreeCallers callers = new TreeCallers(nodes, quotas, CHILD_MB);
            callers.run(CALLERS, DURATION, seed);
            System.out.println(count + " nodes: " + callers.answers());
            assertThat(callers.unexpected()).isEmpty();
            assertThat(callers.answers()).containsKeys("done", "409 insufficient_quota", "409 below_use");
            for (String quota : quotas) {
                RunningService.until("nothing is left", () -> isUnused(client, nodes.get(0), quota));
            }
            assertThat(quota(client, nodes.get(0), root).getLong("total_mb")).isEqualTo(ROOT_MB);
            Invariants.awaitSealed(url);
            Invariants.check(url);
        } finally {
            for (Node node : nodes) {
                node.close();
            }
        }
    }

    /** A reservation that was left to expire is ended a moment later. */
    private static boolean isUnused(NodeClient client, Node node, String quota) {
        JsonObject figures = quota(client, node, quota);
        return figures.getLong("used_mb") == 0 && figures.getLong("reserved_mb") == 0;
    }

    private static JsonObject quota(NodeClient client, Node node, String quota) {
        try {
            return client.get(node, "/quotas/" + quota, "alice").data();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
