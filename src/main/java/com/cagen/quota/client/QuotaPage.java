package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;

/** A page of the quotas that the user owns or was granted. Pages count from 1. */
public record QuotaPage(List<Quota> quotas, long totalCount, int page, int pageSize, int totalPages) {

    static QuotaPage of(JsonObject data) {
        return new QuotaPage(
                Lists.of(data, "quotas", Quota::of),
                data.getLong("total_count"),
                data.getInteger("page"),
                data.getInteger("page_size"),
                data.getInteger("total_pages"));
    }
}
