package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;

/**
 * What a transfer of usage did.
 *
 * @param transferId names the transfer in the entries of both quotas' usage history
 */
public record UsageTransfer(String transferId, Usage from, Usage to) {

    static UsageTransfer of(JsonObject data) {
        return new UsageTransfer(
                data.getString("transfer_id"),
                Usage.of(data.getJsonObject("from")),
                Usage.of(data.getJsonObject("to")));
    }
}
