package com.cagen.quota.client;

import com.cagen.quota.protocol.Permission;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who has access to a quota.
 *
 * @param owners in the first page only, from the root down
 * @param grants by user
 * @param nextCursor asks for the next page of grants; null at the end
 */
public record PermissionPage(
        List<Owner> owners, List<Grant> grants, @Nullable String nextCursor) {

    /** @param quotaId the quota, itself or an ancestor, that the user was made owner of */
    public record Owner(String userId, String quotaId) {}

    /** @param grantedBy null, as {@code grantedAt} is, for what was granted before the service recorded it */
    public record Grant(
            String userId,
            List<Permission> permissions,
            @Nullable Instant expiresAt,
            @Nullable String grantedBy,
            @Nullable Instant grantedAt) {}

    static PermissionPage of(JsonObject data) {
        return new PermissionPage(
                Lists.of(data, "owners", owner -> new Owner(owner.getString("user_id"), owner.getString("quota_id"))),
                Lists.of(
                        data,
                        "grants",
                        grant -> new Grant(
                                grant.getString("user_id"),
                                Lists.permissions(grant.getJsonArray("permissions")),
                                grant.getInstant("expires_at"),
                                grant.getString("granted_by"),
                                grant.getInstant("granted_at"))),
                data.getString("next_cursor"));
    }
}
