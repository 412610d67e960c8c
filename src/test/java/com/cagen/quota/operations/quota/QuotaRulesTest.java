package com.cagen.quota.operations.quota;

import static com.cagen.quota.testing.Samples.NOW;
import static com.cagen.quota.testing.Samples.atLevel;
import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.child;
import static com.cagen.quota.testing.Samples.reserved;
import static com.cagen.quota.testing.Samples.root;
import static com.cagen.quota.testing.Samples.suspendedBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a quota may be divided into, and when it may be released. */
class QuotaRulesTest {
    /** 10,000 MB: 7,000 used, 2,000 allocated, 1,000 available. */
    private final Quota quota = root("q", 10_000).withFigures(7_000, 2_000, NOW);

    private final Quota suspended = suspendedBy("q_above", quota);

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
        Decision decision = allocate(parent, QuotaType.ofWireName(childType), targetId, 1);
        if (allowed.equals("yes")) {
            assertThat(decision).isInstanceOf(Decision.Done.class);
        } else {
            assertThat(refusal(decision).code()).isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
        }
    }

    @Test
    void nestsSixteenLevelsAndNoMore() {
        assertThat(allocate(atLevel(14, quota), 1)).isInstanceOf(Decision.Done.class);
        assertThat(refusal(allocate(atLevel(15, quota), 1)).code()).isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
    }

    @Test
    void checksHierarchyThenSuspensionThenCapacity() {
        assertThat(refusal(allocate(suspended, QuotaType.ORGANIZATION, "org_2", 5_000))
                        .code())
                .isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
        assertThat(refusal(allocate(suspended, 5_000))).isEqualTo(Refusal.quotaSuspended("q_above"));
        Refusal refusal = refusal(allocate(quota, 1_001));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refusal.details())
                .isEqualTo(Map.of(
                        "quota_id", "q",
                        "total_mb", 10_000L,
                        "used_mb", 7_000L,
                        "reserved_mb", 0L,
                        "allocated_mb", 2_000L,
                        "available_mb", 1_000L,
                        "requested_mb", 1_001L,
                        "short_by_mb", 1L));
        assertThat(allocate(quota, 1_000)).isInstanceOf(Decision.Done.class);
    }

    @Test
    void addsNoQuotaToAFullTree() {
        Input command = new AllocateQuota.Command("q", "n", null, 1, QuotaType.ORGANIZATION, null, List.of());
        SampleRows rows = SampleRows.of(quota);
        assertThat(Samples.decide(command, rows.treesOf(Quota.MAX_TREE - 1), caller("owner"), false))
                .isInstanceOf(Decision.Done.class);
        assertThat(refusal(Samples.decide(command, rows.treesOf(Quota.MAX_TREE), caller("owner"), false))
                        .code())
                .isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
    }

    @Test
    void releasesOnlyWhatIsEmpty() {
        assertThat(release(root("q", 10))).isInstanceOf(Decision.Done.class);
        assertThat(release(suspendedBy("q", root("q", 10)))).isInstanceOf(Decision.Done.class);
        for (Quota full : List.of(
                quota,
                quota.withFigures(0, 2_000, NOW),
                quota.withFigures(7_000, 0, NOW),
                reserved(1, root("q", 10_000)))) {
            Refusal refusal = refusal(release(full));
            assertThat(refusal.code()).isEqualTo(ErrorCode.QUOTA_NOT_EMPTY);
            assertThat(refusal.details())
                    .isEqualTo(Map.of(
                            "used_mb", full.usedMb(),
                            "reserved_mb", full.reservedMb(),
                            "allocated_mb", full.allocatedMb()));
        }
    }

    private static Decision allocate(Quota parent, long allocateMb) {
        return allocate(parent, QuotaType.ORGANIZATION, null, allocateMb);
    }

    private static Decision allocate(Quota parent, QuotaType type, @Nullable String targetId, long allocateMb) {
        return decide(new AllocateQuota.Command(parent.id(), "n", null, allocateMb, type, targetId, List.of()), parent);
    }

    private static Decision release(Quota quota) {
        return decide(new ReleaseQuota.Command(quota.id()), quota);
    }

    private static Decision decide(Input command, Quota quota) {
        return Samples.decide(command, SampleRows.of(quota), caller("owner"), false);
    }

    private static Refusal refusal(Decision decision) {
        assertThat(decision).isInstanceOf(Decision.Refused.class);
        return ((Decision.Refused) decision).refusal();
    }
}
