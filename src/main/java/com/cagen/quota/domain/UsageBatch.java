package com.cagen.quota.domain;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Many operations under one set of locks, decided one after the other, as if each had been alone. */
public final class UsageBatch {

    /**
     * One operation of a batch.
     *
     * @param request a {@link Operation.Usage} or a {@link Operation.GetQuota}
     * @param nonceAccepted whether its credential was used for the first time
     * @param grants what is known of its caller's
     * @param fingerprint the request's {@link Fingerprint}, or null without an idempotency key
     */
    // Items are never compared; the array is not written to.
    @SuppressWarnings("ArrayRecordComponent")
    public record Item(Request request, boolean nonceAccepted, KnownGrants grants, byte @Nullable [] fingerprint) {}

    /**
     * The rows that the batch depends on, as they are under its locks. Never written to here.
     *
     * @param quotas those that exist, deleted ones included
     * @param heldMb what is not there is 0
     * @param recorded the first successes under the batch's idempotency keys
     */
    public record Locked(
            Map<QuotaKey, Quota> quotas, Map<HoldingKey, Long> heldMb, Map<OperationKey, RecordedOperation> recorded) {}

    private final Map<QuotaKey, Quota> quotas;
    private final Map<HoldingKey, Long> heldMb;
    private final Map<OperationKey, RecordedOperation> recorded;
    /** Which item was applied under a key, in this batch. */
    private final Map<OperationKey, Integer> applied = new HashMap<>();

    private final List<Item> items;
    private final Instant now;

    private UsageBatch(Locked locked, List<Item> items, Instant now) {
        this.quotas = new HashMap<>(locked.quotas());
        this.heldMb = new HashMap<>(locked.heldMb());
        this.recorded = locked.recorded();
        this.items = items;
        this.now = now;
    }

    /**
     * Decides the items in the order given, each against the state that its predecessors left.
     *
     * @return one decision an item: a {@link Refusal}, {@link Decision.NeedsGrant}, {@link Decision.Replay}, {@link
     *     Decision.SameAs}, {@link Decision.Usage} or {@link Decision.Read}
     * @throws IllegalArgumentException for an operation that is neither usage nor a read of one quota
     */
    public static List<Decision> decide(Locked locked, List<Item> items, Instant now) {
        UsageBatch batch = new UsageBatch(locked, items, now);
        List<Decision> decisions = new ArrayList<>(items.size());
        for (int index = 0; index < items.size(); index++) {
            decisions.add(batch.decide(index));
        }
        return decisions;
    }

    private Decision decide(int index) {
        Item item = items.get(index);
        Request request = item.request();
        if (request.operation() instanceof Operation.Usage usage) {
            return decideUsage(index, item, usage);
        }
        if (request.operation() instanceof Operation.GetQuota read) {
            Quota quota = quotas.get(quotaKey(request, read));
            Decision refused = Admission.admit(item.nonceAccepted(), quota, null, request, item.grants(), null, null);
            return refused == null && quota != null ? new Decision.Read(quota) : orNotFound(refused);
        }
        throw new IllegalArgumentException(request.operation().type() + " does not go into a batch");
    }

    private Decision decideUsage(int index, Item item, Operation.Usage usage) {
        Request request = item.request();
        QuotaKey quotaKey = quotaKey(request, usage);
        Quota quota = quotas.get(quotaKey);
        OperationKey key = operationKey(request);
        RecordedOperation first = key == null ? null : recorded.get(key);
        Integer earlier = key == null ? null : applied.get(key);
        boolean keyKnown = first != null || earlier != null;
        Decision early = Admission.beforeTheKey(item.nonceAccepted(), quota, null, request, item.grants(), keyKnown);
        if (early != null || quota == null) {
            return orNotFound(early);
        }
        if (first != null) {
            return Admission.repeat(first, item.fingerprint());
        }
        if (earlier != null) {
            // Without a fingerprint nothing shows that it is the same request.
            return item.fingerprint() != null
                            && Arrays.equals(items.get(earlier).fingerprint(), item.fingerprint())
                    ? new Decision.SameAs(earlier)
                    : Admission.keyReused();
        }
        HoldingKey holding = new HoldingKey(quotaKey.organizationId(), quotaKey.quotaId(), usage.resourceId());
        Decision decision = UsageRules.decide(quota, heldMb.getOrDefault(holding, 0L), usage, now);
        if (decision instanceof Decision.Usage done) {
            quotas.put(quotaKey, done.after());
            heldMb.put(holding, done.heldMb());
            if (key != null) {
                applied.put(key, index);
            }
        }
        return decision;
    }

    private static Decision orNotFound(@Nullable Decision decision) {
        return decision != null ? decision : Refusal.quotaNotFound();
    }

    private static QuotaKey quotaKey(Request request, Operation.OnQuota operation) {
        return new QuotaKey(request.caller().organizationId(), operation.quotaId());
    }

    private static @Nullable OperationKey operationKey(Request request) {
        String key = request.idempotencyKey();
        Caller caller = request.caller();
        return key == null ? null : new OperationKey(caller.organizationId(), caller.serviceId(), key);
    }
}
