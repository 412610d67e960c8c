package com.cagen.quota.domain;

import static com.cagen.quota.domain.Samples.NOW;
import static com.cagen.quota.domain.Samples.ORG;
import static com.cagen.quota.domain.Samples.caller;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Sub-quotas, releases, suspensions and usage all over a tree, against {@link NaiveQuotas}. */
class TreeHistoriesTest {
    private static final int HISTORIES = 5_000;
    private final Histories histories = new Histories();

    @Test
    void keepsTheTreeExactWhateverHappensToIt() {
        histories.run(HISTORIES, random -> new Tree(random, histories).live());
        assertThat(histories.seen.keySet())
                .containsExactlyInAnyOrder(
                        "done",
                        "used",
                        "hierarchy_violation",
                        "deep",
                        "quota_suspended",
                        "insufficient_quota",
                        "insufficient_usage",
                        "quota_not_empty");
        assertThat(histories.seen)
                .allSatisfy((answer, times) -> assertThat(times).as(answer).isGreaterThan(HISTORIES / 100));
    }

    /** The rows of one tree, folded as the rules say, and the model beside them. */
    private static final class Tree {
        private final SplittableRandom random;
        private final Histories histories;
        private final NaiveQuotas model = new NaiveQuotas();
        private final Map<String, Quota> quotas = new HashMap<>();
        private final Map<HoldingKey, Long> heldMb = new HashMap<>();
        private final List<String> live = new ArrayList<>();
        /** Some histories go straight down, or they would never meet the lowest level. */
        private final boolean deep;

        Tree(SplittableRandom random, Histories histories) {
            this.random = random;
            this.histories = histories;
            this.deep = random.nextInt(20) == 0;
            quotas.put("q0", Samples.root("q0", 1_000));
            model.add(ORG, "q0", null, null, 1_000);
            live.add("q0");
        }

        void live() {
            int steps = 10 + random.nextInt(20);
            for (int step = 1; step <= steps; step++) {
                String id = live.get(deep ? live.size() - 1 : random.nextInt(live.size()));
                switch (deep ? 0 : random.nextInt(10)) {
                    case 0, 1, 2 -> allocate(id, "q" + step);
                    case 3, 4 -> release(id);
                    case 5 -> toggle(id);
                    default -> use(id);
                }
                check();
            }
        }

        private void allocate(String parentId, String childId) {
            Quota parent = quota(parentId);
            String team = deep || random.nextBoolean() ? parent.teamId() : "team_" + random.nextInt(2);
            long mb = deep ? 100 : 1 + random.nextInt(1 + (int) parent.totalMb());
            Operation.AllocateQuota operation = new Operation.AllocateQuota(
                    parentId, "n", null, mb, team == null ? QuotaType.ORGANIZATION : QuotaType.TEAM, team, List.of());
            Refusal refusal = TreeRules.allocate(parent, caller("owner"), operation);
            compare(refusal, model.allocate(ORG, node(parentId), childId, team, mb));
            if (refusal == null) {
                quotas.put(parentId, parent.withFigures(parent.usedMb(), parent.allocatedMb() + mb, NOW));
                quotas.put(childId, Samples.child(parent, childId, mb, team));
                live.add(childId);
            }
        }

        private void release(String id) {
            Quota quota = quota(id);
            if (quota.parentId() == null) {
                return;
            }
            Refusal refusal = TreeRules.release(quota);
            compare(refusal, model.release(node(id)));
            if (refusal == null) {
                Quota parent = quota(quota.parentId());
                quotas.put(id, quota.withStatus(QuotaStatus.DELETED, quota.suspendedBy(), NOW));
                quotas.put(
                        parent.id(), parent.withFigures(parent.usedMb(), parent.allocatedMb() - quota.totalMb(), NOW));
                live.remove(id);
            }
        }

        private void use(String id) {
            Quota quota = quota(id);
            HoldingKey holding = new HoldingKey(ORG, id, "res" + random.nextInt(2));
            long held = heldMb.getOrDefault(holding, 0L);
            // Often exactly what is there, the edge where mistakes are.
            long bound = random.nextInt(3) == 0 ? Math.max(1, held) : 1 + random.nextInt(40);
            Operation.Usage usage = random.nextBoolean()
                    ? new Operation.DeallocateUsage(id, holding.resourceId(), bound, null)
                    : new Operation.AllocateUsage(
                            id,
                            holding.resourceId(),
                            random.nextInt(3) == 0 ? Math.max(1, quota.availableMb()) : bound,
                            null);
            Decision decision = UsageRules.decide(quota, held, usage, NOW);
            String expected = model.use(node(id), usage);
            compare(decision, expected);
            if (decision instanceof Decision.Usage done) {
                quotas.put(id, done.after());
                heldMb.put(holding, done.heldMb());
            }
        }

        private void toggle(String id) {
            Quota quota = quota(id);
            NaiveQuotas.Node node = node(id);
            node.suspended = !node.suspended;
            node.version++;
            boolean suspended = quota.status() == QuotaStatus.SUSPENDED;
            quotas.put(
                    id,
                    quota.withStatus(suspended ? QuotaStatus.ACTIVE : QuotaStatus.SUSPENDED, quota.suspendedBy(), NOW));
            // Parents come before their children in the order of creation.
            for (String each : live) {
                quotas.put(each, Samples.suspendedBy(nearestSuspended(quota(each)), quota(each)));
            }
        }

        private @Nullable String nearestSuspended(Quota quota) {
            if (quota.status() == QuotaStatus.SUSPENDED) {
                return quota.id();
            }
            return quota.parentId() == null ? null : quota(quota.parentId()).suspendedBy();
        }

        private void compare(@Nullable Decision decision, String expected) {
            histories.saw(expected.endsWith("too deep") ? "deep" : expected);
            assertThat(decision == null ? "done" : NaiveQuotas.inWords(decision, place -> place))
                    .isEqualTo(expected);
        }

        private void check() {
            for (Quota quota : quotas.values()) {
                NaiveQuotas.Node node = node(quota.id());
                long children = quotas.values().stream()
                        .filter(each -> quota.id().equals(each.parentId()) && !each.deleted())
                        .mapToLong(Quota::totalMb)
                        .sum();
                boolean exact = quota.usedMb() >= 0
                        && quota.usedMb() + quota.allocatedMb() <= quota.totalMb()
                        && quota.allocatedMb() == children
                        && quota.usedMb() == node.used()
                        && quota.version() == node.version
                        && quota.availableMb() == node.free()
                        && quota.level() == node.depth() - 1
                        && quota.deleted() == node.deleted
                        && quota.effectiveStatus() == effective(node);
                assertThat(exact).as("%s is exact", quota).isTrue();
            }
        }

        private static QuotaStatus effective(NaiveQuotas.Node node) {
            if (node.deleted) {
                return QuotaStatus.DELETED;
            }
            return node.suspender().equals("nobody") ? QuotaStatus.ACTIVE : QuotaStatus.SUSPENDED;
        }

        private Quota quota(String id) {
            return Objects.requireNonNull(quotas.get(id), id);
        }

        private NaiveQuotas.Node node(String id) {
            return Objects.requireNonNull(model.nodes.get(ORG + "/" + id), id);
        }
    }
}
