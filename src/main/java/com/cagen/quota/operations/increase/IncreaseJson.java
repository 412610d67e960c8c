package com.cagen.quota.operations.increase;

import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.engine.operation.JsonText;

/** A request for a larger quota in an answer. */
final class IncreaseJson {
    private IncreaseJson() {}

    static void write(Increase increase, JsonText json) {
        Increase.Decision decision = increase.decision();
        json.put("increase_id", increase.id())
                .put("quota_id", increase.quotaId())
                .put("total_mb", increase.totalMb())
                .put("total_mb_before", increase.totalMbBefore())
                .put("reason", increase.reason())
                .put("status", increase.status().wireName())
                .put("requested_by", increase.requestedBy())
                .put("created_at", increase.createdAt())
                .put("decided_by", decision == null ? null : decision.by())
                .put("decided_at", decision == null ? null : decision.at())
                .put("decision_reason", decision == null ? null : decision.reason());
    }
}
