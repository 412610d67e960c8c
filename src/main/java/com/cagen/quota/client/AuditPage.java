package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of a quota's audit trail.
 *
 * @param nextCursor asks for the next page; null at the end
 */
public record AuditPage(List<Entry> entries, @Nullable String nextCursor) {

    /**
     * @param operationId the same in all entries of one operation
     * @param outcome {@code applied} or {@code refused}
     * @param details what was asked; {@code changes} says what was before and after
     */
    public record Entry(
            String auditId,
            String operationId,
            long seq,
            @Nullable String quotaId,
            @Nullable String parentQuotaId,
            String action,
            String outcome,
            String actorUserId,
            String serviceId,
            @Nullable String targetUserId,
            JsonObject details,
            String requestId,
            Instant createdAt,
            String hash) {

        static Entry of(JsonObject data) {
            return new Entry(
                    data.getString("audit_id"),
                    data.getString("operation_id"),
                    data.getLong("seq"),
                    data.getString("quota_id"),
                    data.getString("parent_quota_id"),
                    data.getString("action"),
                    data.getString("outcome"),
                    data.getString("actor_user_id"),
                    data.getString("service_id"),
                    data.getString("target_user_id"),
                    data.getJsonObject("details"),
                    data.getString("request_id"),
                    data.getInstant("created_at"),
                    data.getString("hash"));
        }
    }

    static AuditPage of(JsonObject data) {
        return new AuditPage(Lists.of(data, "entries", Entry::of), data.getString("next_cursor"));
    }
}
