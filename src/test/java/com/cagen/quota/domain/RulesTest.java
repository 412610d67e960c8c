package com.cagen.quota.domain;

import static com.cagen.quota.domain.Samples.NOW;
import static com.cagen.quota.domain.Samples.atLevel;
import static com.cagen.quota.domain.Samples.caller;
import static com.cagen.quota.domain.Samples.child;
import static com.cagen.quota.domain.Samples.root;
import static com.cagen.quota.domain.Samples.suspendedBy;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RulesTest {
    /** 10,000 MB: 7,000 used, 2,000 allocated, 1,000 available. */
    private final Quota quota = root("q", 10_000).withFigures(7_000, 2_000, NOW);

    private final Quota suspended = suspendedBy("q_above", quota);

    @Test
    void allocatesUpToTheLastMegabyte() {
        assertThat(use(quota, 50, 1_000)).isEqualTo(new Decision.Usage(quota.withFigures(8_000, 2_000, NOW), 1_050));
    }

    @Test
    void rejectsAllocationLargerThanFreeCapacity() {
        assertThat(use(quota, 50, 1_001)).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
            assertThat(refusal.details()).isEqualTo(insufficient(1_001, 1));
            assertThat(refusal.message()).contains("1000 MB available", "10000 MB", "1001 MB", "1 MB too much");
        });
    }

    @Test
    void rejectsTheLargestAmountWithoutOverflow() {
        assertThat(use(quota, 50, Amounts.MAX_MB))
                .isInstanceOfSatisfying(Refusal.class, refusal -> assertThat(refusal.details())
                        .isEqualTo(insufficient(Amounts.MAX_MB, Amounts.MAX_MB - 1_000)));
    }

    @Test
    void givesNothingOutWhileSuspendedAndNamesTheNearestSuspendedQuota() {
        assertThat(use(suspended, 0, Amounts.MAX_MB)).isEqualTo(Refusal.quotaSuspended("q_above"));
        assertThat(Refusal.quotaSuspended("q_above").code()).isEqualTo(ErrorCode.QUOTA_SUSPENDED);
        assertThat(Refusal.quotaSuspended("q_above").details()).isEqualTo(Map.of("suspended_quota_id", "q_above"));
    }

    @Test
    void takesBackWhatAResourceHoldsAlsoWhileSuspended() {
        assertThat(giveBack(quota, 50, 50)).isEqualTo(new Decision.Usage(quota.withFigures(6_950, 2_000, NOW), 0));
        assertThat(giveBack(suspended, 50, 20))
                .isEqualTo(new Decision.Usage(suspended.withFigures(6_980, 2_000, NOW), 30));
    }

    @Test
    void rejectsGivingBackMoreThanTheResourceHolds() {
        assertThat(giveBack(quota, 50, 51)).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_USAGE);
            assertThat(refusal.details()).isEqualTo(Map.of("resource_id", "r", "held_mb", 50L, "requested_mb", 51L));
            assertThat(refusal.message()).contains("50 MB", "51 MB");
        });
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "null", textBlock = """
                    organization | organization | null   | yes
                    organization | organization | ''     | yes
                    organization | organization | org_1  | yes
                    organization | organization | org_2  | no
                    organization | team         | team_1 | yes
                    organization | team         | team_2 | yes
                    organization | team         | null   | no
                    team         | team         | team_1 | yes
                    team         | team         | team_2 | no
                    team         | team         | null   | no
                    team         | organization | null   | no
                    team         | organization | org_1  | no
                    """)
    void dividesOnlyDownTheHierarchy(String parentType, String childType, @Nullable String targetId, String allowed) {
        Quota parent = parentType.equals("team") ? child(root("q", 100), "t", 100, "team_1") : root("q", 100);
        Refusal refusal =
                TreeRules.allocate(parent, caller("owner"), subQuota(QuotaType.ofWireName(childType), targetId, 1));
        if (allowed.equals("yes")) {
            assertThat(refusal).isNull();
        } else {
            assertThat(refusal).isNotNull().extracting(Refusal::code).isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
        }
    }

    @Test
    void nestsSixteenLevelsAndNoMore() {
        assertThat(TreeRules.allocate(atLevel(14, quota), caller("owner"), organization(1)))
                .isNull();
        assertThat(TreeRules.allocate(atLevel(15, quota), caller("owner"), organization(1)))
                .isNotNull()
                .extracting(Refusal::code)
                .isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
    }

    @Test
    void checksHierarchyThenSuspensionThenCapacity() {
        assertThat(TreeRules.allocate(suspended, caller("owner"), subQuota(QuotaType.ORGANIZATION, "org_2", 5_000)))
                .isNotNull()
                .extracting(Refusal::code)
                .isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
        assertThat(TreeRules.allocate(suspended, caller("owner"), organization(5_000)))
                .isEqualTo(Refusal.quotaSuspended("q_above"));
        assertThat(TreeRules.allocate(quota, caller("owner"), organization(1_001)))
                .isNotNull()
                .satisfies(refusal -> {
                    assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
                    assertThat(refusal.details()).isEqualTo(insufficient(1_001, 1));
                });
        assertThat(TreeRules.allocate(quota, caller("owner"), organization(1_000)))
                .isNull();
    }

    @Test
    void releasesOnlyWhatIsEmpty() {
        assertThat(TreeRules.release(root("q", 10))).isNull();
        assertThat(TreeRules.release(suspendedBy("q", root("q", 10)))).isNull();
        for (Quota full : List.of(quota, quota.withFigures(0, 2_000, NOW), quota.withFigures(7_000, 0, NOW))) {
            assertThat(TreeRules.release(full)).isNotNull().satisfies(refusal -> {
                assertThat(refusal.code()).isEqualTo(ErrorCode.QUOTA_NOT_EMPTY);
                assertThat(refusal.details())
                        .isEqualTo(Map.of("used_mb", full.usedMb(), "allocated_mb", full.allocatedMb()));
            });
        }
    }

    @Test
    void keepsARootsLastOwner() {
        Quota root = root("q", 10);
        assertThat(TreeRules.revokeOwner(root, "owner"))
                .isNotNull()
                .extracting(Refusal::code)
                .isEqualTo(ErrorCode.LAST_OWNER);
        assertThat(TreeRules.revokeOwner(root, "somebody")).isNull();
        assertThat(TreeRules.revokeOwner(root.withOwners("owner", List.of("owner", "second"), NOW), "owner"))
                .isNull();
        Quota child = child(root, "c", 5, null).withOwners("owner", List.of("deputy"), NOW);
        assertThat(TreeRules.revokeOwner(child, "deputy")).isNull();
    }

    private static Decision use(Quota quota, long heldMb, long usageMb) {
        return UsageRules.decide(quota, heldMb, new Operation.AllocateUsage(quota.id(), "r", usageMb, null), NOW);
    }

    private static Decision giveBack(Quota quota, long heldMb, long usageMb) {
        return UsageRules.decide(quota, heldMb, new Operation.DeallocateUsage(quota.id(), "r", usageMb, null), NOW);
    }

    private static Operation.AllocateQuota organization(long allocateMb) {
        return subQuota(QuotaType.ORGANIZATION, null, allocateMb);
    }

    private static Operation.AllocateQuota subQuota(QuotaType type, @Nullable String targetId, long allocateMb) {
        return new Operation.AllocateQuota("q", "n", null, allocateMb, type, targetId, List.of());
    }

    private static Map<String, Object> insufficient(long requestedMb, long shortByMb) {
        return Map.of(
                "quota_id", "q",
                "total_mb", 10_000L,
                "used_mb", 7_000L,
                "allocated_mb", 2_000L,
                "available_mb", 1_000L,
                "requested_mb", requestedMb,
                "short_by_mb", shortByMb);
    }
}
