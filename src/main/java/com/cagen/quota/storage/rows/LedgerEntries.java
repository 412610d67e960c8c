package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.LedgerEntry;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads the ledger out of audit entries: each change of what a resource holds is an entry of the ledger. */
final class LedgerEntries {
    private LedgerEntries() {}

    /** Those of one quota, in order. Rows from before there was a journal have none: their usage is in the former ledger. */
    static List<LedgerEntry> of(SealedRows.JournalRow row, String quotaId) {
        List<LedgerEntry> ledger = new ArrayList<>();
        if (row.position() > 0) {
            for (AuditEntry entry : row.entries()) {
                if (entry.quotaVersion() != null && entry.details().contains("\"held_mb\"")) {
                    addAll(ledger, entry, quotaId);
                }
            }
        }
        return ledger;
    }

    private static void addAll(List<LedgerEntry> ledger, AuditEntry entry, String quotaId) {
        JsonObject details = new JsonObject(entry.details());
        JsonArray changes = details.getJsonArray("changes", new JsonArray());
        for (int i = 0; i < changes.size(); i++) {
            JsonObject change = changes.getJsonObject(i);
            Long beforeMb = heldMb(change, "before");
            Long afterMb = heldMb(change, "after");
            if (beforeMb != null && afterMb != null && quotaId.equals(change.getString("quota_id"))) {
                ledger.add(new LedgerEntry(
                        entry.organizationId(),
                        quotaId,
                        change.getLong("version"),
                        entry.auditId(),
                        transferId(entry),
                        change.getString("resource_id", details.getString("resource_id")),
                        operation(entry, afterMb - beforeMb),
                        Math.abs(afterMb - beforeMb),
                        afterMb - beforeMb,
                        entry.actorUserId(),
                        entry.serviceId(),
                        details.getString("reason"),
                        change.getJsonObject("after").getLong("used_mb"),
                        afterMb,
                        entry.createdAt()));
            }
        }
    }

    private static String operation(AuditEntry entry, long differenceMb) {
        if (entry.action().equals("usage.reconcile")) {
            return LedgerEntry.ADJUST;
        }
        return differenceMb > 0 ? "allocate" : "deallocate";
    }

    private static @Nullable Long heldMb(JsonObject change, String side) {
        JsonObject figures = change.getJsonObject(side);
        return figures == null ? null : figures.getLong("held_mb");
    }

    private static @Nullable UUID transferId(AuditEntry entry) {
        return entry.action().equals("usage.transfer") ? entry.operationId() : null;
    }
}
