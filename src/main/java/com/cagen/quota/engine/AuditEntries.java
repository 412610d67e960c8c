package com.cagen.quota.engine;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.protocol.ErrorCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The audit entries of a request: what was asked and what it changed, or why not. */
final class AuditEntries {
    private AuditEntries() {}

    /**
     * The entries of what a change does, each about its first quota.
     *
     * @param operationId the id of the first entry
     */
    static <C extends Input> List<AuditEntry> applied(
            UUID operationId, Request request, Operation<C> operation, Change change, Instant now) {
        List<AuditEntry> entries = new ArrayList<>(1);
        for (Change.Entry entry : change.entries()) {
            UUID id = AuditEntry.idOf(operationId, entries.size());
            String details = JsonText.object(json -> {
                describe(request, operation, json);
                json.putIfPresent("reason", entry.reason());
                writeIncrease(change.increase(), json);
                QuotaChangeJson.write(entry.quotas(), change.namesResources(), json);
            });
            entries.add(
                    applied(id, operationId, request, operation, entry.quotas().get(0), details, now));
        }
        return entries;
    }

    private static AuditEntry applied(
            UUID id,
            UUID operationId,
            Request request,
            Operation<?> operation,
            QuotaChange change,
            String details,
            Instant now) {
        Quota quota = change.after();
        return new AuditEntry(
                id,
                operationId,
                request.caller().organizationId(),
                quota.id(),
                quota.parentId(),
                change.newVersion(),
                operation.name().text(),
                AuditEntry.APPLIED,
                request.caller().userId(),
                request.caller().serviceId(),
                target(request, operation),
                details,
                request.requestId(),
                now);
    }

    /**
     * @param quota the quota that the refusal is about, when it is the caller's organization's; else null
     * @return null for a refusal that is not audited: of a read (a replayed credential aside), or of a code that says nothing
     *     about the organization's quotas
     */
    static <C extends Input> @Nullable AuditEntry refused(
            UUID id, Request request, Operation<C> operation, @Nullable Quota quota, Refusal refusal, Instant now) {
        return refused(id, id, request, operation, quota, refusal, now);
    }

    /** As {@link #refused}, of a part of a request. */
    static <C extends Input> @Nullable AuditEntry refused(
            UUID id,
            UUID operationId,
            Request request,
            Operation<C> operation,
            @Nullable Quota quota,
            Refusal refusal,
            Instant now) {
        boolean replayed = refusal.code() == ErrorCode.CREDENTIAL_REPLAYED;
        if (!replayed && !(operation.name().change() && refusal.code().audited())) {
            return null;
        }
        String details = JsonText.object(json -> {
            json.put("code", refusal.code().wireName());
            if (replayed) {
                json.put("operation", operation.name().text());
            } else {
                operation.describeRefused(operation.commandType().cast(request.command()), refusal, json);
                json.putIfPresent("idempotency_key", request.idempotencyKey());
                json.raw("refusal", JsonText.object(inner -> inner.all(refusal.details())));
            }
        });
        return new AuditEntry(
                id,
                operationId,
                request.caller().organizationId(),
                quota == null ? null : quota.id(),
                quota == null ? null : quota.parentId(),
                null,
                replayed ? AuditEntry.CREDENTIAL_USE : operation.name().text(),
                AuditEntry.REFUSED,
                request.caller().userId(),
                request.caller().serviceId(),
                target(request, operation),
                details,
                request.requestId(),
                now);
    }

    private static void writeIncrease(@Nullable Increase increase, JsonText json) {
        if (increase != null) {
            json.object("increase", fields -> fields.put("increase_id", increase.id())
                    .put("status", increase.status().wireName())
                    .put("total_mb", increase.totalMb())
                    .put("requested_by", increase.requestedBy()));
        }
    }

    private static <C extends Input> void describe(Request request, Operation<C> operation, JsonText json) {
        operation.describe(operation.commandType().cast(request.command()), json);
        json.putIfPresent("idempotency_key", request.idempotencyKey());
    }

    private static <C extends Input> @Nullable String target(Request request, Operation<C> operation) {
        return operation.targetUserId(operation.commandType().cast(request.command()));
    }
}
