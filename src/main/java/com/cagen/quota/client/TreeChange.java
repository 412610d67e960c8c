package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was done to make a tree as it was described; of a dry run, what would be done.
 *
 * @param plan names the state that the steps were made from
 * @param code the wire name of the error that a dry run would be refused with; null when it would not
 * @param error the same as a sentence; null when it would not be refused
 */
public record TreeChange(
        String plan,
        List<Step> steps,
        @Nullable String code,
        @Nullable String error) {

    /**
     * @param operation {@code create}, {@code update} or {@code release}
     * @param keyPath the keys from below the top down to the quota, with slashes between them; empty for the top
     * @param quotaId null for a quota that is not made yet
     * @param before null for a new quota
     * @param after null for one that is released
     */
    public record Step(
            String operation,
            String keyPath,
            @Nullable String quotaId,
            @Nullable JsonObject before,
            @Nullable JsonObject after) {
        static Step of(JsonObject data) {
            return new Step(
                    data.getString("operation"),
                    data.getString("key_path"),
                    data.getString("quota_id"),
                    data.getJsonObject("before"),
                    data.getJsonObject("after"));
        }
    }

    static TreeChange of(JsonObject data) {
        JsonObject refusal = data.getJsonObject("refusal", new JsonObject());
        return new TreeChange(
                data.getString("plan"),
                Lists.of(data, "steps", Step::of),
                refusal.getString("code"),
                refusal.getString("error"));
    }
}
