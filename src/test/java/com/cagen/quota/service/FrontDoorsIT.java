package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.RunningService;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Health, and what is there in development only. */
class FrontDoorsIT {
    @Test
    void saysThatEverythingWorks() {
        try (RunningService service = new RunningService()) {
            for (String path : List.of("/health", "/health/ready")) {
                JsonObject data = service.send("GET", path, "").data();
                assertThat(data.getString("status")).isEqualTo("up");
                JsonObject checks = data.getJsonObject("checks");
                assertThat(checks.fieldNames()).contains("database", "auth", "bus", "audit");
                assertThat(checks.stream().map(Map.Entry::getValue)).containsOnly("up");
            }
            assertThat(service.send("GET", "/health/live", "").status()).isEqualTo(200);
        }
    }

    @Test
    void mintsCredentialsInDevelopment() {
        try (RunningService service = new RunningService()) {
            assertThat(service.send("GET", "/dev/info", "").data().getString("service_id"))
                    .isEqualTo(RunningService.SERVICE);
            JsonObject who = new JsonObject().put("user_id", "alice").put("organization_id", "acme");
            JsonObject credential =
                    service.send("POST", "/dev/credentials", who.encode()).data();
            JsonObject caller =
                    service.send("POST", "/dev/test-auth", credential.encode()).data();
            assertThat(caller.getString("user_id")).isEqualTo("alice");
            // Looking at it has not used it up; using it has.
            JsonObject create = credential
                    .copy()
                    .put("name", "n")
                    .put("type", "organization")
                    .put("total_mb", 1);
            JsonObject quota = service.send("POST", "/api/v1/quotas/create", create.encode())
                    .data();
            assertThat(quota.getString("owner_id")).isEqualTo("alice");
            service.send("POST", "/api/v1/quotas/create", create.encode()).refused(ErrorCode.CREDENTIAL_REPLAYED);
        }
    }

    @Test
    void givesNothingAwayInProduction() {
        Map<String, String> production = Map.of("ENVIRONMENT", "production", "AUTH_SERVICE_URL", "embedded");
        try (RunningService service = new RunningService(production)) {
            service.send("GET", "/dev/info", "").refused(ErrorCode.NOT_FOUND);
            service.send("POST", "/dev/test-auth", "{}").refused(ErrorCode.NOT_FOUND);
            service.send("POST", "/dev/credentials", "{\"user_id\":\"a\",\"organization_id\":\"o\"}")
                    .refused(ErrorCode.NOT_FOUND);
            assertThat(service.user("acme", "alice").root(1)).startsWith("quota_");
        }
    }
}
