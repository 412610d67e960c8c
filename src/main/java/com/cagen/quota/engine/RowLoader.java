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
import org.jspecify.annotations.Nullable;

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

    // What the requests name.
    private final Needs needs = new Needs();
    private final Set<String> involved = new LinkedHashSet<>();
    private final Set<String> newOrganizations = new LinkedHashSet<>();
    private final Set<OperationKey> keys = new HashSet<>();
    private final Set<RequestRows.NonceKey> nonces = new HashSet<>();

    // What is found.
    private final Set<RequestRows.NonceKey> claimed = new HashSet<>();
    private final Map<QuotaKey, Quota> locked = new HashMap<>();
    private final Map<QuotaKey, Quota> notLocked = new HashMap<>();
    private final Map<QuotaKey, Quota> skipped = new HashMap<>(0);
    private final Map<QuotaKey, Long> treeSizes = new HashMap<>(0);
    private final Map<SiblingKey, String> keyHolders = new HashMap<>(0);
    private final Map<QuotaKey, String> keyHoldersUnder = new HashMap<>(0);
    private final Map<QuotaKey, Subtree> subtrees = new HashMap<>(0);
    private final Map<HoldingKey, Long> heldMb = new HashMap<>();
    private final Map<QuotaKey, ResourceAmounts> holdings = new HashMap<>(0);
    private final Map<QuotaKey, ResourceAmounts> usageAfter = new HashMap<>(0);
    private final Map<GrantKey, Set<Permission>> grants = new HashMap<>(0);
    private final Map<ReservationKey, Reservation> reservations = new HashMap<>(0);
    private final Map<QuotaKey, DueReservations> due = new HashMap<>(0);
    private final Map<IncreaseKey, Increase> increases = new HashMap<>(0);
    private final Map<OperationKey, RecordedOperation> recorded = new HashMap<>(0);

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
        batch.forEach(this::addNeeds);
        // All are sent at once. PostgreSQL runs them one after the other; each sees what the locks before it settled.
        List<Future<?>> sent = new ArrayList<>();
        sent.add(connection.begin(SecurityScope.batch(needs.quotas(), involved), lockTimeoutMillis));
        if (!newOrganizations.isEmpty()) {
            sent.add(RequestRows.ensureOrganizations(connection, newOrganizations));
        }
        sent.add((expectReplays ? RequestRows.claim(connection, nonces) : RequestRows.claimAll(connection, nonces))
                .onSuccess(claimed::addAll));
        lockTrees(connection, sent);
        Set<QuotaKey> toSkip = lockQuotas(connection, skipsLocked, sent);
        find(connection, sent);
        // After the locks: positions and times rise in the order of the changes of each quota.
        Future<JournalRows.Moment> moment = JournalRows.nextMoment(connection);
        sent.add(moment);
        return Future.all(sent)
                .compose(ignored -> findMore(connection, toSkip, moment.result().now()))
                .compose(ignored -> quotas(connection))
                .map(quotas -> new Loaded(claimed, rows(quotas), skipped.keySet(), moment.result()));
    }

    private void addNeeds(QueuedRequest queued) {
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

    /** Parents and what is below: for operations that do not share their transaction. */
    private void lockTrees(DatabaseSession connection, List<Future<?>> sent) {
        if (needs.lockSeveralTimes()) {
            sent.add(QuotaTrees.lockInOrder(
                    connection, batch.get(0).organizationId(), ids(needs.toLock()), ids(needs.withSubtree())));
        }
        needs.withParent()
                .forEach(key ->
                        sent.add(QuotaTrees.lockWithParent(connection, key).onSuccess(found -> putAll(found, locked))));
        needs.withSubtree().forEach(key -> {
            sent.add(QuotaTrees.lockWithParent(connection, key).onSuccess(found -> putAll(found, locked)));
            sent.add(QuotaTrees.lockBelow(connection, key).onSuccess(found -> subtrees.put(key, found)));
        });
        needs.quotasBelow().forEach(key -> {
            Map<QuotaKey, Quota> into = needs.withSubtree().contains(key) ? locked : notLocked;
            sent.add(
                    QuotaTrees.findBelow(connection, key, Quota.MAX_BELOW + 1).onSuccess(found -> putAll(found, into)));
        });
        // Without a lock on the tree: allocations that run at the same moment may exceed its limit by their number.
        needs.treeSizes()
                .forEach(key -> sent.add(QuotaTrees.countTree(connection, key, Quota.MAX_TREE)
                        .onSuccess(count -> treeSizes.put(key, count))));
        needs.siblingKeys()
                .forEach(key -> sent.add(
                        SiblingKeys.find(connection, key).onSuccess(holder -> putIfAny(key, holder, keyHolders))));
    }

    private static List<String> ids(Collection<QuotaKey> quotas) {
        return quotas.stream().map(QuotaKey::quotaId).toList();
    }

    private static void putAll(Collection<Quota> found, Map<QuotaKey, Quota> into) {
        found.forEach(quota -> into.put(QuotaKey.of(quota), quota));
    }

    private static <K> void putIfAny(K key, @Nullable String holder, Map<K, String> into) {
        if (holder != null) {
            into.put(key, holder);
        }
    }

    /** @return the quotas that got no lock, because they are not there or not free; complete once all that was sent is done */
    private Set<QuotaKey> lockQuotas(DatabaseSession connection, Predicate<String> skipsLocked, List<Future<?>> sent) {
        Set<QuotaKey> toLock = new LinkedHashSet<>();
        Set<QuotaKey> toLockIfFree = new LinkedHashSet<>();
        needs.locked().forEach(key -> (skipsLocked.test(key.organizationId()) ? toLockIfFree : toLock).add(key));
        sent.add(QuotaRows.lock(connection, toLock).onSuccess(locked::putAll));
        // After those that are waited for: whoever waits must not hold a lock that comes later in the order.
        sent.add(QuotaRows.lockIfFree(connection, toLockIfFree).onSuccess(found -> {
            locked.putAll(found);
            toLockIfFree.removeAll(found.keySet());
        }));
        return toLockIfFree;
    }

    private void find(DatabaseSession connection, List<Future<?>> sent) {
        needs.keysUnder()
                .forEach((quota, parentId) -> sent.add(SiblingKeys.findUnder(connection, quota, parentId)
                        .onSuccess(holder -> putIfAny(quota, holder, keyHoldersUnder))));
        sent.add(QuotaRows.find(connection, needs.onlyRead()).onSuccess(notLocked::putAll));
        sent.add(HoldingRows.findHeld(connection, needs.holdings()).onSuccess(heldMb::putAll));
        sent.add(HoldingRows.findHeldOfReservations(connection, needs.reservationsWithHolding())
                .onSuccess(heldMb::putAll));
        sent.add(ReservationRows.find(connection, needs.reservations()).onSuccess(reservations::putAll));
        sent.add(IncreaseRows.find(connection, needs.increases()).onSuccess(increases::putAll));
        sent.add(GrantRows.find(connection, needs.grants()).onSuccess(grants::putAll));
        sent.add(RequestRows.findOperations(connection, keys).onSuccess(recorded::putAll));
    }

    /** What costs another round trip: nothing of it is needed by most batches. */
    private Future<?> findMore(DatabaseSession connection, Set<QuotaKey> toSkip, Instant now) {
        List<Future<?>> sent = new ArrayList<>();
        sent.add(QuotaRows.find(connection, toSkip).onSuccess(skipped::putAll));
        // Only quotas that may have something due are asked about.
        List<QuotaKey> mayBeDue = locked.values().stream()
                .filter(quota -> quota.reservationsDue(now))
                .map(QuotaKey::of)
                .toList();
        sent.add(ReservationRows.due(connection, mayBeDue, now, MAX_DUE).onSuccess(found -> {
            due.putAll(found);
            found.values().forEach(each -> each.reservations()
                    .forEach(reservation -> reservations.put(reservation.key(), reservation)));
        }));
        needs.allHoldings()
                .forEach(key -> sent.add(HoldingRows.findAll(connection, key, MAX_HOLDINGS)
                        .onSuccess(found -> addHoldings(key, found))));
        needs.usageAfter()
                .forEach((key, from) -> sent.add(UsageLedger.changesAfter(connection, key, from, MAX_LEDGER_ENTRIES)
                        .onSuccess(found -> usageAfter.put(key, found))));
        return Future.all(sent);
    }

    private void addHoldings(QuotaKey key, ResourceAmounts found) {
        holdings.put(key, found);
        found.byResource()
                .forEach((resource, mb) ->
                        heldMb.put(new HoldingKey(key.organizationId(), key.quotaId(), resource), mb));
    }

    /** All quotas that were found. */
    private Future<Map<QuotaKey, Quota>> quotas(DatabaseSession connection) {
        Map<QuotaKey, Quota> quotas = new HashMap<>(notLocked);
        quotas.putAll(skipped);
        quotas.putAll(locked);
        boolean shares = batch.size() > 1 || ((RowOperation<?>) batch.get(0).operation).sharesTransaction();
        return shares ? Future.succeededFuture(quotas) : ReleasedQuotas.withOwnersOfToday(connection, quotas);
    }

    private LoadedRows rows(Map<QuotaKey, Quota> quotas) {
        return new LoadedRows(
                quotas,
                treeSizes,
                keyHolders,
                keyHoldersUnder,
                subtrees,
                heldMb,
                holdings,
                usageAfter,
                grants,
                reservations,
                due,
                increases,
                recorded);
    }
}
