package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.IncreaseKey;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.quota.SiblingKey;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Permission;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides the requests of a batch in their order, each against the state that its predecessors left, as if each had been
 * alone. A pure function of its arguments.
 */
final class BatchDecision {
    private final LoadedRows loaded;
    private final Map<QuotaKey, Quota> quotas;
    private final Map<HoldingKey, Long> heldMb;
    private final Map<GrantKey, Set<Permission>> grants;
    private final Map<ReservationKey, Reservation> reservations;
    /** Which item was done under a key, in this batch. */
    private final Map<OperationKey, Integer> doneUnder = new HashMap<>();

    private final List<BatchItem> items;
    private final Instant now;
    private final Supplier<String> quotaIds;

    private BatchDecision(LoadedRows loaded, List<BatchItem> items, Instant now, Supplier<String> quotaIds) {
        this.loaded = loaded;
        this.quotas = new HashMap<>(loaded.quotas());
        this.quotas.putAll(loaded.notDue());
        this.heldMb = new HashMap<>(loaded.heldMb());
        this.grants = new HashMap<>(loaded.grants());
        this.reservations = new HashMap<>(loaded.reservations());
        this.items = items;
        this.now = now;
        this.quotaIds = quotaIds;
    }

    /**
     * One decision for each item, in order.
     *
     * @param now in whole microseconds
     * @param quotaIds makes the ids of new quotas
     */
    static List<Decision> decide(LoadedRows loaded, List<BatchItem> items, Instant now, Supplier<String> quotaIds) {
        BatchDecision batch = new BatchDecision(loaded, items, now, quotaIds);
        List<Decision> decisions = new ArrayList<>(items.size());
        for (int index = 0; index < items.size(); index++) {
            BatchItem item = items.get(index);
            decisions.add(batch.decide(index, item, (RowOperation<?>) item.operation()));
        }
        return decisions;
    }

    private <C extends Input> Decision decide(int index, BatchItem item, RowOperation<C> operation) {
        Request request = item.request();
        C command = operation.commandType().cast(request.command());
        Rows rows = new RowsOfOrganization(request.caller().organizationId());
        OperationKey key = OperationKey.of(request);
        RecordedOperation recorded = key == null ? null : loaded.recorded().get(key);
        Integer earlier = key == null ? null : doneUnder.get(key);
        Decision early = Admission.admit(item, operation, command, rows, recorded != null || earlier != null);
        if (early != null) {
            return early;
        }
        if (recorded != null) {
            return Admission.repeat(recorded, item.fingerprint());
        }
        if (earlier != null) {
            return sameRequest(items.get(earlier), item) ? new Decision.SameAs(earlier) : Admission.keyReused();
        }
        Context context =
                new Context(item.operationId(), request.caller(), item.grants(), now, quotaIds, item.toldAuth());
        Decision decision = operation.decide(command, rows, context);
        if (decision instanceof Decision.Done done) {
            apply(request.caller().organizationId(), done.change());
            if (key != null) {
                doneUnder.put(key, index);
            }
        }
        return decision;
    }

    /** Without a fingerprint nothing shows that it is the same request. */
    private static boolean sameRequest(BatchItem one, BatchItem other) {
        return other.fingerprint() != null && Arrays.equals(one.fingerprint(), other.fingerprint());
    }

    private void apply(String organizationId, Change change) {
        for (QuotaChange quota : change.quotas()) {
            String id = quota.after().id();
            // The audit entry is derived from what the change says was before: it must be what was there.
            if (!Objects.equals(quotas.put(new QuotaKey(organizationId, id), quota.after()), quota.before())) {
                throw new IllegalStateException("the change does not begin with the quota as it was");
            }
            QuotaChange.Held held = quota.held();
            if (held != null) {
                heldMb.put(new HoldingKey(organizationId, id, held.resourceId()), held.afterMb());
            }
            QuotaChange.Reserved reserved = quota.reserved();
            if (reserved != null
                    && !Objects.equals(reservations.put(reserved.after().key(), reserved.after()), reserved.before())) {
                throw new IllegalStateException("the change does not begin with the reservation as it was");
            }
            quota.granted()
                    .forEach(
                            granted -> grants.put(new GrantKey(organizationId, id, granted.userId()), granted.after()));
        }
    }

    private final class RowsOfOrganization implements Rows {
        private final String organizationId;

        RowsOfOrganization(String organizationId) {
            this.organizationId = organizationId;
        }

        @Override
        public @Nullable Quota find(String quotaId) {
            return quotas.get(new QuotaKey(organizationId, quotaId));
        }

        @Override
        public @Nullable String siblingWithKey(String quotaId, String key) {
            return loaded.keyHolders().get(new SiblingKey(new QuotaKey(organizationId, quotaId), key));
        }

        @Override
        public @Nullable String childWithKeyOf(String quotaId) {
            return loaded.keyHoldersUnder().get(new QuotaKey(organizationId, quotaId));
        }

        @Override
        public Subtree subtree(String quotaId) {
            return loaded.subtrees().getOrDefault(new QuotaKey(organizationId, quotaId), Subtree.NONE);
        }

        @Override
        public List<Quota> quotasBelow(String quotaId) {
            Quota top = quota(quotaId);
            return quotas.values().stream()
                    .filter(quota -> !quota.deleted() && !quota.id().equals(quotaId) && quota.isWithin(top))
                    .toList();
        }

        @Override
        public long treeSize(String quotaId) {
            return loaded.treeSizes().getOrDefault(new QuotaKey(organizationId, quotaId), 0L);
        }

        @Override
        public long heldMb(String quotaId, String resourceId) {
            return heldMb.getOrDefault(new HoldingKey(organizationId, quotaId, resourceId), 0L);
        }

        @Override
        public ResourceAmounts holdings(String quotaId) {
            return loaded.holdings().getOrDefault(new QuotaKey(organizationId, quotaId), ResourceAmounts.NONE);
        }

        @Override
        public ResourceAmounts usageAfter(String quotaId) {
            return loaded.usageAfter().getOrDefault(new QuotaKey(organizationId, quotaId), ResourceAmounts.NONE);
        }

        @Override
        public @Nullable Reservation reservation(String quotaId, String reservationId) {
            return reservations.get(new ReservationKey(organizationId, quotaId, reservationId));
        }

        @Override
        public DueReservations dueReservations(String quotaId) {
            return loaded.due().getOrDefault(new QuotaKey(organizationId, quotaId), DueReservations.NONE);
        }

        /** Those who decide about one do not share their transaction: what was loaded is what there is. */
        @Override
        public @Nullable Increase increase(String increaseId) {
            return loaded.increases().get(new IncreaseKey(organizationId, increaseId));
        }

        @Override
        public Set<Permission> granted(String quotaId, String userId) {
            return grants.getOrDefault(new GrantKey(organizationId, quotaId, userId), Set.of());
        }
    }
}
