package com.cagen.quota.auth.builtin;

import static com.cagen.quota.auth.AuthFixtures.SERVICE;
import static com.cagen.quota.auth.AuthFixtures.USER;
import static com.cagen.quota.auth.AuthFixtures.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.auth.AuthDatabase;
import com.cagen.quota.auth.AuthFixtures;
import com.cagen.quota.auth.client.AuthServiceClient;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.Permission;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The built-in auth service on a real database, asked by the client that production uses. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BuiltInAuthServiceIT {
    private static final Config CONFIG = AuthFixtures.config(2_000);
    private static final String CHECK = "/api/v1/permission/check";
    private static final String GRANT = "/api/v1/permission/grant";

    private final Vertx vertx = Vertx.vertx();
    private final Context context = vertx.getOrCreateContext();
    private final AuthDatabase data = new AuthDatabase(vertx, CONFIG);
    private final BuiltInAuthService service = deployed();
    private final HttpClient http = HttpClient.newHttpClient();
    private final AuthServiceClient client = new AuthServiceClient(vertx, CONFIG, service.url());

    private BuiltInAuthService deployed() {
        BuiltInAuthService verticle = new BuiltInAuthService(CONFIG, data.database);
        await(vertx.deployVerticle(verticle));
        return verticle;
    }

    @AfterAll
    void close() {
        await(vertx.close());
    }

    /** An answer's status and body. */
    private record Answer(int status, JsonObject body) {}

    /** With the JDK's client: that of Vert.x 5.0.7, asked from this thread, lost 36 of some 5,000 answers. */
    private Answer send(HttpMethod method, String path, Buffer body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(service.url() + path))
                .timeout(Duration.ofSeconds(20))
                .method(method.name(), HttpRequest.BodyPublishers.ofByteArray(body.getBytes()))
                .build();
        try {
            HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            return new Answer(response.statusCode(), new JsonObject(Buffer.buffer(response.body())));
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private Answer post(String path, JsonObject body) {
        return send(HttpMethod.POST, path, body.toBuffer());
    }

    private static JsonObject signed() {
        return new JsonObject()
                .put("service_id", SERVICE)
                .put("encrypted_data", AuthFixtures.credentials().seal(USER, System.currentTimeMillis()));
    }

    private static JsonObject grantOf(String resourceId) {
        return signed().put("resource_id", resourceId)
                .put("target_user_id", "user_2")
                .put("permissions", new JsonArray().add("read"));
    }

    private static Caller user(String organizationId, String userId) {
        return new Caller(organizationId, userId, SERVICE, List.of());
    }

    private PermissionAnswer check(String organizationId, String userId, String resourceId) {
        return AuthFixtures.on(
                context, () -> client.check(new PermissionQuestion(user(organizationId, userId), resourceId)));
    }

    private void change(boolean grant, String resourceId, String userId, Permission... permissions) {
        AuthFixtures.on(
                context,
                () -> client.change(new PermissionChange(
                        new UUID(0, 1), USER, resourceId, userId, Arrays.asList(permissions), grant)));
    }

    private void register(String resourceId) {
        AuthFixtures.on(context, () -> client.registerResource(USER, resourceId, "Name", "Line\nline"));
    }

    @Test
    void grantsAndRevokesEachAsOftenAsOneLikes() {
        register("quota_1");
        register("quota_1");
        assertThat(check("org_1", "user_2", "quota_1")).isEqualTo(new PermissionAnswer(Set.of(), 5));
        change(true, "quota_1", "user_2", Permission.READ);
        change(true, "quota_1", "user_2", Permission.READ);
        assertThat(check("org_1", "user_2", "quota_1")).isEqualTo(new PermissionAnswer(Set.of(Permission.READ), 30));
        change(false, "quota_1", "user_2", Permission.READ, Permission.ADMIN);
        change(false, "quota_1", "user_2", Permission.READ);
        assertThat(check("org_1", "user_2", "quota_1").granted()).isEmpty();
    }

    @Test
    void letsAdminImplyReadAndOwnerBoth() {
        register("quota_2");
        change(true, "quota_2", "user_a", Permission.ADMIN);
        change(true, "quota_2", "user_o", Permission.OWNER);
        assertThat(check("org_1", "user_a", "quota_2").granted())
                .containsExactlyInAnyOrder(Permission.READ, Permission.ADMIN);
        assertThat(check("org_1", "user_o", "quota_2").granted())
                .containsExactlyInAnyOrder(Permission.READ, Permission.ADMIN);
    }

    @Test
    void grantsNothingToWhoRegisters() {
        register("quota_3");
        assertThat(check("org_1", "user_1", "quota_3").granted()).isEmpty();
    }

    @Test
    void saysThatAResourceIsUnknownSoThatNobodyRemembersTheRefusal() {
        assertThat(check("org_1", "user_2", "quota_nowhere")).isEqualTo(new PermissionAnswer(Set.of(), 0));
    }

    @Test
    void keepsOrganizationsApart() {
        register("quota_4");
        change(true, "quota_4", "user_2", Permission.ADMIN);
        assertThat(check("org_2", "user_2", "quota_4")).isEqualTo(new PermissionAnswer(Set.of(), 0));
        AuthFixtures.on(
                context,
                () -> client.change(new PermissionChange(
                        new UUID(0, 1),
                        user("org_2", "user_9"),
                        "quota_4",
                        "user_2",
                        List.of(Permission.ADMIN),
                        false)));
        assertThat(check("org_1", "user_2", "quota_4").granted()).contains(Permission.ADMIN);
    }

    @Test
    void honoursAnExpiry() {
        register("quota_5");
        assertThat(post(GRANT, grantOf("quota_5").put("expires_at", "2001-01-01T00:00:00Z"))
                        .status())
                .isEqualTo(200);
        assertThat(check("org_1", "user_2", "quota_5").granted()).isEmpty();
        assertThat(post(GRANT, grantOf("quota_5").put("expires_at", "2999-01-01T00:00:00+02:00"))
                        .status())
                .isEqualTo(200);
        assertThat(check("org_1", "user_2", "quota_5").granted()).containsExactly(Permission.READ);
    }

    @Test
    void answersACheckWithWhatIsGrantedAndWhatIsDenied() {
        register("quota_6");
        change(true, "quota_6", "user_1", Permission.READ);
        Answer answer = post(
                CHECK,
                signed().put("resource_id", "quota_6")
                        .put(
                                "requested_permissions",
                                new JsonArray().add("read").add("admin")));
        assertThat(answer)
                .isEqualTo(new Answer(
                        200,
                        new JsonObject()
                                .put("success", true)
                                .put(
                                        "data",
                                        new JsonObject()
                                                .put("user_id", "user_1")
                                                .put("resource_id", "quota_6")
                                                .put("granted_permissions", new JsonArray().add("read"))
                                                .put("denied_permissions", new JsonArray().add("admin"))
                                                .put("resource_exists", true)
                                                .put("cache_ttl", 30))));
    }

    @Test
    void refusesEveryBadCredentialAlike() {
        long now = System.currentTimeMillis();
        byte[] otherKey = new byte[32];
        otherKey[0] = 1;
        CredentialCipher ours = AuthFixtures.credentials();
        JsonObject used = grantOf("quota_7");
        assertThat(post(GRANT, used).status()).isEqualTo(200);
        List<JsonObject> bad = List.of(
                grantOf("quota_7").putNull("encrypted_data"),
                grantOf("quota_7").put("encrypted_data", 1),
                grantOf("quota_7").put("encrypted_data", "%%%"),
                grantOf("quota_7").put("service_id", "svc_other"),
                grantOf("quota_7").putNull("service_id"),
                grantOf("quota_7").put("encrypted_data", new CredentialCipher(SERVICE, otherKey).seal(USER, now)),
                grantOf("quota_7").put("encrypted_data", ours.seal(USER, now - 301_000)),
                grantOf("quota_7").put("encrypted_data", ours.seal(USER, now + 301_000)),
                used);
        assertThat(bad.stream().map(body -> post(GRANT, body)).distinct())
                .containsExactly(new Answer(
                        401, new JsonObject().put("success", false).put("error", "The credential is not valid.")));
    }

    @Test
    void refusesFieldsThatAreMissingOrWrong() {
        Map<String, List<?>> wrong = Map.of(
                "resource_id", List.of("", 1, "a\u0000", "a\n", "x".repeat(256), true),
                "target_user_id", List.of("", 1, new JsonArray(), "x".repeat(256)),
                "permissions", List.of(new JsonArray(), "read", new JsonArray().add("write"), new JsonArray().add(1)),
                "expires_at", List.of("tomorrow", 1, "2026-01-01", "+999999999-01-01T00:00:00Z"));
        wrong.forEach((field, values) -> values.forEach(value -> {
            Answer answer = post(GRANT, grantOf("quota_8").put(field, value));
            assertThat(answer.status()).as("%s = %s", field, value).isEqualTo(400);
            assertThat(answer.body().getBoolean("success")).isFalse();
            assertThat(answer.body().getString("error")).startsWith(field);
        }));
        assertThat(data.number("SELECT count(*) FROM quota.auth_grants WHERE resource_id = 'quota_8'"))
                .isZero();
    }

    @Test
    void answersWhatIsNoRequestInJsonToo() {
        assertThat(send(HttpMethod.POST, CHECK, Buffer.buffer("[]")).status()).isEqualTo(400);
        assertThat(send(HttpMethod.POST, CHECK, Buffer.buffer()).status()).isEqualTo(400);
        assertThat(send(HttpMethod.POST, CHECK, Buffer.buffer("x".repeat(65_537)))
                        .status())
                .isEqualTo(413);
        assertThat(send(HttpMethod.POST, "/nowhere", Buffer.buffer("{}")).status())
                .isEqualTo(404);
        assertThat(send(HttpMethod.GET, CHECK, Buffer.buffer()).status()).isEqualTo(405);
    }

    @Test
    void isHealthyAndReachable() {
        assertThat(send(HttpMethod.GET, "/health", Buffer.buffer()))
                .isEqualTo(new Answer(200, new JsonObject().put("success", true)));
        AuthFixtures.on(context, client::readiness);
    }

    @Test
    void refusesToBeAskedForItsPortBeforeItListens() {
        assertThatThrownBy(() -> new BuiltInAuthService(CONFIG, data.database).actualPort())
                .isInstanceOf(IllegalStateException.class);
    }
}
