package com.cagen.quota.client;

import com.cagen.quota.protocol.Permission;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.function.Function;

/** Lists of objects in an answer. */
final class Lists {
    private Lists() {}

    static <T> List<T> of(JsonObject data, String name, Function<JsonObject, T> element) {
        return data.getJsonArray(name).stream()
                .map(each -> element.apply((JsonObject) each))
                .toList();
    }

    static List<Permission> permissions(JsonArray wireNames) {
        return wireNames.stream()
                .map(each -> Permission.ofWireName((String) each))
                .toList();
    }
}
