package com.cagen.quota.engine;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Fingerprint;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.Promise;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A request on its way through a lane. It runs more than once when the auth service has to be asked or told. */
final class QueuedRequest {
    /** How often a request may run: grants that change while being asked about are asked about again. */
    static final int MAX_ROUNDS = 4;

    /** Heap besides texts: objects, map entries, the promise and what waits on it. */
    private static final long FIXED_BYTES = 1_000;

    final Request request;
    /** About how much of the heap it takes while it waits. */
    final long bytes;

    final Operation<?> operation;
    /** How many simple requests it is worth in a transaction. */
    final int weight;

    final UUID id = Ids.operation();
    final byte @Nullable [] fingerprint;
    final Promise<Answer> promise = Promise.promise();
    KnownGrants grants = KnownGrants.NONE;
    /** Whether the use of a used credential makes an audit entry of its own; else it is counted. */
    Predicate<AuditEntry> recordsUse = entry -> true;
    /** The use of a used credential, if that is what this was, that is not recorded but to be counted. */
    @Nullable
    AuditEntry usedAgain;

    /**
     * Set once the nonce is claimed in a committed transaction: a further round must not claim it again. Set from the beginning
     * when there is none.
     */
    boolean nonceClaimed;

    /** What the auth service must confirm, once the operation has asked for it. */
    @Nullable
    PermissionChange authChange;

    /** Set once {@link #authChange} may hold the claim on its target's grants. */
    boolean claimed;

    Told told = Told.NOT_YET;
    /** When this first had to wait for another change, in nanoseconds; 0: it has not. */
    long waitingSince;

    int waits;
    int rounds;

    /** What the auth service made of the grant or revocation that this asks for. */
    enum Told {
        NOT_YET,
        /** It was asked, and may have done it or not. */
        UNKNOWN,
        REFUSED,
        CONFIRMED
    }

    QueuedRequest(Request request, Operation<?> operation) {
        this.request = request;
        this.bytes = bytes(request);
        this.operation = operation;
        this.weight = weight(operation, request);
        this.nonceClaimed = request.nonce() == null;
        this.fingerprint = request.idempotencyKey() == null ? null : Fingerprint.of(request);
    }

    private static <C extends Input> int weight(Operation<C> operation, Request request) {
        return operation.weight(operation.commandType().cast(request.command()));
    }

    /** About how much of the heap a request takes while it waits. */
    static long bytes(Request request) {
        Caller caller = request.caller();
        return FIXED_BYTES
                + TextSize.ofTexts(request.requestId(), caller.userId(), request.idempotencyKey())
                + TextSize.of(caller.teamIds())
                + TextSize.ofComponents((Record) request.command());
    }

    /** Whether the transaction is to record the entry of a refusal. */
    boolean records(AuditEntry entry) {
        boolean recorded = !entry.action().equals(AuditEntry.CREDENTIAL_USE) || recordsUse.test(entry);
        usedAgain = recorded ? null : entry;
        return recorded;
    }

    String organizationId() {
        return request.caller().organizationId();
    }

    /** The quota that the request is about; null when it is about none. */
    @Nullable
    QuotaKey quotaKey() {
        String quotaId = request.command().quotaId();
        return quotaId == null ? null : new QuotaKey(organizationId(), quotaId);
    }

    /** The rows that it needs. */
    Needs needs() {
        Needs needs = new Needs();
        need(needs);
        return needs;
    }

    /** Adds the rows that it needs. */
    void need(Needs needs) {
        need(operation, needs);
    }

    private <C extends Input> void need(Operation<C> typed, Needs needs) {
        typed.need(typed.commandType().cast(request.command()), needs.of(organizationId()));
    }

    @Nullable
    OperationKey operationKey() {
        return OperationKey.of(request);
    }
}
