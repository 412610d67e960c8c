package com.cagen.quota.quota;

import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.Cursor;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.storage.AuditRows;
import com.cagen.quota.storage.UsageRows;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/** What happened to one quota: its ledger and its audit trail, by cursor. */
final class Histories {
    private Histories() {}

    static Future<Step> usage(Attempt attempt, Operation.UsageHistory query) {
        return attempt.onQuota(Attempt.Rows.QUOTA, (quota, ignored) -> UsageRows.history(
                        attempt.connection(), quota.organizationId(), query)
                .map(page -> Attempt.read("Usage history.", JsonText.object(json -> json.objects(
                                "entries", page.entries(), Histories::ledger)
                        .put("next_cursor", cursor(page.nextCursor()))))));
    }

    private static void ledger(UsageRows.LedgerEntry entry, JsonText json) {
        json.put("usage_id", entry.usageId().toString())
                .put("quota_id", entry.quotaId())
                .put("resource_id", entry.resourceId())
                .put("operation", entry.operation())
                .put("usage_mb", entry.usageMb())
                .put("user_id", entry.userId())
                .put("service_id", entry.serviceId())
                .put("reason", entry.reason())
                .put("used_mb", entry.usedMb())
                .put("held_mb", entry.heldMb())
                .put("created_at", entry.createdAt());
    }

    static Future<Step> audit(Attempt attempt, Operation.ListAudit query) {
        return attempt.onQuota(Attempt.Rows.QUOTA, (quota, ignored) -> AuditRows.list(
                        attempt.connection(), quota.organizationId(), query)
                .map(page -> Attempt.read("Audit trail.", JsonText.object(json -> json.objects(
                                "entries",
                                page.entries(),
                                (item, inner) -> audit(item.seq(), item.entry(), item.hash(), inner))
                        .put("next_cursor", cursor(page.nextCursor()))))));
    }

    private static void audit(long seq, AuditEntry entry, String hash, JsonText json) {
        json.put("audit_id", entry.auditId().toString())
                .put("seq", seq)
                .put("quota_id", entry.quotaId())
                .put("parent_quota_id", entry.parentQuotaId())
                .put("action", entry.action())
                .put("outcome", entry.outcome())
                .put("actor_user_id", entry.actorUserId())
                .put("service_id", entry.serviceId())
                .put("target_user_id", entry.targetUserId())
                .raw("details", entry.details())
                .put("request_id", entry.requestId())
                .put("created_at", entry.createdAt())
                .put("hash", hash);
    }

    private static @Nullable String cursor(@Nullable Long position) {
        return position == null ? null : Cursor.encode(position);
    }
}
