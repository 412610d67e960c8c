package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request must look like, where its credential travels, and which fault is named first. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RequestsIT {
    private static final String SERVICE = RunningService.SERVICE;

    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final String quota = alice.root(1_000);
    private final String usagePath = "/quotas/" + quota + "/usage/allocate";

    @AfterAll
    void stop() {
        service.close();
    }

    private Reply raw(String method, String path, String body, String... headers) {
        return service.send(method, "/api/v1" + path, body, headers);
    }

    private Reply post(String path, String body) {
        return RunningService.await(alice.sendAsync("POST", path, body));
    }

    @Test
    void takesTheGivenRequestsWithTheCredentialInBodyOrQuery() {
        JsonObject create = alice.credential()
                .put("name", "Org Quota")
                .put("description", "")
                .put("type", "organization")
                .put("total_mb", 100_000)
                .put("team_id", "")
                .put("organization_id", "acme");
        String root = raw("POST", "/quotas/create", create.encode()).data().getString("id");
        JsonObject allocate = alice.credential()
                .put("name", "Team Quota")
                .put("allocate_mb", 1_000)
                .put("type", "team")
                .put("target_id", "team_dev");
        String child = raw("POST", "/quotas/" + root + "/allocate", allocate.encode())
                .data()
                .getString("id");
        JsonObject usage = alice.credential().mergeIn(User.usage("runtime_1", 100));
        raw("POST", "/quotas/" + child + "/usage/allocate", usage.encode()).data();
        usage = alice.credential().mergeIn(User.usage("runtime_1", 100));
        raw("POST", "/quotas/" + child + "/usage/deallocate", usage.encode()).data();
        JsonObject grant = alice.credential().mergeIn(User.permissions("bob", "read", "admin"));
        raw("POST", "/quotas/" + child + "/permissions/grant", grant.encode()).data();
        for (String path : List.of("/quotas/" + child, "/quotas", "/runtime-usage")) {
            String sealed = URLEncoder.encode(alice.seal(), StandardCharsets.UTF_8);
            raw("GET", path + "?service_id=" + SERVICE + "&encrypted_data=" + sealed, "")
                    .data();
        }
        raw("POST", "/quotas/" + child + "/release", alice.credential().encode())
                .data();
        raw("DELETE", "/quotas/" + root, alice.credential().encode()).data();
    }

    @Test
    void takesACredentialFromOnePlaceOnly() {
        JsonObject body = alice.credential().mergeIn(User.usage("res", 1));
        assertThat(post(usagePath, body.encode()).violations()).containsExactly("encrypted_data");
        String query = "?service_id=" + SERVICE + "&encrypted_data=" + alice.seal();
        assertThat(RunningService.await(alice.sendAsync("GET", "/quotas" + query, ""))
                        .violations())
                .containsExactly("encrypted_data");
        assertThat(post(
                                usagePath,
                                User.usage("res", 1)
                                        .put("organization_id", "other")
                                        .encode())
                        .violations())
                .containsExactly("organization_id");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "100.0",
                "1e2",
                "1.5",
                "\"1\"",
                "\"\"",
                "true",
                "null",
                "0",
                "-1",
                "[1]",
                "{}",
                "9007199254740992",
                "18446744073709551617",
                "9223372036854775808",
                "1e400",
                "123456789012345678901234567890"
            })
    void refusesWhatIsNoAmount(String amount) {
        assertThat(post(usagePath, "{\"resource_id\":\"res\",\"usage_mb\":" + amount + "}")
                        .violations())
                .containsExactly("usage_mb");
        assertThat(post(
                                usagePath.replace("/allocate", "/deallocate"),
                                "{\"resource_id\":\"res\",\"usage_mb\":" + amount + "}")
                        .violations())
                .containsExactly("usage_mb");
        assertThat(post("/quotas/create", "{\"name\":\"n\",\"type\":\"organization\",\"total_mb\":" + amount + "}")
                        .violations())
                .containsExactly("total_mb");
        assertThat(post(
                                "/quotas/" + quota + "/allocate",
                                "{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":" + amount + "}")
                        .violations())
                .containsExactly("allocate_mb");
        assertThat(alice.quota(quota).getLong("used_mb")).isZero();
    }

    @Test
    void limitsTextsInCodePoints() {
        String creation = "{\"name\":%s,\"type\":\"organization\",\"total_mb\":1,\"description\":%s}";
        assertThat(post("/quotas/create", creation.formatted(quoted("🙂", 255), quoted("🙂", 2_000)))
                        .status())
                .isEqualTo(201);
        assertThat(post("/quotas/create", creation.formatted(quoted("x", 256), quoted("x", 2_001)))
                        .violations())
                .containsExactlyInAnyOrder("name", "description");
        assertThat(post("/quotas/create", creation.formatted("\"\"", "\"\\u0000\""))
                        .violations())
                .containsExactlyInAnyOrder("name", "description");
        assertThat(post("/quotas/create", creation.formatted("\"a\\nb\"", "\"a\\nb\\tc\""))
                        .violations())
                .containsExactly("name");
        String usage = "{\"resource_id\":%s,\"usage_mb\":1,\"reason\":%s}";
        assertThat(post(usagePath, usage.formatted(quoted("x", 256), quoted("x", 1_001)))
                        .violations())
                .containsExactlyInAnyOrder("resource_id", "reason");
        assertThat(post(usagePath, usage.formatted("\"\\ud800\"", "\"\\u007f\""))
                        .violations())
                .containsExactlyInAnyOrder("resource_id", "reason");
        assertThat(post("/quotas/" + "q".repeat(256) + "/release", "{}").violations())
                .containsExactly("quota_id");
        for (String key : List.of("", "k".repeat(256))) {
            JsonObject keyed = User.usage("res", 1).put("idempotency_key", key);
            assertThat(post(usagePath, keyed.encode()).violations()).containsExactly("idempotency_key");
        }
        assertThat(post("/quotas/" + quota + "/permissions/grant", "{\"target_user_id\":\"u\",\"permissions\":[]}")
                        .violations())
                .containsExactly("permissions");
    }

    private static String quoted(String text, int times) {
        return "\"" + text.repeat(times) + "\"";
    }

    /** Two faults at once: the one that is checked first is named. */
    @Test
    void checksInTheOrderOfTheContract() {
        String tooLarge = "x".repeat(65 * 1024);
        String broken = "{\"resource_id\":";
        String wrong = "{\"resource_id\":\"res\",\"usage_mb\":0}";
        String right = User.usage("res", 1).encode();
        String tooMuch = User.usage("res", 100_000).encode();
        String missing = "/quotas/quota_none/usage/allocate";
        User nobody = service.user("acme", "nobody");

        raw("PUT", usagePath, tooLarge).refused(ErrorCode.METHOD_NOT_ALLOWED);
        raw("POST", usagePath, tooLarge, "Content-Type", "text/plain").refused(ErrorCode.PAYLOAD_TOO_LARGE);
        raw("POST", usagePath, broken, "Content-Type", "text/plain").refused(ErrorCode.UNSUPPORTED_MEDIA_TYPE);
        raw("POST", usagePath, broken).refused(ErrorCode.INVALID_REQUEST);
        raw("POST", usagePath, wrong).refused(ErrorCode.INVALID_CREDENTIAL);
        String late = "Cagen " + SERVICE + ":" + service.seal(alice.caller(), System.currentTimeMillis() - 301_000);
        raw("POST", usagePath, wrong, "Authorization", late).refused(ErrorCode.CREDENTIAL_EXPIRED);
        String early = "Cagen " + SERVICE + ":" + service.seal(alice.caller(), System.currentTimeMillis() + 310_000);
        raw("POST", usagePath, wrong, "Authorization", early).refused(ErrorCode.CREDENTIAL_EXPIRED);
        String used = alice.authorization();
        raw("POST", usagePath, right, "Authorization", used).data();
        raw("POST", usagePath, wrong, "Authorization", used).refused(ErrorCode.INVALID_REQUEST);
        raw("POST", missing, right, "Authorization", used).refused(ErrorCode.CREDENTIAL_REPLAYED);
        RunningService.await(nobody.sendAsync("POST", missing, right)).refused(ErrorCode.QUOTA_NOT_FOUND);
        RunningService.await(alice.sendAsync("POST", usagePath, right, "Idempotency-Key", "order"))
                .data();
        RunningService.await(nobody.sendAsync("POST", usagePath, tooMuch, "Idempotency-Key", "order"))
                .refused(ErrorCode.PERMISSION_DENIED);
        RunningService.await(alice.sendAsync("POST", usagePath, tooMuch, "Idempotency-Key", "order"))
                .refused(ErrorCode.IDEMPOTENCY_KEY_REUSED);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "POST|/quotas/QUOTA/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":5000}|INSUFFICIENT_QUOTA",
                "POST|/quotas/QUOTA/usage/deallocate|{\"resource_id\":\"r\",\"usage_mb\":5000}|INSUFFICIENT_USAGE",
                "POST|/quotas/quota_none/release|{}|QUOTA_NOT_FOUND",
                "GET|/quotas/quota_none|''|QUOTA_NOT_FOUND",
            })
    void aRefusedRequestHasUsedItsCredentialUp(String method, String path, String body, ErrorCode code) {
        String authorization = alice.authorization();
        String real = path.replace("QUOTA", quota);
        raw(method, real, body, "Authorization", authorization).refused(code);
        raw(method, real, body, "Authorization", authorization).refused(ErrorCode.CREDENTIAL_REPLAYED);
        raw("GET", "/quotas", "", "Authorization", authorization).refused(ErrorCode.CREDENTIAL_REPLAYED);
    }

    /** No id that the service makes has a slash; one with a slash would claim another organization's rows. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET|/quotas/ID|''",
                "GET|/quotas/ID/usage|''",
                "GET|/quotas/ID/audit|''",
                "POST|/quotas/ID/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":1}",
                "POST|/quotas/ID/usage/deallocate|{\"resource_id\":\"r\",\"usage_mb\":1}",
                "POST|/quotas/ID/allocate|{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":1}",
                "POST|/quotas/ID/release|{}",
                "DELETE|/quotas/ID|''",
                "POST|/quotas/ID/suspend|{}",
                "POST|/quotas/ID/resume|{}",
                "POST|/quotas/ID/permissions/grant|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}",
                "POST|/quotas/ID/permissions/revoke|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}",
            })
    void answersAnIdWithASlashAsOneThatNeverExisted(String method, String path, String body) {
        for (String id : List.of(quota + "%2Facme", "%2Facme", "a%2F")) {
            String authorization = alice.authorization();
            String slashed = path.replace("ID", id);
            Reply never = raw(
                    method,
                    path.replace("ID", "quota_never"),
                    body,
                    "Authorization",
                    alice.authorization(),
                    "X-Request-ID",
                    "same");
            Reply reply = raw(method, slashed, body, "Authorization", authorization, "X-Request-ID", "same");
            reply.refused(ErrorCode.QUOTA_NOT_FOUND);
            assertThat(reply.body()).isEqualTo(never.body());
            raw(method, slashed, body, "Authorization", authorization).refused(ErrorCode.CREDENTIAL_REPLAYED);
        }
    }

    @Test
    void aDeniedRequestHasUsedItsCredentialUp() {
        String authorization = service.user("acme", "nobody").authorization();
        raw("GET", "/quotas/" + quota, "", "Authorization", authorization).refused(ErrorCode.PERMISSION_DENIED);
        raw("GET", "/quotas/" + quota, "", "Authorization", authorization).refused(ErrorCode.CREDENTIAL_REPLAYED);
    }

    @Test
    void aRequestThatNeverGotThatFarHasNot() {
        String authorization = alice.authorization();
        String right = User.usage("res", 1).encode();
        raw("PUT", usagePath, right, "Authorization", authorization).refused(ErrorCode.METHOD_NOT_ALLOWED);
        raw("POST", usagePath, "x".repeat(65 * 1024), "Authorization", authorization)
                .refused(ErrorCode.PAYLOAD_TOO_LARGE);
        raw("POST", usagePath, right, "Authorization", authorization, "Content-Type", "text/plain")
                .refused(ErrorCode.UNSUPPORTED_MEDIA_TYPE);
        raw("POST", usagePath, "{", "Authorization", authorization).refused(ErrorCode.INVALID_REQUEST);
        raw("POST", usagePath, "{}", "Authorization", authorization).refused(ErrorCode.INVALID_REQUEST);
        raw("POST", usagePath, right, "Authorization", authorization).data();
    }
}
