package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.JarProcess;
import com.cagen.quota.testing.PreparedDataFolder;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar with a heap of 96 MB, and clients that want it to keep more than that. */
@Tag("engine-independent")
class SmallHeapIT {
    private static final int SOCKETS = 2_000;
    private static final int PAGES = 400;

    @TempDir
    Path folder;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final List<Socket> sockets = new ArrayList<>();
    private String base = "";

    @Test
    void outlivesClientsThatDoNotFinishRequestsAndDoNotReadAnswers() throws Exception {
        PreparedDataFolder.copyTo(folder.resolve("data"));
        Map<String, String> settings = Map.of(
                "PORT",
                "0",
                "HTTP_MAX_CONNECTIONS",
                "10000",
                "JAVA_TOOL_OPTIONS",
                "-Xmx96m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError");
        try (JarProcess service = new JarProcess(JarProcess.ownJava(), folder, settings)) {
            RunningService.until(
                    90, "the service has greeted", () -> service.output().contains("\"total_mb\":10000"));
            base = service.base();
            String quota = send(
                            "POST",
                            "/quotas/create",
                            new JsonObject()
                                    .put("name", "n")
                                    .put("type", "organization")
                                    .put("total_mb", 1_000_000))
                    .getString("id");

            String unfinished = "POST /api/v1/quotas/create HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n"
                    + "x".repeat(65_000);
            attack(quota, SOCKETS, i -> unfinished);

            String reason = "🙂".repeat(1_000);
            for (int i = 0; i < 100; i++) {
                send(
                        "POST",
                        "/quotas/" + quota + "/usage/allocate",
                        User.usage("long", 1).put("reason", reason));
            }
            attack(
                    quota,
                    PAGES,
                    i -> "GET /api/v1/quotas/" + quota + "/usage?limit=100 HTTP/1.1\r\nHost: a\r\nAuthorization: "
                            + authorization() + "\r\n\r\n");

            String heads = "GET / HTTP/1.1\r\nx: " + "y".repeat(8_000) + "\r\n" + "a:\r\n".repeat(190) + "b: "
                    + "y".repeat(7_000);
            attack(quota, SOCKETS, i -> heads);

            assertThat(service.output()).doesNotContain("java.lang.OutOfMemoryError");
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    private interface Bytes {
        String of(int number) throws Exception;
    }

    /** Opens sockets and sends something on each, reading nothing; others are served all the while, and afterwards. */
    private void attack(String quota, int count, Bytes bytes) throws Exception {
        URI uri = URI.create(base);
        int sent = 0;
        for (int i = 0; i < count; i++) {
            byte[] message = bytes.of(i).getBytes(StandardCharsets.ISO_8859_1);
            Socket socket = new Socket();
            socket.setReceiveBufferSize(4_096);
            socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()));
            sockets.add(socket);
            try {
                socket.getOutputStream().write(message);
                sent++;
            } catch (IOException e) {
                // closed in between: that is what the limit is for
            }
            if (i % 200 == 199) {
                isServed(quota, "during " + i);
            }
        }
        isServed(quota, "after");
        assertThat(sent).isGreaterThan(count / 4);
    }

    private void isServed(String quota, String resource) throws Exception {
        HttpRequest live =
                HttpRequest.newBuilder(URI.create(base + "/health/live")).build();
        assertThat(client.send(live, HttpResponse.BodyHandlers.ofString()).statusCode())
                .isEqualTo(200);
        assertThat(send("POST", "/quotas/" + quota + "/usage/allocate", User.usage(resource, 1))
                        .getLong("held_mb"))
                .isPositive();
    }

    private String authorization() throws IOException, InterruptedException {
        JsonObject credential = exchange(
                "POST",
                "/dev/credentials",
                new JsonObject().put("user_id", "alice").put("organization_id", "acme"),
                "");
        return "Cagen " + credential.getString("service_id") + ":" + credential.getString("encrypted_data");
    }

    /** The data of a success; alice asks. */
    private JsonObject send(String method, String path, JsonObject body) throws IOException, InterruptedException {
        return exchange(method, "/api/v1" + path, body, authorization());
    }

    private JsonObject exchange(String method, String path, JsonObject body, String authorization)
            throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).method(method, BodyPublishers.ofString(body.encode()));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        HttpResponse<String> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isIn(200, 201);
        return new JsonObject(answer.body()).getJsonObject("data");
    }
}
