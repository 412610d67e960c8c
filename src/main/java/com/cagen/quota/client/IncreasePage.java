package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of requests for larger quotas.
 *
 * @param nextCursor asks for the next page; null at the end
 */
public record IncreasePage(
        List<Increase> increases, @Nullable String nextCursor) {

    static IncreasePage of(JsonObject data) {
        return new IncreasePage(Lists.of(data, "increases", Increase::of), data.getString("next_cursor"));
    }
}
