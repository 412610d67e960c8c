package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.FormerDatabase;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The service on a database that the release before audit formats has used. */
class UpgradeIT {
    /** When the service is closed, the chains of both formats are verified and the invariants checked. */
    @Test
    void goesOnWithWhatTheReleaseBeforeLeft() throws Exception {
        try (RunningService service = new RunningService(Map.of("DATABASE_URL", FormerDatabase.withTrailOfFormat1()))) {
            User alice = service.user("acme", "alice");
            alice.take(FormerDatabase.CHILD, "res_1", 8).data();
            List<JsonObject> entries = alice.audit(FormerDatabase.CHILD);
            assertThat(entries)
                    .extracting(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                    .containsExactly(
                            "quota.allocate applied",
                            "usage.allocate applied",
                            "permission.grant applied",
                            "usage.allocate applied",
                            "usage.allocate refused",
                            "quota.allocate applied",
                            "usage.allocate applied");
            assertThat(entries.get(1).getJsonObject("details"))
                    .as("of the release before, in its shape")
                    .isEqualTo(new JsonObject("""
                            {"resource_id": "res_1", "usage_mb": 40, "used_mb_before": 0, "used_mb_after": 40,
                             "held_mb_before": 0, "held_mb_after": 40}
                            """));
            assertThat(entries.get(1).getString("operation_id"))
                    .isEqualTo(entries.get(1).getString("audit_id"));
            assertThat(entries.get(6).getJsonObject("details").getJsonArray("changes"))
                    .isEqualTo(new JsonArray("""
                            [{"quota_id": "%s", "version": 6,
                              "before": {"used_mb": 45, "reserved_mb": 0, "held_mb": 40}, "after": {"used_mb": 53, "reserved_mb": 0, "held_mb": 48}}]
                            """.formatted(FormerDatabase.CHILD)));
            // A repeat of what the release before did, under its key, gets the first answer as it was: without fields
            // that
            // this release has added, so not checked against its contract.
            HttpResponse<String> repeat = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create(service.base() + "/api/v1/quotas/" + FormerDatabase.ROOT
                                            + "/usage/allocate"))
                                    .header("Authorization", alice.authorization())
                                    .header("Content-Type", "application/json")
                                    .header("Idempotency-Key", "key-1")
                                    .POST(HttpRequest.BodyPublishers.ofString(User.usage("res_1", 10)
                                            .put("reason", "a \"nightly\" build ü")
                                            .encode()))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            assertThat(repeat.headers().firstValue("Idempotent-Replayed"))
                    .as(repeat.body())
                    .contains("true");
            assertThat(repeat.statusCode()).isEqualTo(200);
        }
    }
}
