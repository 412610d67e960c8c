package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;

/**
 * A quota's usage over time.
 *
 * @param buckets parts of equal length, in order
 */
public record UsageTimeline(List<Bucket> buckets) {

    /**
     * Figures are megabytes. A bucket in which nothing happened carries the last figure on.
     *
     * @param start its beginning; it ends where the next one begins
     * @param refused how many requests about its usage were refused
     */
    public record Bucket(
            Instant start,
            long usedMbMin,
            long usedMbMax,
            long usedMbEnd,
            long allocatedMb,
            long deallocatedMb,
            long refused) {

        static Bucket of(JsonObject data) {
            return new Bucket(
                    data.getInstant("start"),
                    data.getLong("used_mb_min"),
                    data.getLong("used_mb_max"),
                    data.getLong("used_mb_end"),
                    data.getLong("allocated_mb"),
                    data.getLong("deallocated_mb"),
                    data.getLong("refused"));
        }
    }

    static UsageTimeline of(JsonObject data) {
        return new UsageTimeline(Lists.of(data, "buckets", Bucket::of));
    }
}
