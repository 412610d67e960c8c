package com.cagen.quota.cluster;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Measures how many operations a second one, two and three nodes carry out on one PostgreSQL, on one hot quota and on many, for
 * both ways to choose a node. Not a test: for docs/adr/0006. {@code TEST_DATABASE_URL} names a server with fsync on.
 */
final class Throughput {
    private static final int REQUESTS_IN_FLIGHT = 192;
    private static final int QUOTAS = 300;
    private static final int WARM_UP_SECONDS = Integer.getInteger("warm", 6);
    private static final int SECONDS = Integer.getInteger("seconds", 8);

    private final List<Node> nodes;
    private final List<String> quotas;
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final HttpClient client = vertx.createHttpClient(
            new HttpClientOptions().setKeepAlive(true), new PoolOptions().setHttp1MaxSize(REQUESTS_IN_FLIGHT));
    private final CredentialCipher credentials =
            new CredentialCipher("svc_cagen_quota", Base64.getDecoder().decode(TestConfig.KEY));
    private final AtomicLong done = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private volatile boolean stopping;
    private int next;

    private Throughput(List<Node> nodes, List<String> quotas) {
        this.nodes = nodes;
        this.quotas = quotas;
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println("nodes routing hot spread failed");
        for (String each : arguments) { // 1:local, 2:hash, …
            int count = Integer.parseInt(each.substring(0, 1));
            String routing = each.substring(2);
            String url = TestDatabase.create();
            List<Node> nodes = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                nodes.add(new Node("measured-" + i, false));
            }
            try {
                for (Node node : nodes) {
                    node.start(
                            url,
                            nodes,
                            Map.of("CLUSTER_ROUTING", routing, "LOG_LEVEL", "warn", "ENVIRONMENT", "development"));
                }
                for (Node node : nodes) {
                    node.awaitReady();
                }
                NodeClient client = new NodeClient();
                List<String> quotas = new ArrayList<>();
                for (int i = 0; i < QUOTAS; i++) {
                    quotas.add(client.root(nodes.get(0), 1_000_000_000));
                }
                long[] hot = new Throughput(nodes, quotas.subList(0, 1)).measure();
                long[] spread = new Throughput(nodes, quotas).measure();
                System.out.println(count + " " + routing + " " + hot[0] + " " + spread[0] + " " + (hot[1] + spread[1]));
            } finally {
                for (Node node : nodes) {
                    node.close();
                }
            }
        }
        System.exit(0);
    }

    private long[] measure() throws InterruptedException {
        vertx.runOnContext(ignored -> {
            for (int i = 0; i < REQUESTS_IN_FLIGHT; i++) {
                send(nodes.get(i % nodes.size()));
            }
        });
        Thread.sleep(WARM_UP_SECONDS * 1_000L);
        long before = done.get();
        Thread.sleep(SECONDS * 1_000L);
        long rate = (done.get() - before) / SECONDS;
        stopping = true;
        vertx.close().await();
        return new long[] {rate, failed.get()};
    }

    private void send(Node node) {
        if (stopping) {
            return;
        }
        int number = next++;
        String quota = quotas.get(number % quotas.size());
        JsonObject body =
                new JsonObject().put("resource_id", "r" + number % 1_000).put("usage_mb", 1);
        String credential = credentials.seal(
                new Caller(NodeClient.ORGANIZATION, "alice", "svc_cagen_quota", List.of()), System.currentTimeMillis());
        client.request(new RequestOptions()
                        .setMethod(HttpMethod.POST)
                        .setHost("127.0.0.1")
                        .setPort(node.httpPort)
                        .setURI("/api/v1/quotas/" + quota + "/usage/allocate"))
                .compose(request -> request.putHeader("Authorization", "Cagen svc_cagen_quota:" + credential)
                        .putHeader("Content-Type", "application/json")
                        .send(body.toBuffer()))
                .compose(response -> response.body().map(ignored -> response.statusCode()))
                .onComplete(result -> {
                    if (result.succeeded() && result.result() == 200) {
                        done.incrementAndGet();
                    } else if (!stopping) {
                        failed.incrementAndGet();
                    }
                    send(node);
                });
    }
}
