package com.cagen.quota.quota;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.Fingerprint;
import com.cagen.quota.domain.KnownGrants;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.OperationKey;
import com.cagen.quota.domain.QuotaKey;
import com.cagen.quota.domain.Request;
import io.vertx.core.Promise;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A request on its way through a lane. It may go round more than once, when the auth service has to be asked. */
final class Pending {
    /** Grants that change while being asked about are asked about again, this often. */
    static final int MAX_ROUNDS = 4;

    /** Of heap, besides texts: objects, map entries, the promise and what waits on it. */
    private static final long FIXED_BYTES = 1_000;

    final Request request;
    /** About how much of the heap it takes while it waits. */
    final long bytes;

    final UUID id = Ids.operation();
    final byte @Nullable [] fingerprint;
    final Promise<Answer> promise = Promise.promise();
    KnownGrants grants = KnownGrants.NONE;
    /** Whether the use of a used credential makes an audit entry of its own; else it is counted. */
    Predicate<AuditEntry> recordsUse = entry -> true;
    /** The use of a used credential, if that is what this was, that is not recorded but to be counted. */
    @Nullable
    AuditEntry usedAgain;

    /** Set once the nonce is claimed in a committed transaction: a further round must not claim it again. */
    boolean nonceClaimed;

    /** Set once a grant or revocation may hold the claim on its target's grants. */
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

    Pending(Request request) {
        this.request = request;
        this.bytes = bytes(request);
        this.fingerprint = request.idempotencyKey() == null ? null : Fingerprint.of(request);
    }

    /** Whether the transaction is to record the entry of a refusal. */
    boolean records(AuditEntry entry) {
        boolean recorded = !entry.action().equals(AuditEntry.CREDENTIAL_USE) || recordsUse.test(entry);
        usedAgain = recorded ? null : entry;
        return recorded;
    }

    /** See {@link #bytes}. */
    static long bytes(Request request) {
        Caller caller = request.caller();
        long characters = characters(request.idempotencyKey(), request.requestId(), caller.userId())
                + characters(caller.teamIds());
        Operation operation = request.operation();
        if (operation instanceof Operation.Usage usage) {
            characters += characters(usage.resourceId(), usage.reason());
        } else if (operation instanceof Operation.AllocateQuota allocate) {
            characters += characters(allocate.name(), allocate.description()) + characters(allocate.adminUserIds());
        } else if (operation instanceof Operation.CreateQuota create) {
            characters += characters(create.name(), create.description());
        } else if (operation instanceof Operation.SuspendQuota suspend) {
            characters += characters(suspend.reason());
        } else if (operation instanceof Operation.ResumeQuota resume) {
            characters += characters(resume.reason());
        }
        return FIXED_BYTES + 2 * characters;
    }

    private static long characters(@Nullable String... texts) {
        long sum = 0;
        for (String text : texts) {
            sum += text == null ? 0 : text.length();
        }
        return sum;
    }

    private static long characters(List<String> texts) {
        long sum = 0;
        for (String text : texts) {
            sum += text.length() + 32; // an object each
        }
        return sum;
    }

    Operation operation() {
        return request.operation();
    }

    String organizationId() {
        return request.caller().organizationId();
    }

    /** Only for operations on a quota. */
    QuotaKey quotaKey() {
        return new QuotaKey(organizationId(), ((Operation.OnQuota) request.operation()).quotaId());
    }

    @Nullable
    OperationKey operationKey() {
        String key = request.idempotencyKey();
        return key == null
                ? null
                : new OperationKey(organizationId(), request.caller().serviceId(), key);
    }
}
