package com.cagen.quota.client;

import com.cagen.quota.protocol.Permission;
import io.vertx.core.json.JsonObject;
import java.util.List;

/** What the target user holds on the quota after a grant or a revocation. */
public record HeldPermissions(String quotaId, String targetUserId, List<Permission> permissions) {

    static HeldPermissions of(JsonObject data) {
        return new HeldPermissions(
                data.getString("quota_id"),
                data.getString("target_user_id"),
                Lists.permissions(data.getJsonArray("permissions")));
    }
}
