package com.cagen.quota.cluster;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.testing.TestConfig;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Many callers at once on one small tree, each with one request under way: usage, reservations and their ends, resizing up and down,
 * transfers. Each knows what it holds, from the answers, and gives it back in the end.
 */
final class TreeCallers {
    private static final int SHORT_TTL_SECONDS = 1;

    private final List<Node> nodes;
    private final List<String> quotas;
    private final long totalMb;
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ConcurrentMap<String, Integer> answers = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<String> unexpected = new ConcurrentLinkedQueue<>();

    /**
     * @param quotas children of one root
     * @param totalMb what each child has in the beginning
     */
    TreeCallers(List<Node> nodes, List<String> quotas, long totalMb) {
        this.nodes = nodes;
        this.quotas = quotas;
        this.totalMb = totalMb;
    }

    /** How often each kind of answer came. */
    Map<String, Integer> answers() {
        return answers;
    }

    /** Answers that no caller should get, and figures that cannot be. */
    List<String> unexpected() {
        return List.copyOf(unexpected);
    }

    /** Returns when all have given back what they held. */
    void run(int callers, Duration duration, long seed) {
        long until = System.nanoTime() + duration.toNanos();
        List<CompletableFuture<Void>> running = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            OneCaller caller = new OneCaller(i, new Random(seed + i), until);
            caller.next();
            running.add(caller.done);
        }
        CompletableFuture.allOf(running.toArray(CompletableFuture[]::new)).join();
    }

    private record Hold(String quota, String reservation, long mb) {}

    /** What to do with the data of a success. */
    private interface Then {
        void accept(JsonObject data);
    }

    private final class OneCaller {
        final CompletableFuture<Void> done = new CompletableFuture<>();
        private final CredentialCipher credentials =
                new CredentialCipher("svc_cagen_quota", Base64.getDecoder().decode(TestConfig.KEY));
        private final String resource;
        private final Random random;
        private final long until;
        private final Map<String, Long> heldMb = new HashMap<>();
        private final List<Hold> holds = new ArrayList<>();

        OneCaller(int number, Random random, long until) {
            this.resource = "res_" + number;
            this.random = random;
            this.until = until;
        }

        void next() {
            if (System.nanoTime() - until > 0) {
                giveBack();
                return;
            }
            String quota = quotas.get(random.nextInt(quotas.size()));
            switch (random.nextInt(8)) {
                case 0, 1 -> take(quota, 1 + random.nextInt(4));
                case 2 -> reserve(quota, 1 + random.nextInt(4));
                case 3, 4 -> endOne();
                case 5 -> resize(quota);
                case 6 -> transfer(quota);
                default -> giveBackOne();
            }
        }

        private void take(String quota, long mb) {
            send("POST", quota, "/usage/allocate", usage(mb), ignored -> heldMb.merge(quota, mb, Long::sum));
        }

        private void reserve(String quota, long mb) {
            JsonObject body = new JsonObject().put("resource_id", resource).put("reserve_mb", mb);
            if (random.nextInt(5) == 0) {
                body.put("ttl_seconds", SHORT_TTL_SECONDS);
            }
            send(
                    "POST",
                    quota,
                    "/reservations",
                    body,
                    data -> holds.add(new Hold(quota, data.getString("reservation_id"), mb)));
        }

        private void endOne() {
            if (holds.isEmpty()) {
                take(quotas.get(0), 1);
                return;
            }
            Hold hold = holds.remove(random.nextInt(holds.size()));
            if (random.nextBoolean()) {
                cancel(hold);
                return;
            }
            long mb = random.nextLong(1, hold.mb + 1);
            send(
                    "POST",
                    hold.quota,
                    "/reservations/" + hold.reservation + "/commit",
                    new JsonObject().put("usage_mb", mb),
                    ignored -> heldMb.merge(hold.quota, mb, Long::sum));
        }

        private void cancel(Hold hold) {
            send("POST", hold.quota, "/reservations/" + hold.reservation + "/cancel", new JsonObject(), ignored -> {});
        }

        private void resize(String quota) {
            long mb = totalMb / 2 + random.nextLong(totalMb);
            send("PATCH", quota, "", new JsonObject().put("total_mb", mb), ignored -> {});
        }

        private void transfer(String quota) {
            String other = quotas.get(random.nextInt(quotas.size()));
            if (other.equals(quota)) {
                resize(quota);
                return;
            }
            JsonObject body = new JsonObject().put("to_quota_id", other).put("transfer_mb", 1 + random.nextInt(8));
            send("POST", quota, "/transfer", body, ignored -> {});
        }

        private void giveBackOne() {
            Map.Entry<String, Long> held = heldMb.entrySet().stream().findAny().orElse(null);
            if (held == null) {
                take(quotas.get(0), 1);
            } else {
                giveBack(held.getKey(), random.nextLong(1, held.getValue() + 1));
            }
        }

        private void giveBack(String quota, long mb) {
            send("POST", quota, "/usage/deallocate", usage(mb), ignored -> {
                heldMb.merge(quota, -mb, Long::sum);
                heldMb.values().removeIf(left -> left == 0);
            });
        }

        /** All that is left, one after the other. */
        private void giveBack() {
            if (!holds.isEmpty()) {
                cancel(holds.remove(0));
            } else if (!heldMb.isEmpty()) {
                Map.Entry<String, Long> held = heldMb.entrySet().iterator().next();
                giveBack(held.getKey(), held.getValue());
            } else {
                done.complete(null);
            }
        }

        private JsonObject usage(long mb) {
            return new JsonObject().put("resource_id", resource).put("usage_mb", mb);
        }

        private void send(String method, String quota, String path, JsonObject body, Then then) {
            Node node = nodes.get(random.nextInt(nodes.size()));
            HttpRequest request = HttpRequest.newBuilder(node.uri("/api/v1/quotas/" + quota + path))
                    .timeout(Duration.ofSeconds(30))
                    .header("Content-Type", "application/json")
                    .header("Authorization", authorization())
                    .method(method, HttpRequest.BodyPublishers.ofString(body.encode()))
                    .build();
            client.sendAsync(request, HttpResponse.BodyHandlers.ofString()).whenComplete((response, failure) -> {
                try {
                    answered(method + " " + path + " " + body, response, failure, then);
                    next();
                } catch (RuntimeException e) {
                    unexpected.add(e.toString());
                    done.complete(null);
                }
            });
        }

        private String authorization() {
            Caller alice = new Caller(NodeClient.ORGANIZATION, "alice", "svc_cagen_quota", List.of());
            return "Cagen svc_cagen_quota:" + credentials.seal(alice, System.currentTimeMillis());
        }
    }

    private void answered(
            String request, @Nullable HttpResponse<String> response, @Nullable Throwable failure, Then then) {
        if (response == null) {
            throw new IllegalStateException(request + ": no answer", failure);
        }
        JsonObject answer = new JsonObject(response.body());
        String kind = response.statusCode() < 300 ? "done" : response.statusCode() + " " + answer.getString("code");
        answers.merge(kind, 1, Integer::sum);
        if (kind.equals("done")) {
            JsonObject data = answer.getJsonObject("data");
            if (data.getLong("available_mb", 0L) < 0) {
                unexpected.add(request + ": " + data);
            }
            then.accept(data);
        } else if (response.statusCode() != 409) {
            unexpected.add(request + ": " + response.body());
        }
    }
}
