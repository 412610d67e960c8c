package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of a quota's tree: parents before their children, siblings by name.
 *
 * @param nextCursor asks for the next page; null at the end
 */
public record TreePage(List<Quota> quotas, @Nullable String nextCursor) {

    static TreePage of(JsonObject data) {
        return new TreePage(Lists.of(data, "quotas", Quota::of), data.getString("next_cursor"));
    }
}
