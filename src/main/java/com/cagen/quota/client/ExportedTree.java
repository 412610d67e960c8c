package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * A tree as {@link QuotaRequest.ApplyTree} takes it.
 *
 * @param withoutKey the ids of the highest quotas that have no key, so that they and what is below them are not in the tree
 */
public record ExportedTree(QuotaTree tree, List<String> withoutKey) {
    static ExportedTree of(JsonObject data) {
        return new ExportedTree(
                QuotaTree.of(data.getJsonObject("tree")),
                data.getJsonArray("without_key").stream()
                        .map(String.class::cast)
                        .toList());
    }
}
