package com.cagen.quota.domain;

import java.util.List;

/** What the rules say of an operation, given the rows it depends on. */
public sealed interface Decision
        permits Refusal, Decision.NeedsGrant, Decision.Read, Decision.Replay, Decision.SameAs, Decision.Usage {

    /** Nothing can be said before the auth service has been asked about these quotas. */
    record NeedsGrant(List<String> quotaIds) implements Decision {}

    /** The same request was done before, under the same idempotency key. */
    record Replay(Answer.Success answer) implements Decision {}

    /** A usage operation is allowed. {@code after} is the quota, {@code heldMb} what the resource then holds on it. */
    record Usage(Quota after, long heldMb) implements Decision {}

    /**
     * The same request, under the same idempotency key, was applied by an earlier one of this batch: it gets that one's
     * answer, as a replay.
     *
     * @param item the earlier one's place in the batch, from 0
     */
    record SameAs(int item) implements Decision {}

    /** A read is allowed, and this is what the quota was at its place in the order of the batch. */
    record Read(Quota quota) implements Decision {}
}
