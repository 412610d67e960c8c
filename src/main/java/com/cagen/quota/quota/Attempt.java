package com.cagen.quota.quota;

import com.cagen.quota.domain.Admission;
import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.AuthMessage;
import com.cagen.quota.domain.Decision;
import com.cagen.quota.domain.OperationKey;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaKey;
import com.cagen.quota.domain.RecordedOperation;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.Request;
import com.cagen.quota.storage.AuthOutboxRows;
import com.cagen.quota.storage.OutboxRows;
import com.cagen.quota.storage.QuotaRows;
import com.cagen.quota.storage.RequestRows;
import com.cagen.quota.storage.Session;
import com.cagen.quota.storage.Write;
import io.vertx.core.Future;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * One run of one operation in a transaction of its own, and what all such operations share: admission in the contract's
 * order, and writing the answer's record and audit entry along with the change.
 *
 * @param accepted whether the nonce was claimed, now or in an earlier round
 * @param claimMillis how long a grant or revocation may take from its decision to its record
 */
record Attempt(Session connection, Pending pending, boolean accepted, long claimMillis, Instant now) {

    static Attempt of(Session connection, Pending pending, boolean accepted, long claimMillis) {
        return new Attempt(
                connection, pending, accepted, claimMillis, Instant.now().truncatedTo(ChronoUnit.MICROS));
    }

    Request request() {
        return pending.request;
    }

    String organizationId() {
        return pending.organizationId();
    }

    /** Which rows an operation needs, and how. */
    enum Rows {
        QUOTA,
        QUOTA_LOCKED,
        QUOTA_AND_PARENT_LOCKED
    }

    /**
     * Loads the quota, admits the request, and lets {@code rules} go on with the quota and (if asked for) its parent.
     * Whatever admission says instead is settled here.
     */
    Future<Step> onQuota(Rows rows, BiFunction<Quota, @Nullable Quota, Future<Step>> rules) {
        QuotaKey key = pending.quotaKey();
        Future<Map<String, Quota>> loaded = !key.canExist()
                ? Future.succeededFuture(Map.of())
                : rows == Rows.QUOTA_AND_PARENT_LOCKED
                        ? QuotaRows.lockWithParent(connection, key.organizationId(), key.quotaId())
                        : (rows == Rows.QUOTA_LOCKED
                                        ? QuotaRows.lock(connection, List.of(key))
                                        : QuotaRows.find(connection, List.of(key)))
                                .map(found -> {
                                    Map<String, Quota> byId = new HashMap<>();
                                    found.values().forEach(quota -> byId.put(quota.id(), quota));
                                    return byId;
                                });
        Future<Map<String, Quota>> current = loaded.compose(found -> withOwnersOfToday(found, key.quotaId()));
        return current.compose(found -> recorded().compose(record -> {
            Quota quota = found.get(key.quotaId());
            Quota parent = quota == null || quota.parentId() == null ? null : found.get(quota.parentId());
            Decision decision = Admission.admit(
                    accepted,
                    quota,
                    parent,
                    request(),
                    pending.grants,
                    record.isEmpty() ? null : record.values().iterator().next(),
                    pending.fingerprint);
            if (decision == null) {
                return rules.apply(Objects.requireNonNull(quota), parent);
            } else if (decision instanceof Decision.Replay replay) {
                return Future.succeededFuture(new Step.Settled(replay.answer()));
            } else if (decision instanceof Decision.NeedsGrant needs) {
                List<Quota> quotas = needs.quotaIds().stream()
                        .map(id -> Objects.requireNonNull(found.get(id)))
                        .toList();
                return Future.succeededFuture(new Step.Ask(quotas));
            } else if (decision instanceof Refusal refusal) {
                return refuse(quota, refusal);
            }
            throw new IllegalStateException("admission said " + decision);
        }));
    }

    /** Changes of owners leave released quotas out, whose trail must follow them all the same. */
    private Future<Map<String, Quota>> withOwnersOfToday(Map<String, Quota> found, String id) {
        Quota quota = found.get(id);
        if (quota == null || !quota.deleted() || quota.parentId() == null) {
            return Future.succeededFuture(found);
        }
        return QuotaRows.ownersAbove(connection, quota).map(owners -> {
            found.put(id, quota.withInheritedOwners(owners));
            return found;
        });
    }

    /** What was recorded under the request's idempotency key: one entry or none. */
    Future<Map<OperationKey, RecordedOperation>> recorded() {
        OperationKey key = pending.operationKey();
        return RequestRows.findOperations(connection, key == null ? List.of() : List.of(key));
    }

    /** Settles the request as refused; what the audit trail wants to know of it is written in this transaction. */
    Future<Step> refuse(@Nullable Quota quota, Refusal refusal) {
        AuditEntry entry = Entries.refused(pending.id, request(), quota, refusal, now);
        Future<?> written =
                entry == null || !pending.records(entry) ? Future.succeededFuture() : connection.write(outbox(entry));
        return written.map(ignored -> new Step.Settled(refusal));
    }

    /** Settles the request as done: its audit entry, and its record under its idempotency key. */
    Future<Step> done(String message, String data, AuditEntry entry) {
        Answer.Success answer = new Answer.Success(message, data, false);
        OperationKey key = pending.operationKey();
        List<Write> writes = new ArrayList<>();
        if (key != null && pending.fingerprint != null) {
            writes.add(RequestRows.operations(
                    List.of(new RequestRows.NewOperation(key, new RecordedOperation(pending.fingerprint, answer))),
                    now));
        }
        writes.addAll(outbox(entry));
        return connection.write(writes).map(ignored -> new Step.Settled(answer));
    }

    private List<Write> outbox(AuditEntry entry) {
        return OutboxRows.entries(List.of(new OutboxRows.OutboxRow(organizationId(), pending.id, List.of(entry))));
    }

    /** Has the auth service told of a new quota, sooner or later. */
    Future<Void> register(Quota quota, List<String> adminUserIds) {
        String description = quota.description() == null ? "" : quota.description();
        return AuthOutboxRows.insert(
                connection,
                organizationId(),
                quota.id(),
                new AuthMessage(
                        request().caller().userId(),
                        request().caller().teamIds(),
                        quota.name(),
                        description,
                        adminUserIds));
    }

    /** An answer that changed nothing and is not audited. */
    static Step read(String message, String data) {
        return new Step.Settled(new Answer.Success(message, data, false));
    }
}
