package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * What became of each resource of a reconciliation, those that were named first.
 *
 * @param adjusted how many resources were adjusted
 * @param refused how many were not, because the quota has not so much available
 */
public record Reconciliation(List<Resource> resources, long adjusted, long refused) {

    /**
     * Amounts are megabytes.
     *
     * @param differenceMb what is to be added; negative when it holds too much
     * @param outcome {@code unchanged}, {@code adjusted} or {@code refused}
     */
    public record Resource(String resourceId, long recordedMb, long observedMb, long differenceMb, String outcome) {
        static Resource of(JsonObject data) {
            return new Resource(
                    data.getString("resource_id"),
                    data.getLong("recorded_mb"),
                    data.getLong("observed_mb"),
                    data.getLong("difference_mb"),
                    data.getString("outcome"));
        }
    }

    static Reconciliation of(JsonObject data) {
        return new Reconciliation(
                Lists.of(data, "items", Resource::of), data.getLong("adjusted"), data.getLong("refused"));
    }
}
