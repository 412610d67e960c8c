package com.cagen.quota.domain;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What comes before the rules, in the contract's order: a used credential, 404, 403, the idempotency key. */
public final class Admission {
    private Admission() {}

    /**
     * Decides whether an operation on a quota gets as far as the rules.
     *
     * @param nonceAccepted whether the credential was used for the first time
     * @param quota the row as locked, deleted or not; null when the caller's organization has none by this id
     * @param parent see {@link Access#check}
     * @param recorded the first success under the request's idempotency key, if there was one
     * @param fingerprint of the request; needed when {@code recorded} is there, else it cannot match
     * @return null to go on with the rules; otherwise a refusal, {@link Decision.NeedsGrant} or {@link Decision.Replay}
     */
    public static @Nullable Decision admit(
            boolean nonceAccepted,
            @Nullable Quota quota,
            @Nullable Quota parent,
            Request request,
            KnownGrants grants,
            @Nullable RecordedOperation recorded,
            byte @Nullable [] fingerprint) {
        Decision early = beforeTheKey(nonceAccepted, quota, parent, request, grants, recorded != null);
        return early != null || recorded == null ? early : repeat(recorded, fingerprint);
    }

    /**
     * The checks that come before the idempotency key; null to go on with the key.
     *
     * @param keyKnown whether something was done under the request's key: then a deleted quota is still known
     */
    static @Nullable Decision beforeTheKey(
            boolean nonceAccepted,
            @Nullable Quota quota,
            @Nullable Quota parent,
            Request request,
            KnownGrants grants,
            boolean keyKnown) {
        if (!nonceAccepted) {
            return Refusal.credentialReplayed();
        }
        // The organization is part of every lookup; should one ever forget it, nothing foreign is told from nothing at
        // all.
        if (quota == null || !quota.organizationId().equals(request.caller().organizationId())) {
            return Refusal.quotaNotFound();
        }
        boolean outlivesDeletion = keyKnown || request.operation() instanceof Operation.ListAudit;
        if (quota.deleted() && !outlivesDeletion) {
            return Refusal.quotaNotFound();
        }
        return Access.check(quota, parent, request.caller(), request.operation(), grants);
    }

    /** The answer to a request whose key was recorded. */
    public static Decision repeat(RecordedOperation recorded, byte @Nullable [] fingerprint) {
        if (!Arrays.equals(recorded.fingerprint(), fingerprint)) {
            return keyReused();
        }
        return new Decision.Replay(new Answer.Success(
                recorded.answer().message(), recorded.answer().data(), true));
    }

    /** The key already names another request. */
    static Refusal keyReused() {
        return Refusal.of(
                ErrorCode.IDEMPOTENCY_KEY_REUSED,
                "This idempotency key was used for another request; use a new key for each operation.");
    }
}
