package com.cagen.quota.engine;

import static com.cagen.quota.testing.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.audit.AuditEntry;
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
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Fingerprint;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.Samples;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Random histories of all operations that are decided from rows: alone and in batches, through {@link BatchDecision}, against
 * {@link NaiveQuotas}, which takes one operation at a time. After each step the answers and the whole state must be equal.
 *
 * <p>A decision is given exactly the rows that its operations named in their {@link Needs}, and may write only what they
 * locked. Changes are applied as {@link BatchTransaction} writes them.
 *
 * <p>A new operation needs three additions, and {@link #coversEveryOperation} fails until they are there: in {@link
 * RandomRequests} a line that makes its fields, in {@link NaiveQuotas} a line that says who may do it and a method that does
 * it, and in {@link #ANSWERS} the messages of its answers and the codes of its refusals.
 */
class RandomHistoriesTest {
    private static final int HISTORIES = 20_000;

    /** Every kind of answer must be seen, and often. */
    private static final List<String> ANSWERS = List.of(
            "Quota created.",
            "Quota allocated.",
            "Quota released.",
            "Quota suspended.",
            "Quota was suspended already.",
            "Quota resumed.",
            "Quota was active already.",
            "Quota found.",
            "Quota updated.",
            "Quota was so already.",
            "Capacity given back.",
            "There was nothing to give back.",
            "Usage allocated.",
            "Usage deallocated.",
            "Usage transferred.",
            "Batch carried out.",
            "Usage reconciled.",
            "Nothing was changed.",
            "invalid_request",
            "Capacity transferred.",
            "Quota moved.",
            "Tree applied.",
            "The tree was so already.",
            "Tree exported.",
            "Quota was there already.",
            "Capacity reserved.",
            "Reservation committed.",
            "Reservation cancelled.",
            "Reservation extended.",
            "Reservation found.",
            "Expired reservations ended.",
            "No reservation has expired.",
            "Increase requested.",
            "Increase approved.",
            "Increase rejected.",
            "Increase withdrawn.",
            "increase_not_found",
            "increase_closed",
            "reservation_not_found",
            "reservation_closed",
            "reservation_expired",
            "Usage checked.",
            "Permission granted.",
            "Permission revoked.",
            // The auth service must be asked, or told, first.
            "ask",
            "tell",
            // The answer of an earlier transaction, or of an earlier request in the batch.
            "repeat",
            "same",
            "credential_replayed",
            "quota_not_found",
            "permission_denied",
            "idempotency_key_reused",
            "insufficient_usage",
            "insufficient_quota",
            "quota_suspended",
            "quota_not_empty",
            "last_owner",
            "version_mismatch",
            "key_taken",
            "below_use",
            "quota_draining",
            "hierarchy_violation",
            "too deep");

    /** Fields of answers that only repeat the request, or come from a clock or a counter. */
    private static final Set<String> NOT_COMPARED = Set.of(
            "plan", "created_at", "updated_at", "deleted_at", "closed_at", "decided_at", "usage_id", "transfer_id");

    /** Fields of answers that are lists of objects. */
    private static final Set<String> LISTS = Set.of("items", "steps", "children");

    private static Map<String, Object> compared(JsonObject data) {
        Map<String, Object> fields = new TreeMap<>();
        for (String name : data.fieldNames()) {
            if (!NOT_COMPARED.contains(name)) {
                Object value = data.getValue(name);
                if (value instanceof JsonObject inner) {
                    fields.put(name, name.equals("refusal") ? refusal(inner) : compared(inner));
                } else if (LISTS.contains(name)) {
                    fields.put(name, items((JsonArray) value));
                } else {
                    fields.put(name, data.getMap().get(name));
                }
            }
        }
        return fields;
    }

    /** Of a batch: figures, or a refusal. Of a reconciliation: what became of a resource. */
    private static List<Object> items(JsonArray items) {
        List<Object> result = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            JsonObject item = items.getJsonObject(i);
            if (!item.containsKey("success")) {
                result.add(compared(item));
            } else {
                result.add(item.getBoolean("success") ? compared(item.getJsonObject("data")) : refusal(item));
            }
        }
        return result;
    }

    private static String refusal(JsonObject refusal) {
        return refusal(
                refusal.getString("code"),
                refusal.getString("error"),
                refusal.getJsonObject("details").getMap());
    }

    private static String refusal(String code, String message, Map<String, Object> details) {
        return NaiveQuotas.refusal(message.contains("levels deep") ? "too deep" : code, details);
    }

    @Test
    void decidesLikeOneOperationAtATime() {
        Histories histories = new Histories();
        histories.run(HISTORIES, random -> new History(random, histories).run());
        System.out.println("Seen: " + histories.seen);
        assertThat(histories.seen.keySet()).containsExactlyInAnyOrderElementsOf(ANSWERS);
        assertThat(histories.seen)
                .allSatisfy((answer, times) -> assertThat(times).as(answer).isGreaterThan(HISTORIES / 100));
    }

    @Test
    void coversEveryOperation() {
        List<Class<?>> commands = new ArrayList<>();
        for (Operation<?> operation : Operations.CATALOG.all()) {
            if (operation instanceof RowOperation<?>) {
                commands.add(operation.commandType());
            }
        }
        assertThat(RandomRequests.commands()).containsExactlyInAnyOrderElementsOf(commands);
        assertThat(new NaiveQuotas().commands()).containsExactlyInAnyOrderElementsOf(commands);
    }

    /** The database of one history, the model beside it, and the callers. */
    private static final class History implements RandomRequests.Rows {
        private final SplittableRandom random;
        private final Histories histories;
        private final NaiveQuotas model = new NaiveQuotas();
        private final RandomRequests requests;
        private final boolean deep;
        private final Map<QuotaKey, Quota> quotas = new LinkedHashMap<>();
        private final Map<HoldingKey, Long> heldMb = new HashMap<>();
        private final Map<GrantKey, Set<Permission>> grants = new HashMap<>();
        private final Map<ReservationKey, Reservation> reservations = new LinkedHashMap<>();
        private final Map<IncreaseKey, Increase> increases = new LinkedHashMap<>();
        private final Map<OperationKey, RecordedOperation> recorded = new HashMap<>();
        private final Set<String> ledgerPlaces = new HashSet<>();
        private final List<LedgerLine> ledger = new ArrayList<>();
        /** Items that the auth service has confirmed since. */
        private final Deque<BatchItem> confirmed = new ArrayDeque<>();

        private boolean started;
        private Instant now = NOW;
        private long operations;

        History(SplittableRandom random, Histories histories) {
            this.random = random;
            this.histories = histories;
            // Some histories begin with a tree of all sixteen levels; the others would never meet the lowest one.
            this.deep = random.nextInt(16) == 0;
            this.requests = new RandomRequests(random, this, deep);
        }

        void run() {
            start();
            int steps = 8 + random.nextInt(18);
            for (int i = 0; i < steps; i++) {
                if (!confirmed.isEmpty() && random.nextInt(4) > 0) {
                    step(List.of(confirmed.remove()), newId());
                } else if (random.nextInt(4) == 0) {
                    batch(1 + random.nextInt(random.nextInt(8) == 0 ? 40 : 8));
                } else {
                    step(List.of(item(requests.next(false))), newId());
                }
            }
        }

        // The beginning of every history, made by the operations as well.

        private void start() {
            start("org_a", "q_root", new CreateQuota.Command("n", null, QuotaType.ORGANIZATION, 60, null));
            start("org_a", "q_child", child("q_root", 30));
            start("org_a", "", new GrantPermission.Command("q_child", "deputy", List.of(Permission.OWNER)));
            start("org_b", "q_root", new CreateQuota.Command("n", null, QuotaType.ORGANIZATION, 40, null));
            start("org_b", "q_x", new CreateQuota.Command("n", null, QuotaType.ORGANIZATION, 40, null));
            for (int level = 2; deep && level < 16; level++) {
                String parent = level == 2 ? "q_child" : "q_level" + (level - 1);
                start("org_a", "q_level" + level, child(parent, 31 - level));
            }
            // States that a short history would hardly reach: a request for a larger quota has an end, a child has a
            // sibling, a sibling has a key, and a draining quota has capacity left.
            if (random.nextInt(4) == 0) {
                start("org_a", "", new CreateIncrease.Command("q_child", 35, "why"));
                String asked = increases.values().iterator().next().id();
                start("org_a", "", new WithdrawIncrease.Command(asked, null));
            }
            if (!deep && random.nextInt(4) == 0) {
                start("org_a", "q_sibling", child("q_root", 8));
            }
            start("org_b", "", update("q_root", "a", null, null));
            if (!deep && random.nextInt(3) == 0) {
                start("org_a", "", new AllocateUsage.Command("q_child", "res0", 20, null));
                start("org_a", "", update("q_child", null, 10L, true));
                start("org_a", "", new DeallocateUsage.Command("q_child", "res0", 5, null));
            }
            started = true;
        }

        private static Input child(String parentId, long allocateMb) {
            return new AllocateQuota.Command(parentId, "n", null, allocateMb, QuotaType.ORGANIZATION, null, List.of());
        }

        private static Input update(
                String quotaId, @Nullable String key, @Nullable Long totalMb, @Nullable Boolean drain) {
            return new UpdateQuota.Command(quotaId, null, null, key, List.of(), totalMb, drain, null);
        }

        private void start(String organizationId, String newId, Input command) {
            Caller owner = new Caller(organizationId, "owner", "svc_1", List.of());
            Request request = new Request("req", owner, new Nonce("n", 0), null, Commands.nameOf(command), command);
            step(List.of(item(request, true, KnownGrants.NONE, true)), newId);
        }

        // Requests.

        private String newId() {
            return NaiveQuotas.newId(quotas.size());
        }

        private void batch(int size) {
            List<BatchItem> items = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                items.add(item(requests.next(true)));
            }
            step(items, newId());
        }

        private BatchItem item(Request request) {
            return item(request, random.nextInt(20) > 0, known(request), false);
        }

        private BatchItem item(Request request, boolean nonceAccepted, KnownGrants known, boolean toldAuth) {
            byte[] fingerprint = request.idempotencyKey() == null ? null : Fingerprint.of(request);
            RowOperation<?> operation = RandomRequests.operation(request);
            UUID id = new UUID(0, ++operations);
            return new BatchItem(id, request, operation, nonceAccepted, known, fingerprint, toldAuth);
        }

        /** What is known of a caller: nothing, answers of the auth service, or those from before the grants changed. */
        private KnownGrants known(Request request) {
            Caller caller = request.caller();
            String quotaId = request.command().quotaId();
            Quota quota = quotaId == null ? null : quotas.get(new QuotaKey(caller.organizationId(), quotaId));
            if ((quota == null && quotaId != null) || random.nextInt(8) == 0) {
                return KnownGrants.NONE;
            }
            Map<String, KnownGrants.Entry> known = new HashMap<>();
            if (quota != null) {
                know(caller, quota, known);
            }
            if (quota != null && quota.parentId() != null) {
                know(caller, row(Objects.requireNonNull(parentOf(quota))), known);
            }
            for (String further : others(request)) {
                Quota other = quotas.get(new QuotaKey(caller.organizationId(), further));
                if (other != null) {
                    know(caller, other, known);
                }
            }
            return new KnownGrants(known);
        }

        private static List<String> others(Request request) {
            return request.command() instanceof BatchUsage.Command batch
                    ? batch.items().stream().map(BatchUsage.Item::quotaId).toList()
                    : further(RandomRequests.operation(request), request);
        }

        private static <C extends Input> List<String> further(RowOperation<C> operation, Request request) {
            return operation.furtherQuotas(operation.commandType().cast(request.command()));
        }

        private void know(Caller caller, Quota quota, Map<String, KnownGrants.Entry> known) {
            Set<Permission> granted = EnumSet.noneOf(Permission.class);
            granted.addAll(
                    grants.getOrDefault(new GrantKey(quota.organizationId(), quota.id(), caller.userId()), Set.of()));
            if (caller.userId().equals("admin")) {
                granted.addAll(List.of(Permission.READ, Permission.ADMIN));
            } else if (caller.userId().equals("reader")) {
                granted.add(Permission.READ);
            }
            if (random.nextInt(10) > 0) {
                long age = random.nextInt(12) == 0 ? 1 : 0;
                known.put(quota.id(), new KnownGrants.Entry(granted, quota.grantsVersion() - age));
            }
        }

        @Override
        public List<Quota> quotas(String organizationId) {
            List<Quota> result = new ArrayList<>();
            for (Quota quota : quotas.values()) {
                if (quota.organizationId().equals(organizationId)) {
                    result.add(quota);
                }
            }
            return result;
        }

        @Override
        public long heldMb(Quota quota, String resourceId) {
            return heldMb.getOrDefault(new HoldingKey(quota.organizationId(), quota.id(), resourceId), 0L);
        }

        @Override
        public Instant now() {
            return now;
        }

        @Override
        public List<Increase> increases(String organizationId) {
            return increases.values().stream()
                    .filter(increase -> increase.organizationId().equals(organizationId))
                    .toList();
        }

        /** A change of what a resource holds. */
        private record LedgerLine(HoldingKey holding, long differenceMb, Instant at) {}

        @Override
        public List<Reservation> reservations(String organizationId) {
            return reservations.values().stream()
                    .filter(reservation -> reservation.key().organizationId().equals(organizationId))
                    .toList();
        }

        // One transaction.

        private void step(List<BatchItem> requested, String newId) {
            now = now.plusMillis(random.nextInt(4) == 0 ? 1 + random.nextInt(8_000) : 1);
            Locked locked = lock(requested);
            List<BatchItem> items = new ArrayList<>();
            locked.rows.due().forEach((key, due) -> {
                if (!due.reservations().isEmpty()) {
                    items.add(item(expiry().request(key), true, KnownGrants.NONE, false));
                }
            });
            items.addAll(requested);
            locked.rows.notDue().forEach((key, quota) -> quotas.put(key, quota));
            long known = quotas.size();
            LongAdder made = new LongAdder();
            List<Decision> decisions = BatchDecision.decide(locked.rows, items, now, () -> {
                String id = made.sum() == 0 ? newId : NaiveQuotas.newId(known + made.sum());
                made.increment();
                return id;
            });
            assertThat(decisions).hasSameSizeAs(items);
            for (int i = 0; i < items.size(); i++) {
                BatchItem item = items.get(i);
                Decision decision = decisions.get(i);
                String expected = model.operate(new NaiveQuotas.Call(
                        item.request(),
                        item.nonceAccepted(),
                        item.grants(),
                        item.toldAuth(),
                        ((RowOperation<?>) item.operation()).sharesTransaction(),
                        newId,
                        item.operationId(),
                        now));
                assertThat(inWords(decision, item, decisions))
                        .as("%s. of %s: %s", i, items.size(), item)
                        .isEqualTo(expected);
                if (started) {
                    String kind = expected.substring(0, expected.indexOf('|'));
                    histories.saw(decision instanceof Decision.SameAs ? "same" : kind);
                }
            }
            for (int i = 0; i < items.size(); i++) {
                if (decisions.get(i) instanceof Decision.Done done) {
                    apply(items.get(i), done.change(), locked);
                } else if (decisions.get(i) instanceof Decision.TellAuth) {
                    confirmed.add(confirmed(items.get(i)));
                }
            }
            compareState();
        }

        /** As the engine decides it again: its credential was used for it already. */
        private static BatchItem confirmed(BatchItem item) {
            return new BatchItem(
                    item.operationId(),
                    item.request(),
                    item.operation(),
                    true,
                    item.grants(),
                    item.fingerprint(),
                    true);
        }

        /**
         * @param keys of the quotas that may be written to
         * @param holdings of which it is known what the resources hold
         */
        private record Locked(LoadedRows rows, Needs needs, Set<QuotaKey> keys, Set<HoldingKey> holdings) {}

        /** The rows that the items' operations named, and no others. */
        private Locked lock(List<BatchItem> items) {
            Needs needs = new Needs();
            Map<OperationKey, RecordedOperation> operationsDone = new HashMap<>();
            for (BatchItem item : items) {
                need(
                        (RowOperation<?>) item.operation(),
                        item,
                        needs.of(item.request().caller().organizationId()));
                OperationKey key = OperationKey.of(item.request());
                RecordedOperation before = key == null ? null : recorded.get(key);
                if (before != null) {
                    operationsDone.put(key, before);
                }
            }
            boolean shares = ((RowOperation<?>) items.get(0).operation()).sharesTransaction();
            if (shares) {
                assertThat(needs.withParent()).as("of operations that share").isEmpty();
                assertThat(needs.withSubtree()).as("of operations that share").isEmpty();
                assertThat(needs.treeSizes()).as("of operations that share").isEmpty();
                assertThat(needs.siblingKeys()).as("of operations that share").isEmpty();
            }
            Map<QuotaKey, Quota> found = new HashMap<>();
            needs.locked().forEach(key -> find(key, found));
            needs.withParent().forEach(key -> find(parentOf(find(key, found)), found));
            needs.withSubtree().forEach(key -> find(parentOf(find(key, found)), found));
            needs.quotasBelow().stream().filter(needs.withSubtree()::contains).forEach(key -> findBelow(key, found));
            Set<QuotaKey> keys = new HashSet<>(found.keySet());
            needs.onlyRead().forEach(key -> find(key, found));
            needs.quotasBelow().forEach(key -> findBelow(key, found));
            Map<QuotaKey, DueReservations> due = due(keys);
            Map<IncreaseKey, Increase> asked = new HashMap<>(increases);
            asked.keySet().retainAll(needs.increases());
            Map<ReservationKey, Reservation> named = new HashMap<>(reservations);
            named.keySet().retainAll(needs.reservations());
            due.values().forEach(each -> each.reservations().forEach(one -> named.put(one.key(), one)));
            Set<HoldingKey> holdings = new HashSet<>(needs.holdings());
            Map<QuotaKey, ResourceAmounts> all = new HashMap<>();
            for (QuotaKey key : needs.allHoldings()) {
                Map<String, Long> amounts = new HashMap<>();
                heldMb.forEach((holding, mb) -> {
                    if (mb > 0 && isIn(key, holding)) {
                        amounts.put(holding.resourceId(), mb);
                        holdings.add(holding);
                    }
                });
                all.put(key, new ResourceAmounts(amounts, true));
            }
            Map<QuotaKey, ResourceAmounts> after = new HashMap<>();
            needs.usageAfter().forEach((key, moment) -> after.put(key, changesAfter(key, moment)));
            for (ReservationKey key : needs.reservationsWithHolding()) {
                Reservation reservation = reservations.get(key);
                if (reservation != null) {
                    holdings.add(new HoldingKey(key.organizationId(), key.quotaId(), reservation.resourceId()));
                }
            }
            Map<HoldingKey, Long> held = new HashMap<>(heldMb);
            held.keySet().retainAll(holdings);
            Map<GrantKey, Set<Permission>> granted = new HashMap<>(grants);
            granted.keySet().retainAll(needs.grants());
            if (!shares) {
                found.replaceAll((key, quota) -> quota.deleted() ? withOwnersOfToday(quota) : quota);
            }
            Map<QuotaKey, String> keyHoldersUnder = new HashMap<>();
            needs.keysUnder().forEach((key, parentId) -> {
                assertThat(needs.withSubtree()).as("locked").contains(key);
                childWithKeyOf(key, parentId).ifPresent(holder -> keyHoldersUnder.put(key, holder));
            });
            Map<QuotaKey, Subtree> subtrees = new HashMap<>();
            for (QuotaKey key : needs.withSubtree()) {
                Quota root = quotas.get(key);
                if (root != null) {
                    List<Quota> members = below(root);
                    int deepest = members.stream().mapToInt(Quota::level).max().orElse(0);
                    boolean haveOwners =
                            members.stream().anyMatch(quota -> !quota.ownerIds().isEmpty());
                    subtrees.put(key, new Subtree(members.size(), deepest, haveOwners));
                }
            }
            Map<QuotaKey, Long> treeSizes = new HashMap<>();
            needs.treeSizes().forEach(key -> treeSizes.put(key, treeSize(key)));
            Map<SiblingKey, String> keyHolders = new HashMap<>();
            for (SiblingKey key : needs.siblingKeys()) {
                assertThat(needs.withParent()).as("locked with its parent").contains(key.quota());
                holder(key).ifPresent(holder -> keyHolders.put(key, holder));
            }
            LoadedRows rows = new LoadedRows(
                    Collections.unmodifiableMap(found),
                    Collections.unmodifiableMap(treeSizes),
                    Collections.unmodifiableMap(keyHolders),
                    Collections.unmodifiableMap(keyHoldersUnder),
                    Collections.unmodifiableMap(subtrees),
                    Collections.unmodifiableMap(held),
                    Collections.unmodifiableMap(all),
                    Collections.unmodifiableMap(after),
                    Collections.unmodifiableMap(granted),
                    Collections.unmodifiableMap(named),
                    Collections.unmodifiableMap(due),
                    Collections.unmodifiableMap(asked),
                    Collections.unmodifiableMap(operationsDone));
            return new Locked(rows, needs, keys, holdings);
        }

        private void findBelow(QuotaKey key, Map<QuotaKey, Quota> found) {
            Quota root = quotas.get(key);
            if (root != null) {
                below(root).forEach(quota -> found.put(QuotaKey.of(quota), quota));
            }
        }

        private static boolean isIn(QuotaKey quota, HoldingKey holding) {
            return holding.organizationId().equals(quota.organizationId())
                    && holding.quotaId().equals(quota.quotaId());
        }

        private ResourceAmounts changesAfter(QuotaKey quota, Instant moment) {
            Map<String, Long> changes = new HashMap<>();
            for (LedgerLine line : ledger) {
                if (isIn(quota, line.holding) && line.at.isAfter(moment)) {
                    changes.merge(line.holding.resourceId(), line.differenceMb, Long::sum);
                }
            }
            return new ResourceAmounts(changes, true);
        }

        private static SystemOperation<?> expiry() {
            return Objects.requireNonNull(Operations.CATALOG.endOfReservations());
        }

        /** As {@link RowLoader} finds them. */
        private Map<QuotaKey, DueReservations> due(Set<QuotaKey> locked) {
            Map<QuotaKey, DueReservations> due = new HashMap<>();
            for (QuotaKey key : locked) {
                List<Reservation> held = reservations.values().stream()
                        .filter(reservation -> reservation.key().quota().equals(key) && reservation.held())
                        .sorted(Comparator.comparing(Reservation::expiresAt))
                        .toList();
                Instant dueAt = row(key).figures().reservationsDueAt();
                assertThat(dueAt == null).as("nothing is reserved").isEqualTo(held.isEmpty());
                if (dueAt != null) {
                    assertThat(dueAt)
                            .as("not too late")
                            .isBeforeOrEqualTo(held.get(0).expiresAt());
                }
                if (row(key).reservationsDue(now)) {
                    List<Reservation> expired = held.stream()
                            .filter(reservation -> reservation.due(now))
                            .toList();
                    Instant nextAt = expired.size() == held.size()
                            ? null
                            : held.get(expired.size()).expiresAt();
                    due.put(key, new DueReservations(expired, true, nextAt));
                }
            }
            return due;
        }

        private static <C extends Input> void need(RowOperation<C> operation, BatchItem item, Needs needs) {
            operation.need(operation.commandType().cast(item.request().command()), needs);
        }

        private @Nullable Quota find(@Nullable QuotaKey key, Map<QuotaKey, Quota> found) {
            Quota quota = key == null ? null : quotas.get(key);
            if (quota != null) {
                found.put(key, quota);
            }
            return quota;
        }

        private static @Nullable QuotaKey parentOf(@Nullable Quota quota) {
            return quota == null || quota.parentId() == null
                    ? null
                    : new QuotaKey(quota.organizationId(), quota.parentId());
        }

        private Optional<String> childWithKeyOf(QuotaKey key, String parentId) {
            Quota quota = quotas.get(key);
            return quotas.values().stream()
                    .filter(other ->
                            quota != null && quota.key() != null && quota.key().equals(other.key()))
                    .filter(other -> other.organizationId().equals(key.organizationId()) && !other.deleted())
                    .filter(other -> parentId.equals(other.parentId()))
                    .map(Quota::id)
                    .findFirst();
        }

        private Optional<String> holder(SiblingKey key) {
            Quota quota = quotas.get(key.quota());
            return quotas.values().stream()
                    .filter(other -> quota != null && Objects.equals(other.parentId(), quota.parentId()))
                    .filter(other -> other.organizationId().equals(key.quota().organizationId()) && !other.deleted())
                    .filter(other -> key.key().equals(other.key()))
                    .map(Quota::id)
                    .findFirst();
        }

        private long treeSize(QuotaKey key) {
            Quota member = quotas.get(key);
            String root = member == null ? "none" : member.path().split("/", 3)[1];
            return quotas.values().stream()
                    .filter(quota -> quota.organizationId().equals(key.organizationId()) && !quota.deleted())
                    .filter(quota -> quota.path().split("/", 3)[1].equals(root))
                    .count();
        }

        /** As {@link ReleasedQuotas} reads it. */
        private Quota withOwnersOfToday(Quota quota) {
            QuotaKey parent = parentOf(quota);
            return parent == null ? quota : quota.withInheritedOwners(ownersBelow(row(parent)));
        }

        /** Its own owners, then those of its ancestors: each row's own are read. */
        private List<String> ownersBelow(Quota quota) {
            Set<String> owners = new LinkedHashSet<>(quota.ownerIds());
            QuotaKey parent = parentOf(quota);
            if (parent != null) {
                owners.addAll(ownersBelow(row(parent)));
            }
            return List.copyOf(owners);
        }

        /** What {@link QuotaTrees} writes below a quota, whose subtree must be locked. */
        private void applyBelow(Change change, Locked locked) {
            Change.MoveBelow move = change.moveBelow();
            if (move != null) {
                assertThat(locked.needs.withSubtree()).as("locked").contains(QuotaKey.of(move.before()));
                for (Quota quota : below(move.before())) {
                    String path = move.after().path()
                            + quota.path().substring(move.before().path().length());
                    int level =
                            quota.level() + move.after().level() - move.before().level();
                    quotas.put(QuotaKey.of(quota), Samples.moved(path, level, quota));
                }
            }
            Change.OwnersBelow owners = change.ownersBelow();
            if (owners != null) {
                assertThat(locked.needs.withSubtree()).as("locked").contains(QuotaKey.of(owners.root()));
                for (Quota quota : below(owners.root())) {
                    Quota parent = row(Objects.requireNonNull(parentOf(quota)));
                    quotas.put(
                            QuotaKey.of(quota),
                            Samples.ownedBy(owners.root().ownerId(), quota).withInheritedOwners(ownersBelow(parent)));
                }
            }
            Change.SuspensionBelow suspension = change.suspensionBelow();
            if (suspension != null) {
                assertThat(locked.needs.withSubtree()).as("locked").contains(QuotaKey.of(suspension.root()));
                for (Quota quota : below(suspension.root())) {
                    if (Objects.equals(quota.suspendedBy(), suspension.before())) {
                        quotas.put(QuotaKey.of(quota), Samples.suspendedBy(suspension.after(), quota));
                    }
                }
            }
        }

        /** The living quotas below. */
        private List<Quota> below(Quota root) {
            return quotas.values().stream()
                    .filter(quota -> quota.organizationId().equals(root.organizationId()) && !quota.deleted())
                    .filter(quota -> quota.path().startsWith(root.path() + "/"))
                    .toList();
        }

        private void apply(BatchItem item, Change change, Locked locked) {
            String organization = item.request().caller().organizationId();
            for (QuotaChange each : change.quotas()) {
                apply(organization, each, locked);
            }
            if (change.increase() != null) {
                Increase before = increases.put(IncreaseKey.of(change.increase()), change.increase());
                assertThat(before == null || before.pending()).isTrue();
            }
            applyBelow(change, locked);
            for (QuotaChange each : change.quotas()) {
                if (each.held() != null) {
                    assertThat(ledgerPlaces.add(
                                    organization + "/" + each.after().id() + "/" + each.newVersion()))
                            .as("a place of its own in the ledger")
                            .isTrue();
                }
            }
            assertAudited(item, change);
            OperationKey key = OperationKey.of(item.request());
            if (key != null && item.fingerprint() != null) {
                Answer.Success answer = new Answer.Success(change.message(), change.data(), false);
                recorded.put(key, new RecordedOperation(item.fingerprint(), answer));
            }
        }

        private void apply(String organization, QuotaChange change, Locked locked) {
            Quota before = change.before();
            Quota after = change.after();
            QuotaKey key = QuotaKey.of(after);
            assertThat(key.organizationId()).isEqualTo(organization);
            assertThat(change.written() ? quotas.put(key, after) : quotas.get(key))
                    .as("it was what the change says")
                    .isEqualTo(before);
            if (before != null && change.written()) {
                assertThat(locked.keys).as("locked").contains(key);
                assertNextVersion(before, after);
            }
            QuotaChange.Held held = change.held();
            if (held != null) {
                HoldingKey holding = new HoldingKey(organization, after.id(), held.resourceId());
                assertThat(locked.holdings).as("loaded").contains(holding);
                assertThat(held.afterMb()).isNotNegative();
                ledger.add(new LedgerLine(holding, held.afterMb() - held.beforeMb(), now));
                assertThat(Objects.requireNonNullElse(heldMb.put(holding, held.afterMb()), 0L))
                        .isEqualTo(held.beforeMb());
            }
            QuotaChange.Reserved reserved = change.reserved();
            if (reserved != null) {
                assertThat(reservations.put(reserved.after().key(), reserved.after()))
                        .isEqualTo(reserved.before());
            }
            for (QuotaChange.Granted granted : change.granted()) {
                GrantKey grant = new GrantKey(organization, after.id(), granted.userId());
                assertThat(before == null || locked.needs.grants().contains(grant))
                        .as("loaded")
                        .isTrue();
                Set<Permission> was =
                        granted.after().isEmpty() ? grants.remove(grant) : grants.put(grant, granted.after());
                assertThat(Objects.requireNonNullElse(was, Set.of())).isEqualTo(granted.before());
            }
        }

        private void assertNextVersion(Quota before, Quota after) {
            boolean changed = after.version() != before.version();
            assertThat(after.version()).isEqualTo(before.version() + (changed ? 1 : 0));
            assertThat(after.updatedAt()).isEqualTo(changed ? now : before.updatedAt());
        }

        /** The entries tell of each new version once, and of each figure that it changed. */
        private void assertAudited(BatchItem item, Change change) {
            List<AuditEntry> entries =
                    AuditEntries.applied(item.operationId(), item.request(), item.operation(), change, now);
            if (!change.quotas().isEmpty()) {
                assertThat(entries.get(0).auditId()).isEqualTo(item.operationId());
            }
            List<String> told = new ArrayList<>();
            for (AuditEntry entry : entries) {
                assertThat(entry.operationId()).isEqualTo(item.operationId());
                JsonArray changes = new JsonObject(entry.details()).getJsonArray("changes");
                changes.forEach(each -> told.add(figures((JsonObject) each)));
                assertThat(entry.quotaVersion())
                        .isEqualTo(
                                changes.isEmpty()
                                        ? null
                                        : changes.getJsonObject(0).getLong("version"));
            }
            assertThat(told)
                    .isEqualTo(change.quotas().stream()
                            .filter(each -> each.newVersion() != null)
                            .map(each -> figures(each.before(), each.after()))
                            .toList());
        }

        private static String figures(JsonObject change) {
            JsonObject before = change.getJsonObject("before", new JsonObject());
            JsonObject after = change.getJsonObject("after");
            return change.getString("quota_id") + " " + change.getLong("version")
                    + figure("used_mb", before, after)
                    + figure("reserved_mb", before, after)
                    + figure("allocated_mb", before, after)
                    + figure("status", before, after);
        }

        private static String figure(String name, @Nullable JsonObject before, JsonObject after) {
            Object was = before == null ? null : before.getValue(name);
            return figure(name, was, after.getValue(name));
        }

        private static String figures(@Nullable Quota before, Quota after) {
            return after.id() + " " + after.version()
                    + figure("used_mb", before == null ? null : before.usedMb(), after.usedMb())
                    + figure("reserved_mb", before == null ? null : before.reservedMb(), after.reservedMb())
                    + figure("allocated_mb", before == null ? null : before.allocatedMb(), after.allocatedMb())
                    + figure(
                            "status",
                            before == null ? null : before.status().wireName(),
                            after.status().wireName());
        }

        /** Numbers as the parser of JSON reads them differ in type only. */
        private static String figure(String name, @Nullable Object before, @Nullable Object after) {
            return String.valueOf(before).equals(String.valueOf(after)) ? "" : " " + name + " " + before + " " + after;
        }

        // Comparisons.

        /**
         * What a quota's row and a node of the model have in common. What a quota inherits is null once it is deleted: its row
         * keeps what it was.
         */
        private record State(
                QuotaKey key,
                String name,
                @Nullable String description,
                @Nullable String shortKey,
                @Nullable Long drainToMb,
                long totalMb,
                long usedMb,
                long reservedMb,
                long allocatedMb,
                String status,
                @Nullable String suspendedBy,
                @Nullable String ownerId,
                List<String> ownerIds,
                @Nullable Set<String> inheritedOwnerIds,
                long version,
                long grantsVersion,
                @Nullable Integer level,
                @Nullable String path) {
            static State of(Quota quota) {
                return new State(
                        QuotaKey.of(quota),
                        quota.name(),
                        quota.description(),
                        quota.key(),
                        quota.drainToMb(),
                        quota.totalMb(),
                        quota.usedMb(),
                        quota.reservedMb(),
                        quota.allocatedMb(),
                        quota.status().wireName(),
                        quota.deleted() ? null : quota.suspendedBy(),
                        quota.deleted() ? null : quota.ownerId(),
                        quota.ownerIds(),
                        quota.deleted() ? null : Set.copyOf(quota.inheritedOwnerIds()),
                        quota.version(),
                        quota.grantsVersion(),
                        quota.deleted() ? null : (Integer) quota.level(),
                        quota.deleted() ? null : quota.path());
            }

            static State of(NaiveQuotas.Node node) {
                return new State(
                        node.key,
                        node.name,
                        node.description,
                        node.shortKey,
                        node.drainToMb,
                        node.totalMb,
                        node.used(),
                        node.reserved(),
                        node.allocated(),
                        node.status(),
                        node.deleted ? null : node.suspender(),
                        node.deleted ? null : node.root().namedOwner,
                        List.copyOf(node.owners),
                        node.deleted ? null : node.inheritedOwners(),
                        node.version,
                        node.grantsVersion,
                        node.deleted ? null : (Integer) node.level(),
                        node.deleted ? null : node.path());
            }
        }

        private void compareState() {
            assertThat(quotas).hasSameSizeAs(model.all());
            for (NaiveQuotas.Node node : model.all()) {
                Quota quota = row(node.key);
                State expected = State.of(node);
                if (!State.of(quota).equals(expected)) {
                    assertThat(State.of(quota)).isEqualTo(expected);
                }
                boolean withinTotal = quota.usedMb() >= 0
                        && quota.allocatedMb() >= 0
                        && quota.reservedMb() >= 0
                        && quota.usedMb() + quota.allocatedMb() + quota.reservedMb() <= quota.totalMb();
                assertThat(withinTotal).as("%s is within its total", quota).isTrue();
                assertThat(quota.deletedAt() != null).isEqualTo(node.deleted);
                boolean drainsToLess = quota.drainToMb() == null || quota.drainToMb() < quota.totalMb();
                assertThat(drainsToLess).as("%s drains to less", quota).isTrue();
            }
            assertThat(increases.values().stream().collect(Collectors.toMap(Increase::id, increase -> increase.status()
                            .wireName())))
                    .isEqualTo(model.increaseStatuses());
            for (Reservation reservation : reservations.values()) {
                NaiveQuotas.Node node = model.node(reservation.key().quota());
                NaiveQuotas.Hold hold = Objects.requireNonNull(node.reservations.get(reservation.id()));
                assertThat(reservation.status().wireName() + reservation.expiresAt() + reservation.committedMb())
                        .isEqualTo(hold.status + hold.expiresAt + hold.committedMb);
                assertThat(reservation.closedAt() == null).isEqualTo(reservation.held());
            }
            assertThat(heldMb.equals(model.heldMb()))
                    .as("%s %s", heldMb, model.heldMb())
                    .isTrue();
            assertThat(grants.equals(model.grants()))
                    .as("%s %s", grants, model.grants())
                    .isTrue();
        }

        private Quota row(QuotaKey key) {
            return Objects.requireNonNull(quotas.get(key), key.quotaId());
        }

        private static boolean onlyChecks(BatchItem item) {
            return (item.request().command() instanceof AllocateUsage.Command use
                            && use.mode() == AllocateUsage.Mode.CHECK)
                    || (item.request().command() instanceof ReconcileUsage.Command reconcile && reconcile.dryRun())
                    || (item.request().command() instanceof ApplyTree.Command apply && apply.dryRun());
        }

        /** A decision in the words of the model. */
        private static String inWords(Decision decision, BatchItem item, List<Decision> decisions) {
            if (decision instanceof Decision.Done done) {
                return success(done.change().message(), done.change().data());
            } else if (decision instanceof Decision.Read read) {
                assertThat(item.operation().name().change()
                                && !(item.operation() instanceof SystemOperation<?>)
                                && !onlyChecks(item))
                        .isFalse();
                return success(read.answer().message(), read.answer().data());
            } else if (decision instanceof Decision.AskAuth ask) {
                return "ask|" + ask.quotaIds();
            } else if (decision instanceof Decision.TellAuth tell) {
                assertThat(tell.change().claim()).isEqualTo(item.operationId());
                return NaiveQuotas.tell(
                        tell.change().caller().userId(),
                        tell.change().grant() ? "grant" : "revoke",
                        tell.change().resourceId(),
                        tell.change().targetUserId(),
                        tell.change().permissions());
            } else if (decision instanceof Decision.SameAs same) {
                return "repeat|" + inWords(decisions.get(same.item()), item, decisions);
            } else if (decision instanceof Decision.Replay replay) {
                assertThat(replay.answer().replayed()).isTrue();
                return "repeat|"
                        + success(replay.answer().message(), replay.answer().data());
            }
            Refusal refusal = ((Decision.Refused) decision).refusal();
            return RandomHistoriesTest.refusal(refusal.code().wireName(), refusal.message(), refusal.details());
        }

        private static String success(String message, String data) {
            return NaiveQuotas.success(message, compared(new JsonObject(data)));
        }
    }
}
