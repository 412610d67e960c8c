package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;

/** Two siblings after a transfer of capacity: the one that gave, and the one that got. */
public record QuotaTransfer(Quota from, Quota to) {

    static QuotaTransfer of(JsonObject data) {
        return new QuotaTransfer(Quota.of(data.getJsonObject("from")), Quota.of(data.getJsonObject("to")));
    }
}
