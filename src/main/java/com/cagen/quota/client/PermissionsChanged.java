package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;

/** What was granted or revoked. */
public record PermissionsChanged(String quotaId, String targetUserId, List<Permission> permissions) {

    static PermissionsChanged of(JsonObject data) {
        return new PermissionsChanged(
                data.getString("quota_id"),
                data.getString("target_user_id"),
                data.getJsonArray("permissions").stream()
                        .map(each -> Permission.of((String) each))
                        .toList());
    }
}
