package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.math.BigInteger;
import java.time.Instant;
import java.util.List;

/** A page of the resources that hold something, largest first. Pages count from 1. */
public record RuntimePage(List<Resource> runtimes, long totalCount, int page, int pageSize, int totalPages) {

    /**
     * What one resource holds on all quotas that the user may see, in megabytes.
     *
     * @param totalUsageMb the exact sum, which a long may not hold
     * @param quotas the largest holdings first; fewer than {@code quotaCount} when there are very many
     */
    public record Resource(
            String resourceId, BigInteger totalUsageMb, int quotaCount, Instant lastActivity, List<Holding> quotas) {

        static Resource of(JsonObject data) {
            return new Resource(
                    data.getString("resource_id"),
                    new BigInteger(data.getNumber("total_usage_mb").toString()),
                    data.getInteger("quota_count"),
                    data.getInstant("last_activity"),
                    Lists.of(data, "quotas", Holding::of));
        }
    }

    public record Holding(String quotaId, String quotaName, long usageMb) {

        static Holding of(JsonObject data) {
            return new Holding(data.getString("quota_id"), data.getString("quota_name"), data.getLong("usage_mb"));
        }
    }

    static RuntimePage of(JsonObject data) {
        return new RuntimePage(
                Lists.of(data, "runtimes", Resource::of),
                data.getLong("total_count"),
                data.getInteger("page"),
                data.getInteger("page_size"),
                data.getInteger("total_pages"));
    }
}
