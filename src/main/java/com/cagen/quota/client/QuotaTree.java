package com.cagen.quota.client;

import com.cagen.quota.protocol.QuotaType;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A quota and what is below it, as it is described to be. What is null stays as it is.
 *
 * @param key unique among the siblings; null at the top
 * @param type of a child; null at the top
 * @param targetId the team of a child of type team, else null
 * @param totalMb in megabytes; of a child always given
 * @param children null: whatever is below stays
 */
public record QuotaTree(
        @Nullable String key,
        @Nullable String name,
        @Nullable String description,
        @Nullable QuotaType type,
        @Nullable String targetId,
        @Nullable Long totalMb,
        @Nullable List<QuotaTree> children) {
    public QuotaTree {
        children = children == null ? null : List.copyOf(children);
    }

    /** The top of a tree. */
    public QuotaTree(@Nullable Long totalMb, @Nullable List<QuotaTree> children) {
        this(null, null, null, null, null, totalMb, children);
    }

    /** A child that is an organization's. */
    public QuotaTree(String key, String name, long totalMb, @Nullable List<QuotaTree> children) {
        this(key, name, null, QuotaType.ORGANIZATION, null, totalMb, children);
    }

    static QuotaTree of(JsonObject data) {
        String type = data.getString("type");
        return new QuotaTree(
                data.getString("key"),
                data.getString("name"),
                data.getString("description"),
                type == null ? null : QuotaType.ofWireName(type),
                data.getString("target_id"),
                data.getLong("total_mb"),
                Lists.of(data, "children", QuotaTree::of));
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject()
                .put("key", key)
                .put("name", name)
                .put("description", description)
                .put("type", type == null ? null : type.wireName())
                .put("target_id", targetId)
                .put("total_mb", totalMb);
        if (children != null) {
            JsonArray below = new JsonArray();
            children.forEach(child -> below.add(child.toJson()));
            json.put("children", below);
        }
        return json;
    }
}
