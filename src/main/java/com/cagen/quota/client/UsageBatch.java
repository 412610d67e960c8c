package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What became of each item of a batch, in their order. */
public record UsageBatch(List<Item> items) {

    /**
     * @param usage what was done; null when the item was refused
     * @param code the wire name of the error that it was refused with; null when it was done
     * @param error the same as a sentence; null when it was done
     */
    public record Item(
            @Nullable Usage usage,
            @Nullable String code,
            @Nullable String error) {
        static Item of(JsonObject data) {
            JsonObject usage = data.getJsonObject("data");
            return new Item(usage == null ? null : Usage.of(usage), data.getString("code"), data.getString("error"));
        }
    }

    static UsageBatch of(JsonObject data) {
        return new UsageBatch(Lists.of(data, "items", Item::of));
    }
}
