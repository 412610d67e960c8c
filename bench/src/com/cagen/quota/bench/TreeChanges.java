package com.cagen.quota.bench;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Resizes quotas of the load, and moves a tree of {@link #BELOW} quotas from one parent to the other, one after the other, until it
 * is closed.
 */
final class TreeChanges implements AutoCloseable {
    private static final int BELOW = 20;
    private static final long LEAST_MB = 8_000_000_000_000_000L;
    private static final String ORGANIZATION = ServiceProcess.organization(0);

    private final ServiceProcess service;
    private final List<String> parents = new ArrayList<>();
    private final String team;
    private final Thread thread = new Thread(this::run, "tree-changes");
    private final List<Long> resizedNanos = new ArrayList<>();
    private final List<Long> movedNanos = new ArrayList<>();
    private volatile boolean stopping;
    private volatile @Nullable Exception failure;

    /** Makes the tree, and begins. */
    TreeChanges(ServiceProcess service) throws Exception {
        this.service = service;
        JsonObject root =
                new JsonObject().put("name", "Tree").put("type", "organization").put("total_mb", 1_000);
        String rootId =
                service.call("POST", ORGANIZATION, "/quotas/create", root).getString("id");
        parents.add(child(rootId, 400));
        parents.add(child(rootId, 400));
        team = child(parents.get(0), 200);
        for (int i = 0; i < BELOW; i++) {
            child(team, 10);
        }
        thread.start();
    }

    private String child(String parent, long mb) throws Exception {
        JsonObject body = new JsonObject()
                .put("name", "Child")
                .put("type", "organization")
                .put("allocate_mb", mb)
                .put("admin_user_ids", new JsonArray());
        return service.call("POST", ORGANIZATION, "/quotas/" + parent + "/allocate", body)
                .getString("id");
    }

    private void run() {
        SplittableRandom random = new SplittableRandom();
        try {
            for (int i = 1; !stopping; i++) {
                int quota = random.nextInt(service.quotas.size());
                JsonObject size = new JsonObject().put("total_mb", LEAST_MB + random.nextInt(1_000_000));
                long start = System.nanoTime();
                service.call("PATCH", ServiceProcess.organization(quota), "/quotas/" + service.quotas.get(quota), size);
                resizedNanos.add(System.nanoTime() - start);
                JsonObject place = new JsonObject().put("parent_quota_id", parents.get(i % 2));
                start = System.nanoTime();
                service.call("POST", ORGANIZATION, "/quotas/" + team + "/move", place);
                movedNanos.add(System.nanoTime() - start);
            }
        } catch (Exception e) {
            failure = e;
        }
    }

    /** Says how many there were, and how long they took. */
    @Override
    public void close() throws Exception {
        stopping = true;
        thread.join();
        Exception failed = failure;
        if (failed != null) {
            throw failed;
        }
        print("resized", resizedNanos);
        print("moved " + (BELOW + 1) + " quotas", movedNanos);
    }

    private static void print(String what, List<Long> nanos) {
        List<Long> sorted = nanos.stream().sorted().toList();
        System.out.printf(
                "%s %d times: p50 %.1f ms, p99 %.1f ms%n",
                what,
                sorted.size(),
                sorted.get(sorted.size() / 2) / 1e6,
                sorted.get(Math.min(sorted.size() - 1, sorted.size() * 99 / 100)) / 1e6);
    }
}
