package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.SiblingKey;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.HoldingRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.rows.SiblingKeys;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The first round trip of a batch: begins the transaction, claims the credentials, and locks and loads the union of the rows that
 * the requests need. Used once.
 */
final class RowLoader {
    /** So many reservations are ended by one transaction at most. */
    private static final int MAX_DUE = 1_000;

    private final KnownOrganizations organizations;
    private final List<QueuedRequest> batch;
    private final boolean expectReplays;
    private final Set<String> newOrganizations = new LinkedHashSet<>();

    RowLoader(KnownOrganizations organizations, List<QueuedRequest> batch, boolean expectReplays) {
        this.organizations = organizations;
        this.batch = batch;
        this.expectReplays = expectReplays;
    }

    /**
     * What was loaded.
     *
     * @param claimed the credentials that were not used before
     * @param skipped quotas that are there, but locked by another transaction: their rows are as they were read
     * @param below of the quotas that were locked with their subtrees
     * @param moment of the transaction
     */
    record Loaded(
            Set<RequestRows.NonceKey> claimed,
            LoadedRows rows,
            Set<QuotaKey> skipped,
            Map<QuotaKey, QuotaTrees.Below> below,
            JournalRows.Moment moment) {}

    /** Organizations that the transaction makes the first row of. */
    Set<String> newOrganizations() {
        return newOrganizations;
    }

    /** As {@link BatchTransaction#run}. */
    Future<Loaded> load(DatabaseSession connection, long lockTimeoutMillis, Predicate<String> skipsLocked) {
        Needs needs = new Needs();
        Set<String> involved = new LinkedHashSet<>();
        Set<OperationKey> keys = new HashSet<>();
        Set<RequestRows.NonceKey> nonces = new HashSet<>();
        for (QueuedRequest queued : batch) {
            String organization = queued.organizationId();
            involved.add(organization);
            if (!organizations.contains(organization)) {
                newOrganizations.add(organization);
            }
            queued.need(needs);
            OperationKey key = queued.operationKey();
            if (key != null) {
                keys.add(key);
            }
            if (!queued.nonceClaimed) {
                nonces.add(RequestRows.NonceKey.of(queued.request));
            }
        }

        // All are sent at once. PostgreSQL runs them one after the other; each sees what the locks before it settled.
        Future<?> begun = connection.begin(SecurityScope.batch(needs.quotas(), involved), lockTimeoutMillis);
        Future<?> known = newOrganizations.isEmpty()
                ? Future.succeededFuture()
                : RequestRows.ensureOrganizations(connection, newOrganizations);
        Future<Set<RequestRows.NonceKey>> claimed =
                expectReplays ? RequestRows.claim(connection, nonces) : RequestRows.claimAll(connection, nonces);
        List<Future<?>> all = new ArrayList<>(List.of(begun, known, claimed));
        Map<QuotaKey, Quota> quotas = new HashMap<>();
        Map<QuotaKey, QuotaTrees.Below> below = new HashMap<>(0);
        needs.withParent()
                .forEach(key -> all.add(QuotaTrees.lockWithParent(connection, key)
                        .onSuccess(found -> found.forEach(quota -> quotas.put(QuotaKey.of(quota), quota)))));
        needs.withSubtree().forEach(key -> {
            all.add(QuotaTrees.lockWithParent(connection, key)
                    .onSuccess(found -> found.forEach(quota -> quotas.put(QuotaKey.of(quota), quota))));
            all.add(QuotaTrees.lockBelow(connection, key).onSuccess(found -> below.put(key, found)));
        });
        Map<QuotaKey, Long> treeSizes = new HashMap<>();
        // Without a lock on the tree: allocations that run at the same moment may exceed its limit by their number.
        needs.treeSizes()
                .forEach(key -> all.add(QuotaTrees.countTree(connection, key, Quota.MAX_TREE)
                        .onSuccess(count -> treeSizes.put(key, count))));
        Map<SiblingKey, String> keyHolders = new HashMap<>(0);
        needs.siblingKeys()
                .forEach(key -> all.add(SiblingKeys.find(connection, key).onSuccess(holder -> {
                    if (holder != null) {
                        keyHolders.put(key, holder);
                    }
                })));
        Set<QuotaKey> toLock = new LinkedHashSet<>();
        Set<QuotaKey> toLockIfFree = new LinkedHashSet<>();
        needs.locked().forEach(key -> (skipsLocked.test(key.organizationId()) ? toLockIfFree : toLock).add(key));
        all.add(QuotaRows.lock(connection, toLock).onSuccess(quotas::putAll));
        // After those that are waited for: whoever waits must not hold a lock that comes later in the order.
        all.add(QuotaRows.lockIfFree(connection, toLockIfFree).onSuccess(found -> {
            quotas.putAll(found);
            toLockIfFree.removeAll(found.keySet());
        }));
        Future<Map<QuotaKey, Quota>> read = QuotaRows.find(connection, needs.onlyRead());
        Future<Map<HoldingKey, Long>> held = HoldingRows.findHeld(connection, needs.holdings());
        Future<Map<HoldingKey, Long>> heldOfReservations =
                HoldingRows.findHeldOfReservations(connection, needs.reservationsWithHolding());
        Future<Map<ReservationKey, Reservation>> named = ReservationRows.find(connection, needs.reservations());
        Future<Map<GrantKey, Set<Permission>>> grants = GrantRows.find(connection, needs.grants());
        Future<Map<OperationKey, RecordedOperation>> operations = RequestRows.findOperations(connection, keys);
        // After the locks: positions and times rise in the order of the changes of each quota.
        Future<JournalRows.Moment> moment = JournalRows.nextMoment(connection);
        all.addAll(List.of(read, held, heldOfReservations, named, grants, operations, moment));
        return Future.all(all).compose(ignored -> {
            // So far there are only those that are locked.
            Future<Map<QuotaKey, DueReservations>> due =
                    due(connection, quotas.values(), moment.result().now());
            Future<Map<QuotaKey, Quota>> skipped = QuotaRows.find(connection, toLockIfFree);
            return Future.all(due, skipped).compose(both -> {
                Map<ReservationKey, Reservation> reservations = new HashMap<>(named.result());
                due.result().values().forEach(found -> found.reservations()
                        .forEach(reservation -> reservations.put(reservation.key(), reservation)));
                Map<HoldingKey, Long> heldMb = new HashMap<>(held.result());
                heldMb.putAll(heldOfReservations.result());
                quotas.putAll(read.result());
                quotas.putAll(skipped.result());
                return (sharesTransaction()
                                ? Future.succeededFuture(quotas)
                                : ReleasedQuotas.withOwnersOfToday(connection, quotas))
                        .map(current -> new Loaded(
                                new HashSet<>(claimed.result()),
                                new LoadedRows(
                                        current,
                                        treeSizes,
                                        keyHolders,
                                        heldMb,
                                        grants.result(),
                                        reservations,
                                        due.result(),
                                        operations.result()),
                                skipped.result().keySet(),
                                below,
                                moment.result()));
            });
        });
    }

    /** Costs another round trip, so only quotas that may have something due are asked about. */
    private static Future<Map<QuotaKey, DueReservations>> due(
            DatabaseSession connection, Collection<Quota> locked, Instant now) {
        List<QuotaKey> quotas = locked.stream()
                .filter(quota -> quota.reservationsDue(now))
                .map(QuotaKey::of)
                .toList();
        return ReservationRows.due(connection, quotas, now, MAX_DUE);
    }

    private boolean sharesTransaction() {
        return batch.size() > 1 || ((RowOperation<?>) batch.get(0).operation).sharesTransaction();
    }
}
