package com.cagen.quota.cluster;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.testing.TestConfig;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A client of the nodes. Not thread-safe, as credentials are not. */
final class NodeClient {
    static final String ORGANIZATION = "org_1";

    private final Duration patience;
    private final CredentialCipher credentials =
            new CredentialCipher("svc_cagen_quota", Base64.getDecoder().decode(TestConfig.KEY));
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build();

    NodeClient() {
        this(Duration.ofSeconds(12)); // the nodes give up earlier
    }

    /** @param patience with one request */
    NodeClient(Duration patience) {
        this.patience = patience;
    }

    /** An HTTP answer. */
    record Answer(int status, JsonObject body, boolean replayed) {
        String code() {
            return body.getString("code", "");
        }

        JsonObject data() {
            return body.getJsonObject("data");
        }
    }

    /** The value of an Authorization header, good for one request. */
    String credential(String user) {
        return "Cagen svc_cagen_quota:"
                + credentials.seal(
                        new Caller(ORGANIZATION, user, "svc_cagen_quota", List.of()), System.currentTimeMillis());
    }

    Answer post(Node node, String path, String user, @Nullable String key, JsonObject body)
            throws IOException, InterruptedException {
        return post(node, path, key, body, credential(user));
    }

    Answer post(Node node, String path, @Nullable String key, JsonObject body, String credential)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(node.uri("/api/v1" + path))
                .timeout(patience)
                .header("Content-Type", "application/json")
                .header("Authorization", credential)
                .POST(HttpRequest.BodyPublishers.ofString(body.encode()));
        if (key != null) {
            request.header("Idempotency-Key", key);
        }
        return answer(client.send(request.build(), HttpResponse.BodyHandlers.ofString()));
    }

    Answer get(Node node, String path, String user) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(node.uri("/api/v1" + path))
                .timeout(patience)
                .header("Authorization", credential(user))
                .build();
        return answer(client.send(request, HttpResponse.BodyHandlers.ofString()));
    }

    private static Answer answer(HttpResponse<String> response) {
        return new Answer(
                response.statusCode(),
                new JsonObject(response.body()),
                response.headers().firstValue("Idempotent-Replayed").isPresent());
    }

    /** The data of what must succeed. */
    JsonObject done(Node node, String path, String user, JsonObject body) throws IOException, InterruptedException {
        Answer answer = post(node, path, user, null, body);
        if (answer.status() != 200 && answer.status() != 201) {
            throw new AssertionError(answer);
        }
        return answer.data();
    }

    /** The id of a new root quota of {@code alice}. */
    String root(Node node, long totalMb) throws IOException, InterruptedException {
        return done(
                        node,
                        "/quotas/create",
                        "alice",
                        new JsonObject()
                                .put("name", "root")
                                .put("type", "organization")
                                .put("total_mb", totalMb))
                .getString("id");
    }

    /** The id of a new child. */
    String child(Node node, String parent, long mb) throws IOException, InterruptedException {
        return done(
                        node,
                        "/quotas/" + parent + "/allocate",
                        "alice",
                        new JsonObject()
                                .put("name", "child")
                                .put("type", "organization")
                                .put("allocate_mb", mb))
                .getString("id");
    }
}
