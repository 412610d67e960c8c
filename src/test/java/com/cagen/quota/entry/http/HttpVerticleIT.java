package com.cagen.quota.entry.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.ContractChecker;
import com.cagen.quota.testing.FrontDoor;
import com.cagen.quota.testing.RunningService;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** The HTTP door on a real port, with a lane behind it that does as each test says. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HttpVerticleIT {
    private static final String USAGE = "/api/v1/quotas/quota_1/usage/allocate";
    private static final Answer.Success DONE = new Answer.Success("Done.", "{\"a\":1}", false);

    private final HttpClient client = HttpClient.newHttpClient();
    private final ContractChecker contract = new ContractChecker();
    private final FrontDoor door;

    HttpVerticleIT() throws Exception {
        door = new FrontDoor(Config.Environment.DEVELOPMENT, 5_000, 10_000);
    }

    private record Reply(int status, MultiMap headers, String text) {
        JsonObject json() {
            return new JsonObject(text);
        }

        String code() {
            return json().getString("code");
        }
    }

    @BeforeAll
    void start() {
        assertThat(door.port).isPositive();
    }

    @BeforeEach
    void reset() {
        door.requests.clear();
        door.refusals.clear();
        door.lane = request -> Future.succeededFuture(DONE);
    }

    @AfterAll
    void stop() {
        door.close();
    }

    private Reply send(String method, String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + door.port + path))
                .method(
                        method,
                        body.isEmpty()
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        MultiMap received = MultiMap.caseInsensitiveMultiMap();
        response.headers().map().forEach(received::add);
        int query = path.indexOf('?');
        String plain = query < 0 ? path : path.substring(0, query);
        // The lane of these tests makes no real data: only errors are checked against the document.
        if (response.statusCode() >= 400) {
            contract.check(method, plain, response.statusCode(), received, response.body());
        }
        return new Reply(response.statusCode(), received, response.body());
    }

    private String authorization() {
        return "Cagen " + FrontDoor.SERVICE + ":" + door.seal(0);
    }

    private Reply authorized(String method, String path, String body, String... headers) throws Exception {
        List<String> all = new ArrayList<>(List.of(headers));
        all.addAll(List.of("Authorization", authorization()));
        return send(method, path, body, all.toArray(String[]::new));
    }

    private static JsonObject usage() {
        return new JsonObject().put("resource_id", "res_1").put("usage_mb", 5);
    }

    private Request taken() throws InterruptedException {
        Request request = door.requests.poll(5, TimeUnit.SECONDS);
        assertThat(request).as("nothing reached the lane").isNotNull();
        return request;
    }

    @Test
    void handsARequestToItsLaneAndWrapsTheAnswer() throws Exception {
        Reply reply = authorized("POST", USAGE, usage().encode(), "X-Request-ID", "my-request.1");
        assertThat(reply.status).isEqualTo(200);
        assertThat(reply.text).isEqualTo("{\"success\":true,\"message\":\"Done.\",\"data\":{\"a\":1}}");
        assertThat(reply.headers.get("X-Request-ID")).isEqualTo("my-request.1");
        assertThat(reply.headers.get("Content-Type")).isEqualTo("application/json");
        assertThat(reply.headers.contains("Idempotent-Replayed")).isFalse();
        Request request = taken();
        assertThat(request.requestId()).isEqualTo("my-request.1");
        assertThat(request.caller()).isEqualTo(new Caller("org_1", "user_1", FrontDoor.SERVICE, List.of("team_dev")));
        assertThat(request.command()).isEqualTo(new AllocateUsage.Command("quota_1", "res_1", 5, null));
        assertThat(request.idempotencyKey()).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "POST|/quotas/create|{\"name\":\"n\",\"type\":\"organization\",\"total_mb\":1}|quota.create|201",
                "POST|/quotas/q/allocate|{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":1}|quota.allocate|201",
                "POST|/quotas/q/release|''|quota.release|200",
                "DELETE|/quotas/q|''|quota.release|200",
                "POST|/quotas/q/suspend|{\"reason\":\"r\"}|quota.suspend|200",
                "POST|/quotas/q/resume|''|quota.resume|200",
                "GET|/quotas/q|''|quota.get|200",
                "GET|/quotas?page=2&status=active|''|quota.list|200",
                "POST|/quotas/q/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":1}|usage.allocate|200",
                "POST|/quotas/q/usage/deallocate|{\"resource_id\":\"r\",\"usage_mb\":1}|usage.deallocate|200",
                "GET|/quotas/q/usage?limit=5|''|usage.history|200",
                "GET|/runtime-usage|''|usage.runtimes|200",
                "POST|/quotas/q/permissions/grant|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}|permission.grant|200",
                "POST|/quotas/q/permissions/revoke|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}|permission.revoke|200",
                "GET|/quotas/q/audit?order=desc|''|audit.list|200",
            })
    void hasEveryOperation(String method, String path, String body, String operation, int status) throws Exception {
        Reply reply = authorized(method, "/api/v1" + path, body);
        assertThat(reply.status).as(reply.text).isEqualTo(status);
        Request request = taken();
        assertThat(request.operation().text()).isEqualTo(operation);
        if (request.command().quotaId() != null) {
            assertThat(request.command().quotaId()).isEqualTo("q");
        }
    }

    @Test
    void takesCredentialsFromBodyQueryAndHeader() throws Exception {
        JsonObject body = usage().put("service_id", FrontDoor.SERVICE).put("encrypted_data", door.seal(0));
        assertThat(send("POST", USAGE, body.encode()).status).isEqualTo(200);
        body = new JsonObject().put("service_id", FrontDoor.SERVICE).put("encrypted_data", door.seal(0));
        assertThat(send("DELETE", "/api/v1/quotas/q", body.encode()).status).isEqualTo(200);
        String encoded = URLEncoder.encode(door.seal(0), StandardCharsets.UTF_8);
        assertThat(send("GET", "/api/v1/quotas/q?service_id=svc_test&encrypted_data=" + encoded, "").status)
                .isEqualTo(200);
        assertThat(send("GET", "/api/v1/quotas/q?service_id=svc_test&encrypted_data=" + door.seal(0), "").status)
                .as("not percent-encoded")
                .isEqualTo(200);
        assertThat(send("GET", "/api/v1/quotas/q", "", "Authorization", "cagen svc_test:" + door.seal(0)).status)
                .isEqualTo(200);
    }

    @Test
    void refusesEveryBadCredentialAlike() throws Exception {
        String id = "same";
        List<Reply> replies = List.of(
                send("POST", USAGE, "{}", "X-Request-ID", id),
                send("POST", USAGE, "{}", "X-Request-ID", id, "Authorization", "Bearer abc"),
                send("POST", USAGE, "{}", "X-Request-ID", id, "Authorization", "Cagen nothing"),
                send("POST", USAGE, "{}", "X-Request-ID", id, "Authorization", "Cagen other:" + door.seal(0)),
                send("POST", USAGE, "{}", "X-Request-ID", id, "Authorization", "Cagen svc_test:AAAA" + door.seal(0)),
                send("POST", USAGE, "{\"service_id\":5,\"encrypted_data\":[]}", "X-Request-ID", id),
                send("GET", "/api/v1/quotas?page=x", "", "X-Request-ID", id),
                send("POST", USAGE + "?service_id=svc_test&encrypted_data=" + door.seal(0), "{}", "X-Request-ID", id));
        assertThat(replies).allSatisfy(reply -> {
            assertThat(reply.status).isEqualTo(401);
            assertThat(reply.text).isEqualTo(replies.get(0).text);
        });
        assertThat(replies.get(0).code()).isEqualTo("invalid_credential");
        assertThat(door.requests).isEmpty();
        assertThat(door.metrics.scrape()).contains("cagen_quota_credentials_refused_total");
    }

    @Test
    void recordsAnExpiredCredential() throws Exception {
        Reply reply = send("POST", USAGE, "{}", "Authorization", "Cagen svc_test:" + door.seal(301_000));
        assertThat(reply.status).isEqualTo(401);
        assertThat(reply.code()).isEqualTo("credential_expired");
        AuditEntry entry = door.refusals.poll(5, TimeUnit.SECONDS);
        assertThat(entry).isNotNull();
        assertThat(entry.action()).isEqualTo("credential.use");
        assertThat(entry.outcome()).isEqualTo("refused");
        assertThat(entry.organizationId()).isEqualTo("org_1");
        assertThat(entry.actorUserId()).isEqualTo("user_1");
        assertThat(entry.quotaId()).isEqualTo("quota_1");
        assertThat(new JsonObject(entry.details()).getString("code")).isEqualTo("credential_expired");
        assertThat(entry.requestId()).isEqualTo(reply.headers.get("X-Request-ID"));
        assertThat(entry.createdAt()).isEqualTo(entry.createdAt().truncatedTo(ChronoUnit.MICROS));
    }

    @Test
    void refusesCredentialsInTwoPlaces() throws Exception {
        JsonObject body = usage().put("service_id", FrontDoor.SERVICE).put("encrypted_data", door.seal(0));
        assertThat(authorized("POST", USAGE, body.encode()).code()).isEqualTo("invalid_request");
        assertThat(authorized("GET", "/api/v1/quotas?service_id=a&encrypted_data=b", "").status)
                .isEqualTo(400);
        assertThat(send(
                                "POST",
                                USAGE + "?encrypted_data=x",
                                body.put("encrypted_data", door.seal(0)).encode())
                        .status)
                .isEqualTo(400);
        assertThat(send("POST", USAGE, body.encode(), "Authorization", "Cagen svc_test:AAAA").status)
                .as("but only when the header's opens")
                .isEqualTo(401);
    }

    @Test
    void checksInTheOrderOfTheContract() throws Exception {
        String large = "{\"a\":\"" + "x".repeat(70_000) + "\"}";
        assertThat(send("PUT", USAGE, large, "Content-Type", "text/plain").status)
                .isEqualTo(405);
        assertThat(send("POST", USAGE, large, "Content-Type", "text/plain").status)
                .isEqualTo(413);
        assertThat(send("POST", USAGE, "not json", "Content-Type", "text/plain").status)
                .isEqualTo(415);
        assertThat(send("POST", USAGE, "not json").status).isEqualTo(400);
        assertThat(send("POST", USAGE, "{\"usage_mb\":0}").status).isEqualTo(401);
        assertThat(authorized("POST", USAGE, "{\"usage_mb\":0}").status).isEqualTo(400);
        assertThat(door.requests).isEmpty();
    }

    @Test
    void namesEveryViolation() throws Exception {
        Reply reply = authorized("POST", USAGE, "{\"usage_mb\":0}");
        assertThat(reply.status).isEqualTo(400);
        JsonArray violations = reply.json().getJsonObject("details").getJsonArray("violations");
        assertThat(violations.stream().map(each -> ((JsonObject) each).getString("field")))
                .containsExactlyInAnyOrder("resource_id", "usage_mb");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "\"text\"", "5", "null", "{", "{}{}", "{\"a\":}", "\u0000", "{'a':1}", "nul"})
    void refusesABodyThatIsNoJsonObject(String body) throws Exception {
        Reply reply = authorized("POST", USAGE, body);
        assertThat(reply.status).isEqualTo(400);
        assertThat(reply.code()).isEqualTo("invalid_request");
    }

    @Test
    void refusesDeeplyNestedJson() throws Exception {
        Reply reply = authorized("POST", USAGE, "{\"a\":" + "[".repeat(30_000) + "]".repeat(30_000) + "}");
        assertThat(reply.status).isEqualTo(400);
    }

    @Test
    void acceptsJsonHoweverItIsAnnounced() throws Exception {
        for (String type : List.of("application/json", "Application/JSON; charset=utf-8", "application/json ;x=y")) {
            assertThat(authorized("POST", USAGE, usage().encode(), "Content-Type", type).status)
                    .as(type)
                    .isEqualTo(200);
        }
        for (String type : List.of(
                "text/json",
                "application/jsonp",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x")) {
            assertThat(authorized("POST", USAGE, usage().encode(), "Content-Type", type)
                            .code())
                    .as(type)
                    .isEqualTo("unsupported_media_type");
        }
    }

    @Test
    void refusesPathsAndMethodsThatItDoesNotHave() throws Exception {
        for (String path : List.of("/", "/api/v1", "/api/v1/quotas/q/unknown", "/api/v2/quotas", "/favicon.ico")) {
            assertThat(send("GET", path, "").code()).as(path).isEqualTo("not_found");
        }
        Reply reply = send("PUT", "/api/v1/quotas/q", "");
        assertThat(reply.code()).isEqualTo("method_not_allowed");
        assertThat(reply.headers.get("Allow"))
                .contains("GET")
                .contains("DELETE")
                .contains("PATCH");
        assertThat(send("GET", USAGE, "").headers.get("Allow")).isEqualTo("POST");
        assertThat(send("POST", "/health", "").status).isEqualTo(405);
    }

    @Test
    void decodesPathsAndRefusesWhatIsNoId() throws Exception {
        assertThat(authorized("GET", "/api/v1/quotas/a%20b%C3%A9", "").status).isEqualTo(200);
        assertThat(((GetQuota.Command) taken().command()).quotaId()).isEqualTo("a bé");
        assertThat(authorized("GET", "/api/v1/quotas/a%00b", "").status).isEqualTo(400);
        assertThat(authorized("GET", "/api/v1/quotas/" + "x".repeat(256), "").status)
                .isEqualTo(400);
    }

    @Test
    void theHeaderOrTheFieldIsTheIdempotencyKey() throws Exception {
        authorized("POST", USAGE, usage().encode(), "Idempotency-Key", "k1");
        assertThat(taken().idempotencyKey()).isEqualTo("k1");
        authorized("POST", USAGE, usage().put("idempotency_key", "k2").encode());
        assertThat(taken().idempotencyKey()).isEqualTo("k2");
        authorized("POST", USAGE, usage().put("idempotency_key", "k3").encode(), "Idempotency-Key", "k3");
        assertThat(taken().idempotencyKey()).isEqualTo("k3");
        authorized("GET", "/api/v1/quotas/q", "", "Idempotency-Key", "k4");
        assertThat(taken().idempotencyKey()).isNull();
        assertThat(authorized("POST", USAGE, usage().put("idempotency_key", "a").encode(), "Idempotency-Key", "b")
                        .status)
                .isEqualTo(400);
        assertThat(authorized("POST", USAGE, usage().encode(), "Idempotency-Key", "x".repeat(256)).status)
                .isEqualTo(400);
    }

    @Test
    void marksAReplayedAnswer() throws Exception {
        door.lane = request -> Future.succeededFuture(new Answer.Success("Done.", "{}", true));
        assertThat(authorized("POST", USAGE, usage().encode()).headers.get("Idempotent-Replayed"))
                .isEqualTo("true");
    }

    @Test
    void writesARefusalWithItsDetails() throws Exception {
        Map<String, Object> figures = Map.of(
                "quota_id",
                "q",
                "total_mb",
                10L,
                "used_mb",
                9L,
                "reserved_mb",
                0L,
                "allocated_mb",
                0L,
                "available_mb",
                1L,
                "requested_mb",
                5L,
                "short_by_mb",
                4L);
        door.lane =
                request -> Future.succeededFuture(new Refusal(ErrorCode.INSUFFICIENT_QUOTA, "Short by 4 MB.", figures));
        Reply reply = authorized("POST", USAGE, usage().encode());
        assertThat(reply.status).isEqualTo(409);
        assertThat(reply.json().getString("error")).isEqualTo("Short by 4 MB.");
        assertThat(reply.json().getJsonObject("details").getLong("short_by_mb")).isEqualTo(4);
    }

    @Test
    void tellsWhenToRetry() throws Exception {
        door.lane = request -> Future.succeededFuture(Refusal.of(ErrorCode.OVERLOADED, "Too much at once."));
        Reply reply = authorized("POST", USAGE, usage().encode());
        assertThat(reply.status).isEqualTo(503);
        assertThat(reply.headers.get("Retry-After")).isEqualTo("1");
    }

    @Test
    void keepsFaultsToItself() throws Exception {
        door.lane = request -> Future.failedFuture("jdbc://secret");
        Reply reply = authorized("POST", USAGE, usage().encode());
        assertThat(reply.status).isEqualTo(500);
        assertThat(reply.text).contains("internal_error").doesNotContain("secret");
    }

    @Test
    void answersInTimeWhenTheLaneDoesNot() throws Exception {
        try (FrontDoor slow = new FrontDoor(Config.Environment.PRODUCTION, 60_000, 200)) {
            slow.lane = request -> Promise.<Answer>promise().future();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + slow.port + USAGE))
                    .header("Authorization", "Cagen svc_test:" + slow.seal(0))
                    .POST(HttpRequest.BodyPublishers.ofString(usage().encode()))
                    .build();
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(new JsonObject(response.body()).getString("code")).isEqualTo("outcome_unknown");
            HttpRequest read = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + slow.port + "/api/v1/quotas"))
                    .header("Authorization", "Cagen svc_test:" + slow.seal(0))
                    .build();
            response = client.send(read, HttpResponse.BodyHandlers.ofString());
            assertThat(new JsonObject(response.body()).getString("code")).isEqualTo("overloaded");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"has space", "quote\"", "x/y"})
    void replacesARequestIdThatIsNotSane(String id) throws Exception {
        Reply reply = authorized("GET", "/api/v1/quotas", "", "X-Request-ID", id);
        assertThat(reply.headers.get("X-Request-ID")).isNotEqualTo(id).matches("[A-Za-z0-9._-]{1,128}");
    }

    @Test
    void protectsItsAnswers() throws Exception {
        for (Reply reply : List.of(authorized("GET", "/api/v1/quotas", ""), send("GET", "/nothing", ""))) {
            assertThat(reply.headers.get("X-Content-Type-Options")).isEqualTo("nosniff");
            assertThat(reply.headers.get("Cache-Control")).isEqualTo("no-store");
            assertThat(reply.headers.get("X-Frame-Options")).isEqualTo("DENY");
            assertThat(reply.headers.get("Content-Security-Policy")).contains("default-src 'none'");
            assertThat(reply.headers.contains("Server")).isFalse();
        }
    }

    @Test
    void letsOnlyConfiguredOriginsIn() throws Exception {
        Reply allowed = authorized("GET", "/api/v1/quotas", "", "Origin", FrontDoor.ORIGIN);
        assertThat(allowed.status).isEqualTo(200);
        assertThat(allowed.headers.get("Access-Control-Allow-Origin")).isEqualTo(FrontDoor.ORIGIN);
        Reply preflight =
                send("OPTIONS", USAGE, "", "Origin", FrontDoor.ORIGIN, "Access-Control-Request-Method", "POST");
        assertThat(preflight.status).isEqualTo(204);
        assertThat(preflight.headers.get("Access-Control-Allow-Headers")).contains("Authorization");
        Reply other = authorized("GET", "/api/v1/quotas", "", "Origin", "https://evil.example");
        assertThat(other.status).isEqualTo(200);
        assertThat(other.headers.contains("Access-Control-Allow-Origin")).isFalse();
        assertThat(send("OPTIONS", USAGE, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
                        .status)
                .isEqualTo(405);
    }

    @Test
    void refusesLongLinesAndHeadersInTheEnvelope() throws Exception {
        assertThat(authorized("GET", "/api/v1/quotas?x=" + "y".repeat(14_000), "").status)
                .isEqualTo(200);
        assertThat(raw("GET /?" + "y".repeat(20_000) + " HTTP/1.1\r\nHost: a\r\n\r\n"))
                .containsPattern("^HTTP/1.[01] 413 ")
                .contains("\"code\":\"payload_too_large\"");
        assertThat(raw("GET / HTTP/1.1\r\nHost: a\r\nX: " + "y".repeat(20_000) + "\r\n\r\n"))
                .containsPattern("^HTTP/1.[01] 413 ")
                .contains("\"code\":\"payload_too_large\"");
        assertThat(raw("NONSENSE\r\n\r\n"))
                .containsPattern("^HTTP/1.[01] 400 ")
                .contains("\"code\":\"invalid_request\"");
        assertThat(raw("GET /api/v1/quotas/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                .containsPattern("^HTTP/1.[01] 400 ")
                .contains("\"code\":\"invalid_request\"");
    }

    @Test
    void refusesTooManyHeaders() throws Exception {
        assertThat(raw("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + "a:\r\n".repeat(190) + "\r\n"))
                .containsPattern("^HTTP/1.[01] 404 ");
        assertThat(raw("GET /nothing HTTP/1.1\r\nHost: a\r\n" + "a:\r\n".repeat(201) + "\r\n"))
                .containsPattern("^HTTP/1.[01] 413 ")
                .contains("\"code\":\"payload_too_large\"");
        assertThat(raw("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                .as("each request has its own")
                .containsPattern("^HTTP/1.[01] 404 ");
    }

    /** Each byte would begin an idle timeout anew; none of these requests is ever complete. */
    @ParameterizedTest
    @CsvSource({
        "'', G",
        "'', '\r\n'",
        "'GET / HTTP/1.1\r\n', a",
        "'GET / HTTP/1.1\r\n', 'a: b\r\n'",
        "'POST /api/v1/quotas/q/usage/allocate HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n', x",
        "'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n', x",
        "'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'",
        "'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', 'a: b\r\n'",
        "'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n', a",
    })
    void closesAConnectionThatDripsARequest(String start, String drop) throws Exception {
        try (FrontDoor impatient = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 300, 1)) {
            closesBeforeTheNextDrop(impatient.port, start, drop);
        }
    }

    /** Sends {@code start}, then {@code drop} again and again, reading nothing; returns once the server has closed. */
    private static void closesBeforeTheNextDrop(int port, String start, String drop) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            OutputStream out = socket.getOutputStream();
            out.write(start.getBytes(StandardCharsets.ISO_8859_1));
            RunningService.until(10, "the connection is closed", () -> {
                try {
                    out.write(drop.getBytes(StandardCharsets.ISO_8859_1));
                    return false;
                } catch (IOException e) {
                    return true;
                }
            });
        }
    }

    /** There are 1,000 for two instances, which take connections in turn. */
    @Test
    void closesConnectionsBeyondTheirLimit() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        try (FrontDoor busy = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 60_000, 60)) {
            for (int i = 0; i < 1_010; i++) {
                sockets.add(new Socket(InetAddress.getLoopbackAddress(), busy.port));
            }
            closesBeforeTheNextDrop(busy.port, "", "G");
            assertThat(busy.metrics.scrape())
                    .contains("cagen_quota_http_connections_closed_total{reason=\"too_many\"}")
                    .doesNotContain("reason=\"receiving\"");
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void closesAConnectionWhoseClientReadsNoAnswer() throws Exception {
        try (FrontDoor impatient = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000, 1)) {
            String data = "{\"a\":\"" + "x".repeat(8 * 1024 * 1024) + "\"}";
            impatient.lane = request -> Future.succeededFuture(new Answer.Success("Done.", data, false));
            String get = "GET /api/v1/quotas HTTP/1.1\r\nHost: a\r\nAuthorization: Cagen svc_test:" + impatient.seal(0)
                    + "\r\n\r\n";
            closesBeforeTheNextDrop(impatient.port, get.repeat(20), "\r\n");
            assertThat(impatient.requests)
                    .as("the socket may have taken the first answer whole")
                    .hasSizeBetween(1, 2);
            assertThat(impatient.metrics.scrape())
                    .contains("cagen_quota_http_connections_closed_total{reason=\"unread\"} 1");
        }
    }

    @Test
    void answersPipelinedRequestsInOrder() throws Exception {
        String answer = raw("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50)
                + "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assertThat(answer.split("HTTP/1.1 200 ", -1)).hasSize(51);
        assertThat(answer).contains("HTTP/1.1 404 ");
    }

    @Test
    void closesAConnectionWithTooManyPipelinedRequests() throws Exception {
        closesBeforeTheNextDrop(door.port, "", "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000));
    }

    private String raw(String request) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), door.port)) {
            socket.setSoTimeout(5_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            InputStream in = socket.getInputStream();
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void servesItsDocumentAndMetrics() throws Exception {
        authorized("POST", USAGE, usage().encode());
        send("POST", USAGE, "{}");
        assertThat(send("GET", "/openapi.yaml", "").text).startsWith("openapi: 3.1.0");
        JsonObject document = send("GET", "/openapi.json", "").json();
        assertThat(document.getJsonObject("paths").fieldNames()).contains("/api/v1/quotas/create");
        assertThat(document.encode()).doesNotContain("__absolute");
        Reply metrics = send("GET", "/metrics", "");
        assertThat(metrics.headers.get("Content-Type")).startsWith("text/plain; version=0.0.4");
        assertThat(metrics.text)
                .contains("cagen_quota_request_seconds_count{code=\"ok\",operation=\"usage.allocate\"}")
                .contains("cagen_quota_errors_total{code=\"invalid_credential\"}")
                .doesNotContain("quota_1");
    }

    @Test
    void hasItsDevelopmentRoutes() throws Exception {
        Reply minted =
                send("POST", "/dev/credentials", "{\"user_id\":\"u\",\"organization_id\":\"o\",\"team_ids\":[\"t\"]}");
        contract.check("POST", "/dev/credentials", minted.status, minted.headers, minted.text);
        JsonObject credential = minted.json().getJsonObject("data");
        Reply who = send("POST", "/dev/test-auth", credential.encode());
        contract.check("POST", "/dev/test-auth", who.status, who.headers, who.text);
        assertThat(who.json().getJsonObject("data").getString("user_id")).isEqualTo("u");
        assertThat(who.json().getJsonObject("data").getJsonArray("team_ids")).containsExactly("t");
        assertThat(send("POST", "/dev/test-auth", "{}").status).isEqualTo(401);
        assertThat(send("POST", "/dev/credentials", "{\"user_id\":5}").status).isEqualTo(400);
        Reply info = send("GET", "/dev/info", "");
        contract.check("GET", "/dev/info", info.status, info.headers, info.text);
    }

    @Test
    void hasNoDevelopmentRoutesInProduction() throws Exception {
        try (FrontDoor production = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000)) {
            for (String path : List.of("/dev/info", "/dev/test-auth", "/dev/credentials")) {
                HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + production.port + path))
                        .POST(HttpRequest.BodyPublishers.ofString("{}"))
                        .build();
                HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
                assertThat(response.statusCode()).as(path).isEqualTo(404);
                assertThat(response.body()).contains("\"code\":\"not_found\"");
            }
        }
    }

    @Test
    void tellsItsHealth() throws Exception {
        for (String path : List.of("/health", "/health/live", "/health/ready")) {
            Reply reply = send("GET", path, "");
            assertThat(reply.status).as(path).isEqualTo(200);
            contract.check("GET", path, 200, reply.headers, reply.text);
        }
    }

    @Test
    void isNotReadyWhenACheckFailsOrItStops() throws Exception {
        try (FrontDoor ill = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000)) {
            ill.checks.put("database", () -> Future.failedFuture("password authentication failed for user x"));
            HttpRequest ready = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + ill.port + "/health/ready"))
                    .build();
            HttpResponse<String> response = client.send(ready, HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.body()).doesNotContain("password");
            JsonObject json = new JsonObject(response.body());
            assertThat(json.getString("code")).isEqualTo("database_unavailable");
            assertThat(json.getJsonObject("details").getJsonObject("checks"))
                    .isEqualTo(new JsonObject().put("database", "down").put("auth", "up"));
        }
        try (FrontDoor stopping = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000)) {
            stopping.health.stop();
            HttpRequest.Builder request = HttpRequest.newBuilder();
            URI base = URI.create("http://127.0.0.1:" + stopping.port);
            assertThat(client.send(
                                    request.uri(base.resolve("/health/ready")).build(),
                                    HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(503);
            assertThat(client.send(
                                    request.uri(base.resolve("/health/live")).build(),
                                    HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void finishesWhatIsUnderWayWhenItStops() throws Exception {
        try (FrontDoor stopping = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000)) {
            Promise<Answer> answer = Promise.promise();
            stopping.lane = request -> answer.future();
            URI uri = URI.create("http://127.0.0.1:" + stopping.port + USAGE);
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .header("Authorization", "Cagen svc_test:" + stopping.seal(0))
                    .POST(HttpRequest.BodyPublishers.ofString(usage().encode()));
            CompletableFuture<HttpResponse<String>> response =
                    client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString());
            assertThat(stopping.requests.poll(5, TimeUnit.SECONDS)).isNotNull();

            Future<Void> stopped = stopping.vertx.undeploy(stopping.httpDeployment);
            assertThat(stopped.isComplete()).isFalse();
            answer.complete(DONE);

            assertThat(response.get(5, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            stopped.await(10, TimeUnit.SECONDS);
            assertThat(refusesConnectionsWithin5Seconds(stopping.port)).isTrue();
        }
    }

    /** The socket may close a moment after the server says so. */
    private static boolean refusesConnectionsWithin5Seconds(int port) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (System.nanoTime() < deadline) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                assertThat(socket.isConnected()).isTrue();
            } catch (ConnectException e) {
                return true;
            }
        }
        return false;
    }

    @Test
    void logsNeitherCredentialsNorQueries() throws Exception {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
        Logger access = (Logger) LoggerFactory.getLogger("access");
        access.setLevel(Level.DEBUG);
        log.start();
        root.addAppender(log);
        String sealed = door.seal(0);
        try {
            String query = "?service_id=svc_test&encrypted_data=" + URLEncoder.encode(sealed, StandardCharsets.UTF_8);
            assertThat(send("GET", "/api/v1/quotas/q" + query, "", "X-Request-ID", "logged-1").status)
                    .isEqualTo(200);
            assertThat(send("GET", "/api/v1/quotas/q" + query + "AAAA", "", "X-Request-ID", "logged-2").status)
                    .isEqualTo(401);
        } finally {
            root.detachAppender(log);
            access.setLevel(null);
        }
        assertThat(log.list).anySatisfy(event -> {
            assertThat(event.getLoggerName()).isEqualTo("access");
            assertThat(event.getFormattedMessage()).startsWith("GET /api/v1/quotas/:quota_id 200 ");
            assertThat(event.getMDCPropertyMap()).containsEntry("request_id", "logged-1");
        });
        assertThat(log.list).anySatisfy(event -> {
            assertThat(event.getLoggerName()).isEqualTo("security");
            assertThat(event.getLevel()).isEqualTo(Level.WARN);
            assertThat(event.getMDCPropertyMap()).containsEntry("request_id", "logged-2");
        });
        assertThat(log.list).noneSatisfy(event -> assertThat(event.getFormattedMessage())
                .containsAnyOf("encrypted_data", sealed, sealed.substring(0, 16)));
    }
}
