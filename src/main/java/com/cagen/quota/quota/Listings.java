package com.cagen.quota.quota;

import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.storage.QuotaRows;
import com.cagen.quota.storage.RuntimeRows;
import io.vertx.core.Future;
import java.util.function.BiConsumer;

/** Pages of what the caller owns or was granted something on. */
final class Listings {
    private Listings() {}

    static Future<Step> quotas(Attempt attempt, Operation.ListQuotas list) {
        if (!attempt.accepted()) {
            return attempt.refuse(null, Refusal.credentialReplayed());
        }
        return QuotaRows.list(
                        attempt.connection(),
                        attempt.organizationId(),
                        attempt.request().caller().userId(),
                        list)
                .map(page -> page("Quotas listed.", "quotas", page, list.page(), list.pageSize(), Render::quota));
    }

    static Future<Step> runtimes(Attempt attempt, Operation.ListRuntimes list) {
        if (!attempt.accepted()) {
            return attempt.refuse(null, Refusal.credentialReplayed());
        }
        return RuntimeRows.list(
                        attempt.connection(),
                        attempt.organizationId(),
                        attempt.request().caller().userId(),
                        list)
                .map(page -> page("Usage listed.", "runtimes", page, list.page(), list.pageSize(), Listings::runtime));
    }

    private static void runtime(RuntimeRows.HoldingResource runtime, JsonText json) {
        json.put("resource_id", runtime.resourceId())
                .put("total_usage_mb", runtime.totalMb())
                .put("quota_count", runtime.quotaCount())
                .put("last_activity", runtime.lastActivity())
                .objects("quotas", runtime.quotas(), (held, inner) -> inner.put("quota_id", held.quotaId())
                        .put("quota_name", held.quotaName())
                        .put("usage_mb", held.heldMb()));
    }

    private static <T> Step page(
            String message, String name, QuotaRows.Page<T> page, int number, int size, BiConsumer<T, JsonText> fields) {
        return Attempt.read(message, JsonText.object(json -> json.objects(name, page.items(), fields)
                .put("total_count", page.totalCount())
                .put("page", number)
                .put("page_size", size)
                .put("total_pages", (page.totalCount() + size - 1) / size)));
    }
}
