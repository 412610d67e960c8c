package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.Test;

class ContractCheckerTest {
    private final ContractChecker contract = new ContractChecker();

    private static JsonObject quota() {
        return new JsonObject()
                .put("id", "quota_1")
                .put("version", 1)
                .put("name", "Team")
                .putNull("description")
                .putNull("key")
                .put("type", "organization")
                .put("total_mb", 100)
                .put("used_mb", 0)
                .put("reserved_mb", 0)
                .put("allocated_mb", 0)
                .put("available_mb", 100)
                .putNull("drain_to_mb")
                .put("my_permissions", new JsonArray())
                .putNull("parent_quota_id")
                .put("level", 0)
                .put("path", "/quota_1")
                .put("owner_id", "user_1")
                .put("organization_id", "org_1")
                .putNull("team_id")
                .put("status", "active")
                .put("effective_status", "active")
                .put("created_at", "2026-01-01T00:00:00.123456Z")
                .put("updated_at", "2026-01-01T00:00:00Z")
                .putNull("deleted_at");
    }

    private static String success(JsonObject data) {
        return new JsonObject()
                .put("success", true)
                .put("message", "Done.")
                .put("data", data)
                .encode();
    }

    private static JsonObject error(String code) {
        return new JsonObject()
                .put("success", false)
                .put("error", "A sentence.")
                .put("code", code)
                .put("request_id", "r")
                .put("details", new JsonObject());
    }

    private void accepts(String method, String path, int status, String body) {
        contract.check(method, path, status, body);
        assertThat(body).isNotEmpty();
    }

    private void refuses(String method, String path, int status, String body) {
        assertThatThrownBy(() -> contract.check(method, path, status, body)).isInstanceOf(AssertionError.class);
    }

    @Test
    void acceptsWhatTheDocumentDescribes() {
        accepts("GET", "/api/v1/quotas/quota_1", 200, success(quota()));
        accepts("POST", "/api/v1/quotas/create", 201, success(quota()));
        accepts("POST", "/api/v1/quotas/quota_1/allocate", 201, success(quota().put("team_id", "t")));
        accepts("GET", "/nothing", 404, error("not_found").encode());
        accepts("PUT", "/api/v1/quotas", 405, error("method_not_allowed").encode());
    }

    @Test
    void refusesAnswersThatLackAField() {
        for (String field : quota().fieldNames()) {
            JsonObject quota = quota();
            quota.remove(field);
            if (field.equals("my_permissions")) { // of a moment of the past it has none
                accepts("GET", "/api/v1/quotas/quota_1", 200, success(quota));
            } else {
                refuses("GET", "/api/v1/quotas/quota_1", 200, success(quota));
            }
        }
    }

    @Test
    void refusesWrongTypes() {
        refuses("GET", "/api/v1/quotas/quota_1", 200, success(quota().put("total_mb", "100")));
        refuses("GET", "/api/v1/quotas/quota_1", 200, success(quota().put("created_at", 1)));
        refuses("GET", "/api/v1/quotas/quota_1", 200, success(quota().put("created_at", "2026-01-01T01:00:00+01:00")));
    }

    @Test
    void refusesAStatusThatIsNotDocumented() {
        refuses("GET", "/api/v1/quotas/quota_1", 201, success(quota()));
        refuses("GET", "/api/v1/quotas/quota_1", 409, error("last_owner").encode());
    }

    @Test
    void refusesACodeUnderAnotherStatus() {
        refuses("GET", "/api/v1/quotas/quota_1", 403, error("quota_not_found").encode());
        refuses("GET", "/api/v1/quotas/quota_1", 404, error("no_such_code").encode());
    }

    @Test
    void refusesFiguresThatAreMissingFromTheDetails() {
        refuses(
                "POST",
                "/api/v1/quotas/q/usage/allocate",
                409,
                error("insufficient_quota").encode());
        refuses(
                "POST",
                "/api/v1/quotas/q/usage/allocate",
                409,
                error("quota_suspended").encode());
        refuses(
                "POST",
                "/api/v1/quotas/q/usage/allocate",
                403,
                error("permission_denied").encode());
        accepts(
                "POST",
                "/api/v1/quotas/q/usage/allocate",
                409,
                error("quota_suspended")
                        .put("details", new JsonObject().put("suspended_quota_id", "q"))
                        .encode());
    }
}
