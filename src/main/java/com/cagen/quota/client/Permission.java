package com.cagen.quota.client;

import io.vertx.core.json.JsonArray;
import java.util.List;
import java.util.Locale;

/** What may be granted on a quota: owner implies admin, admin implies read. */
public enum Permission {
    READ,
    ADMIN,
    OWNER;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    static List<Permission> listOf(JsonArray wireNames) {
        return wireNames.stream().map(each -> of((String) each)).toList();
    }

    private static Permission of(String wireName) {
        return valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
