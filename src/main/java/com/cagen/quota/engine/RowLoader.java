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
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.HoldingRows;
import com.cagen.quota.storage.rows.IncreaseRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.rows.SiblingKeys;
import com.cagen.quota.storage.rows.UsageLedger;
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
    /** So many holdings, and entries of the ledger, are read under a lock at most. */
    private static final int MAX_HOLDINGS = 2_000;

    private static final int MAX_LEDGER_ENTRIES = 10_000;

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
     * @param moment of the transaction
     */
    record Loaded(
            Set<RequestRows.NonceKey> claimed, LoadedRows rows, Set<QuotaKey> skipped, JournalRows.Moment moment) {}

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
        Map<QuotaKey, Subtree> subtrees = new HashMap<>(0);
        if (needs.lockSeveralTimes()) {
            all.add(QuotaTrees.lockInOrder(
                    connection, batch.get(0).organizationId(), ids(needs.toLock()), ids(needs.withSubtree())));
        }
        needs.withParent()
                .forEach(key -> all.add(QuotaTrees.lockWithParent(connection, key)
                        .onSuccess(found -> found.forEach(quota -> quotas.put(QuotaKey.of(quota), quota)))));
        needs.withSubtree().forEach(key -> {
            all.add(QuotaTrees.lockWithParent(connection, key)
                    .onSuccess(found -> found.forEach(quota -> quotas.put(QuotaKey.of(quota), quota))));
            all.add(QuotaTrees.lockBelow(connection, key).onSuccess(found -> subtrees.put(key, found)));
        });
        Map<QuotaKey, Quota> readBelow = new HashMap<>(0);
        needs.quotasBelow().forEach(key -> {
            Map<QuotaKey, Quota> into = needs.withSubtree().contains(key) ? quotas : readBelow;
            all.add(QuotaTrees.findBelow(connection, key, Quota.MAX_BELOW + 1)
                    .onSuccess(found -> found.forEach(quota -> into.put(QuotaKey.of(quota), quota))));
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
        Map<QuotaKey, String> keyHoldersUnder = new HashMap<>(0);
        needs.keysUnder()
                .forEach((quota, parentId) -> all.add(
                        SiblingKeys.findUnder(connection, quota, parentId).onSuccess(holder -> {
                            if (holder != null) {
                                keyHoldersUnder.put(quota, holder);
                            }
                        })));
        Future<Map<QuotaKey, Quota>> read = QuotaRows.find(connection, needs.onlyRead());
        Future<Map<HoldingKey, Long>> held = HoldingRows.findHeld(connection, needs.holdings());
        Future<Map<HoldingKey, Long>> heldOfReservations =
                HoldingRows.findHeldOfReservations(connection, needs.reservationsWithHolding());
        Future<Map<ReservationKey, Reservation>> named = ReservationRows.find(connection, needs.reservations());
        Future<Map<IncreaseKey, Increase>> increases = IncreaseRows.find(connection, needs.increases());
        Future<Map<GrantKey, Set<Permission>>> grants = GrantRows.find(connection, needs.grants());
        Future<Map<OperationKey, RecordedOperation>> operations = RequestRows.findOperations(connection, keys);
        // After the locks: positions and times rise in the order of the changes of each quota.
        Future<JournalRows.Moment> moment = JournalRows.nextMoment(connection);
        all.addAll(List.of(read, held, heldOfReservations, named, increases, grants, operations, moment));
        return Future.all(all)
                // So far there are only the quotas that are locked.
                .compose(ignored -> findMore(connection, needs, quotas.values(), toLockIfFree, moment.result()))
                .compose(more -> {
                    Map<ReservationKey, Reservation> reservations = new HashMap<>(named.result());
                    more.due.values().forEach(found -> found.reservations()
                            .forEach(reservation -> reservations.put(reservation.key(), reservation)));
                    Map<HoldingKey, Long> heldMb = new HashMap<>(held.result());
                    heldMb.putAll(heldOfReservations.result());
                    more.holdings.forEach((key, found) -> found.byResource()
                            .forEach((resource, mb) ->
                                    heldMb.put(new HoldingKey(key.organizationId(), key.quotaId(), resource), mb)));
                    quotas.putAll(read.result());
                    quotas.putAll(readBelow);
                    quotas.putAll(more.skipped);
                    return (sharesTransaction()
                                    ? Future.succeededFuture(quotas)
                                    : ReleasedQuotas.withOwnersOfToday(connection, quotas))
                            .map(current -> new Loaded(
                                    new HashSet<>(claimed.result()),
                                    new LoadedRows(
                                            current,
                                            treeSizes,
                                            keyHolders,
                                            keyHoldersUnder,
                                            subtrees,
                                            heldMb,
                                            more.holdings,
                                            more.usageAfter,
                                            grants.result(),
                                            reservations,
                                            more.due,
                                            increases.result(),
                                            operations.result()),
                                    more.skipped.keySet(),
                                    moment.result()));
                });
    }

    /** What costs another round trip: nothing of it is needed by most batches. */
    private record More(
            Map<QuotaKey, DueReservations> due,
            Map<QuotaKey, Quota> skipped,
            Map<QuotaKey, ResourceAmounts> holdings,
            Map<QuotaKey, ResourceAmounts> usageAfter) {}

    private static Future<More> findMore(
            DatabaseSession connection,
            Needs needs,
            Collection<Quota> locked,
            Set<QuotaKey> notLocked,
            JournalRows.Moment moment) {
        Future<Map<QuotaKey, DueReservations>> due = due(connection, locked, moment.now());
        Future<Map<QuotaKey, Quota>> skipped = QuotaRows.find(connection, notLocked);
        Map<QuotaKey, ResourceAmounts> holdings = new HashMap<>(0);
        Map<QuotaKey, ResourceAmounts> usageAfter = new HashMap<>(0);
        List<Future<?>> all = new ArrayList<>(List.of(due, skipped));
        needs.allHoldings()
                .forEach(key -> all.add(HoldingRows.findAll(connection, key, MAX_HOLDINGS)
                        .onSuccess(found -> holdings.put(key, found))));
        needs.usageAfter()
                .forEach((key, from) -> all.add(UsageLedger.changesAfter(connection, key, from, MAX_LEDGER_ENTRIES)
                        .onSuccess(found -> usageAfter.put(key, found))));
        return Future.all(all).map(ignored -> new More(due.result(), skipped.result(), holdings, usageAfter));
    }

    /** Only quotas that may have something due are asked about. */
    private static Future<Map<QuotaKey, DueReservations>> due(
            DatabaseSession connection, Collection<Quota> locked, Instant now) {
        List<QuotaKey> quotas = locked.stream()
                .filter(quota -> quota.reservationsDue(now))
                .map(QuotaKey::of)
                .toList();
        return ReservationRows.due(connection, quotas, now, MAX_DUE);
    }

    private static List<String> ids(Collection<QuotaKey> quotas) {
        return quotas.stream().map(QuotaKey::quotaId).toList();
    }

    private boolean sharesTransaction() {
        return batch.size() > 1 || ((RowOperation<?>) batch.get(0).operation).sharesTransaction();
    }
}
