package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of a quota's usage history.
 *
 * @param nextCursor asks for the next page; null at the end
 */
public record LedgerPage(List<Entry> entries, @Nullable String nextCursor) {

    /**
     * Figures are those after the operation, in megabytes; {@code operation} is {@code allocate}, {@code deallocate} or {@code
     * adjust}; {@code differenceMb} is {@code usageMb} with its sign. {@code transferId} is the same in both entries of a transfer, else null.
     */
    public record Entry(
            String usageId,
            @Nullable String transferId,
            String quotaId,
            String resourceId,
            String operation,
            long usageMb,
            long differenceMb,
            String userId,
            String serviceId,
            @Nullable String reason,
            long usedMb,
            long heldMb,
            Instant createdAt) {

        static Entry of(JsonObject data) {
            long usageMb = data.getLong("usage_mb");
            return new Entry(
                    data.getString("usage_id"),
                    data.getString("transfer_id"),
                    data.getString("quota_id"),
                    data.getString("resource_id"),
                    data.getString("operation"),
                    usageMb,
                    data.getLong("difference_mb", data.getString("operation").equals("allocate") ? usageMb : -usageMb),
                    data.getString("user_id"),
                    data.getString("service_id"),
                    data.getString("reason"),
                    data.getLong("used_mb"),
                    data.getLong("held_mb"),
                    data.getInstant("created_at"));
        }
    }

    static LedgerPage of(JsonObject data) {
        return new LedgerPage(Lists.of(data, "entries", Entry::of), data.getString("next_cursor"));
    }
}
