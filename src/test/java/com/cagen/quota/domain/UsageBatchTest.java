package com.cagen.quota.domain;

import static com.cagen.quota.domain.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Batches against {@link NaiveQuotas}, which takes one operation at a time. */
class UsageBatchTest {
    private static final int HISTORIES = 20_000;
    private static final List<String> ORGANIZATIONS = List.of("org_a", "org_a", "org_a", "org_b");
    private static final List<String> USERS =
            List.of("owner", "owner", "owner", "deputy", "late", "admin", "reader", "stranger");
    private static final Map<String, List<String>> QUOTAS =
            Map.of("org_a", List.of("q_root", "q_child", "q_child"), "org_b", List.of("q_root", "q_x"));
    /** org_b's quota, asked for by org_a as well, and one that nobody has. */
    private static final List<String> STRANGE_QUOTAS = List.of("q_x", "q_none", "q_child");

    private final Histories histories = new Histories();

    @Test
    void decidesLikeOneOperationAtATime() {
        histories.run(HISTORIES, random -> new World(random, histories).live());
        assertThat(histories.seen.keySet())
                .containsExactlyInAnyOrder(
                        "used",
                        "read",
                        "ask",
                        "repeat",
                        "same",
                        "credential_replayed",
                        "quota_not_found",
                        "permission_denied",
                        "idempotency_key_reused",
                        "insufficient_usage",
                        "insufficient_quota",
                        "quota_suspended");
        assertThat(histories.seen)
                .allSatisfy((answer, times) -> assertThat(times).as(answer).isGreaterThan(HISTORIES / 100));
    }

    /** One at a time, the second would find the first's key recorded: the key outlives the deleted quota. */
    @Test
    void knowsAKeyOfItsOwnBatchBeforeItMissesADeletedQuota() {
        Quota live = Samples.root("q", 10);
        Quota deleted = Samples.root("gone", 10).withStatus(QuotaStatus.DELETED, null, NOW);
        UsageBatch.Locked locked = new UsageBatch.Locked(
                Map.of(new QuotaKey(Samples.ORG, "q"), live, new QuotaKey(Samples.ORG, "gone"), deleted),
                Map.of(),
                Map.of());
        assertThat(UsageBatch.decide(locked, List.of(keyed("q"), keyed("gone"), keyed("q")), NOW))
                .containsExactly(
                        new Decision.Usage(live.withFigures(1, 0, NOW), 1),
                        Admission.keyReused(),
                        new Decision.SameAs(0));
    }

    private static UsageBatch.Item keyed(String quotaId) {
        Request use =
                Samples.request(Samples.caller("owner"), "key", new Operation.AllocateUsage(quotaId, "r", 1, null));
        return new UsageBatch.Item(use, true, KnownGrants.NONE, Fingerprint.of(use));
    }

    @Test
    void refusesOperationsThatDoNotBelongInABatch() {
        Quota quota = Samples.root("q", 1);
        Request release = Samples.request(Samples.caller("owner"), null, new Operation.ReleaseQuota("q"));
        UsageBatch.Locked locked =
                new UsageBatch.Locked(Map.of(new QuotaKey(Samples.ORG, "q"), quota), Map.of(), Map.of());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> UsageBatch.decide(
                        locked, List.of(new UsageBatch.Item(release, true, KnownGrants.NONE, null)), NOW));
    }

    /** The database of one history, the model beside it, and whoever comes by. */
    private static final class World {
        private final SplittableRandom random;
        private final Histories histories;
        private final NaiveQuotas model = new NaiveQuotas();
        private final Map<QuotaKey, Quota> quotas = new HashMap<>();
        private final Map<HoldingKey, Long> heldMb = new HashMap<>();
        private final Map<OperationKey, RecordedOperation> recorded = new HashMap<>();
        /** Every request so far, those of the batch in the making included. */
        private final List<Request> asked = new ArrayList<>();

        World(SplittableRandom random, Histories histories) {
            this.random = random;
            this.histories = histories;
            Quota root = Samples.in("org_a", Samples.root("q_root", 60)).withFigures(0, 30, NOW);
            Quota child = Samples.child(root, "q_child", 30, null).withOwners("owner", List.of("deputy"), NOW);
            add(root, null, "owner");
            add(child, model.nodes.get("org_a/q_root"), "deputy");
            add(Samples.in("org_b", Samples.root("q_root", 40)), null, "owner");
            add(Samples.in("org_b", Samples.root("q_x", 40)), null, "owner");
        }

        private void add(Quota quota, NaiveQuotas.@Nullable Node parent, String owner) {
            quotas.put(key(quota), quota);
            NaiveQuotas.Node node =
                    model.add(quota.organizationId(), quota.id(), parent, quota.teamId(), quota.totalMb());
            node.owners.add(owner);
            node.version = quota.version();
            node.grantsVersion = quota.grantsVersion();
        }

        void live() {
            int batches = 1 + random.nextInt(6);
            for (int batch = 0; batch < batches; batch++) {
                runBatch(1 + random.nextInt(random.nextInt(8) == 0 ? 40 : 8));
                checkInvariants();
                happen();
            }
        }

        private void runBatch(int size) {
            List<UsageBatch.Item> items = new ArrayList<>();
            int first = asked.size();
            for (int i = 0; i < size; i++) {
                items.add(item());
            }
            UsageBatch.Locked locked = new UsageBatch.Locked(
                    Collections.unmodifiableMap(quotas),
                    Collections.unmodifiableMap(heldMb),
                    Collections.unmodifiableMap(recorded));
            List<Decision> decisions = UsageBatch.decide(locked, items, NOW);
            assertThat(decisions).hasSize(size);
            for (int i = 0; i < size; i++) {
                UsageBatch.Item item = items.get(i);
                String expected = model.operate(first + i, item.request(), item.nonceAccepted(), item.grants());
                Decision decision = decisions.get(i);
                histories.saw(decision instanceof Decision.SameAs ? "same" : expected);
                assertThat(NaiveQuotas.inWords(decision, place -> first + place))
                        .as("%s. of %s: %s", i, size, item)
                        .isEqualTo(expected);
            }
            for (int i = 0; i < size; i++) {
                commit(first + i, items.get(i), decisions.get(i));
            }
        }

        private void commit(int number, UsageBatch.Item item, Decision decision) {
            Request request = item.request();
            if (!(decision instanceof Decision.Usage done)) {
                return;
            }
            Quota before = quotas.put(key(done.after()), done.after());
            assertThat(before).isNotNull();
            assertThat(done.after().version()).isEqualTo(before.version() + 1);
            Operation.Usage usage = (Operation.Usage) request.operation();
            heldMb.put(
                    new HoldingKey(request.caller().organizationId(), usage.quotaId(), usage.resourceId()),
                    done.heldMb());
            if (request.idempotencyKey() != null && item.fingerprint() != null) {
                OperationKey key = new OperationKey(
                        request.caller().organizationId(), request.caller().serviceId(), request.idempotencyKey());
                recorded.put(
                        key,
                        new RecordedOperation(item.fingerprint(), new Answer.Success("Done.", "" + number, false)));
            }
        }

        private void checkInvariants() {
            quotas.forEach((key, quota) -> {
                assertThat(quota.usedMb()).isNotNegative();
                assertThat(quota.usedMb() + quota.allocatedMb()).isLessThanOrEqualTo(quota.totalMb());
                assertThat(quota.usedMb())
                        .isEqualTo(heldMb.entrySet().stream()
                                .filter(held -> held.getKey().quotaId().equals(quota.id())
                                        && held.getKey().organizationId().equals(quota.organizationId()))
                                .mapToLong(Map.Entry::getValue)
                                .sum());
            });
            assertThat(heldMb.values()).allMatch(held -> held >= 0);
        }

        private UsageBatch.Item item() {
            Request request = request();
            asked.add(request);
            byte[] fingerprint = request.idempotencyKey() == null ? null : Fingerprint.of(request);
            return new UsageBatch.Item(request, random.nextInt(20) > 0, grants(request.caller()), fingerprint);
        }

        private Request request() {
            if (!asked.isEmpty() && random.nextInt(4) == 0) {
                return again(asked.get(asked.size() - 1 - random.nextInt(Math.min(asked.size(), 10))));
            }
            Caller caller =
                    new Caller(pick(ORGANIZATIONS), pick(USERS), random.nextInt(4) == 0 ? "svc_2" : "svc_1", List.of());
            Operation operation = operation(caller);
            // Few names, so that requests meet under one key within a batch as well.
            String key = operation.type().change() && random.nextBoolean() ? "key" + random.nextInt(12) : null;
            return new Request("req", caller, new Nonce("n", 0), key, operation);
        }

        /** The same once more, now and then by another user, for another amount, or through another service. */
        private Request again(Request earlier) {
            Caller caller = earlier.caller();
            Operation operation = earlier.operation();
            switch (random.nextInt(8)) {
                case 0 -> caller = new Caller(caller.organizationId(), pick(USERS), caller.serviceId(), List.of());
                case 1 -> caller = new Caller(caller.organizationId(), caller.userId(), "svc_2", List.of());
                case 2 -> operation = operation.type().change() ? operation(caller) : operation;
                default -> {
                    // The very same.
                }
            }
            String key = operation.type().change() ? earlier.idempotencyKey() : null;
            return new Request("again", caller, new Nonce("m", 1), key, operation);
        }

        private Operation operation(Caller caller) {
            List<String> own = QUOTAS.getOrDefault(caller.organizationId(), STRANGE_QUOTAS);
            String quotaId = pick(random.nextInt(10) == 0 ? STRANGE_QUOTAS : own);
            String resourceId = "res" + random.nextInt(3);
            long usageMb = random.nextInt(30) == 0 ? Amounts.MAX_MB : 1 + random.nextInt(12);
            String reason = random.nextInt(5) == 0 ? "why" : null;
            return switch (random.nextInt(10)) {
                case 0 -> new Operation.GetQuota(quotaId);
                case 1, 2, 3 -> new Operation.DeallocateUsage(quotaId, resourceId, usageMb, reason);
                default -> new Operation.AllocateUsage(quotaId, resourceId, usageMb, reason);
            };
        }

        /** What is known of a caller: nothing, an answer of the auth service, or one from before the grants changed. */
        private KnownGrants grants(Caller caller) {
            if (random.nextInt(6) == 0) {
                return KnownGrants.NONE;
            }
            Set<Permission> granted =
                    switch (caller.userId()) {
                        case "admin" -> Set.of(Permission.READ, Permission.ADMIN);
                        case "reader" -> Set.of(Permission.READ);
                        default -> Set.of();
                    };
            long age = random.nextInt(10) == 0 ? 1 : 0;
            Map<String, KnownGrants.Entry> known = new HashMap<>();
            quotas.forEach((key, quota) -> {
                if (key.organizationId().equals(caller.organizationId())) {
                    known.put(key.quotaId(), new KnownGrants.Entry(granted, quota.grantsVersion() - age));
                }
            });
            return new KnownGrants(known);
        }

        /** What happens between batches: suspension and resumption of either level, a new owner, a release. */
        private void happen() {
            QuotaKey rootKey = new QuotaKey("org_a", "q_root");
            QuotaKey childKey = new QuotaKey("org_a", "q_child");
            switch (random.nextInt(12)) {
                case 0, 1 -> toggle(childKey);
                case 2, 3 -> toggle(rootKey);
                case 4 -> {
                    NaiveQuotas.Node node = node(childKey);
                    node.owners.add("late");
                    node.version++;
                    node.grantsVersion++;
                    quotas.computeIfPresent(
                            childKey, (key, child) -> child.withOwners("owner", List.of("deputy", "late"), NOW));
                }
                case 5 -> {
                    NaiveQuotas.Node node = node(childKey);
                    if (!node.deleted && model.release(node).equals("done")) {
                        quotas.computeIfPresent(
                                childKey,
                                (key, child) -> child.withStatus(QuotaStatus.DELETED, child.suspendedBy(), NOW));
                        quotas.computeIfPresent(rootKey, (key, root) -> root.withFigures(root.usedMb(), 0, NOW));
                    }
                }
                default -> {
                    // A quiet moment.
                }
            }
        }

        private void toggle(QuotaKey key) {
            NaiveQuotas.Node node = node(key);
            if (node.deleted) {
                return;
            }
            node.suspended = !node.suspended;
            node.version++;
            for (String id : List.of("q_root", "q_child")) {
                QuotaKey each = new QuotaKey("org_a", id);
                NaiveQuotas.Node below = node(each);
                String suspender = below.suspender().equals("nobody") ? null : below.suspender();
                quotas.computeIfPresent(each, (same, quota) -> {
                    if (same.equals(key)) {
                        QuotaStatus status = node.suspended ? QuotaStatus.SUSPENDED : QuotaStatus.ACTIVE;
                        return quota.withStatus(status, suspender, NOW);
                    }
                    return Samples.suspendedBy(suspender, quota);
                });
            }
        }

        private NaiveQuotas.Node node(QuotaKey key) {
            NaiveQuotas.Node node = model.nodes.get(key.organizationId() + "/" + key.quotaId());
            if (node == null) {
                throw new IllegalArgumentException("No " + key);
            }
            return node;
        }

        private String pick(List<String> names) {
            return names.get(random.nextInt(names.size()));
        }

        private static QuotaKey key(Quota quota) {
            return new QuotaKey(quota.organizationId(), quota.id());
        }
    }
}
