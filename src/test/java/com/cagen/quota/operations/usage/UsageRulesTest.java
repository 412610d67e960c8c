package com.cagen.quota.operations.usage;

import static com.cagen.quota.testing.Samples.NOW;
import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.root;
import static com.cagen.quota.testing.Samples.suspendedBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What may be allocated to a resource and deallocated from it. */
class UsageRulesTest {
    /** 10,000 MB: 7,000 used, 2,000 allocated, 1,000 available. */
    private final Quota quota = root("q", 10_000).withFigures(7_000, 2_000, NOW);

    private final Quota suspended = suspendedBy("q_above", quota);

    @Test
    void allocatesUpToTheLastMegabyte() {
        assertDone(allocate(quota, 50, 1_000), quota, quota.withFigures(8_000, 2_000, NOW), 50, 1_050);
    }

    @Test
    void rejectsAllocationLargerThanFreeCapacity() {
        Refusal refusal = refusal(allocate(quota, 50, 1_001));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refusal.details()).isEqualTo(insufficient(1_001, 1));
        assertThat(refusal.message()).contains("1000 MB available", "10000 MB", "1001 MB", "1 MB too much");
    }

    @Test
    void rejectsTheLargestAmountWithoutOverflow() {
        assertThat(refusal(allocate(quota, 50, Samples.MAX_MB)).details())
                .isEqualTo(insufficient(Samples.MAX_MB, Samples.MAX_MB - 1_000));
    }

    @Test
    void allocatesNothingWhileSuspendedAndNamesTheNearestSuspendedQuota() {
        assertThat(refusal(allocate(suspended, 0, Samples.MAX_MB))).isEqualTo(Refusal.quotaSuspended("q_above"));
        assertThat(Refusal.quotaSuspended("q_above").code()).isEqualTo(ErrorCode.QUOTA_SUSPENDED);
        assertThat(Refusal.quotaSuspended("q_above").details()).isEqualTo(Map.of("suspended_quota_id", "q_above"));
    }

    @Test
    void deallocatesWhatAResourceHoldsAlsoWhileSuspended() {
        assertDone(deallocate(quota, 50, 50), quota, quota.withFigures(6_950, 2_000, NOW), 50, 0);
        assertDone(deallocate(suspended, 50, 20), suspended, suspended.withFigures(6_980, 2_000, NOW), 50, 30);
    }

    @Test
    void rejectsDeallocationOfMoreThanTheResourceHolds() {
        Refusal refusal = refusal(deallocate(quota, 50, 51));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_USAGE);
        assertThat(refusal.details()).isEqualTo(Map.of("resource_id", "r", "held_mb", 50L, "requested_mb", 51L));
        assertThat(refusal.message()).contains("50 MB", "51 MB");
    }

    @Test
    void transfersAtomicallyBetweenTwoQuotas() {
        Quota to = root("p", 100);
        SampleRows rows = SampleRows.of(suspended, to).held("q", "r", 50).held("p", "s", 1);
        TransferUsage.Command command = new TransferUsage.Command("q", "r", 50, "p", "s");
        Decision decision = Samples.decide(command, rows, caller("owner"), false);
        assertThat(decision).isInstanceOfSatisfying(Decision.Done.class, done -> {
            assertThat(done.change().entries())
                    .extracting(Change.Entry::quotas)
                    .containsExactly(
                            List.of(QuotaChange.held(
                                    suspended,
                                    suspended.withFigures(6_950, 2_000, NOW),
                                    new QuotaChange.Held("r", 50, 0))),
                            List.of(QuotaChange.held(
                                    to, to.withFigures(50, 0, NOW), new QuotaChange.Held("s", 1, 51))));
        });
    }

    private static Decision allocate(Quota quota, long heldMb, long usageMb) {
        SampleRows rows = SampleRows.of(quota).held(quota.id(), "r", heldMb);
        return Samples.decide(new AllocateUsage.Command(quota.id(), "r", usageMb, null), rows, caller("owner"), false);
    }

    private static Decision deallocate(Quota quota, long heldMb, long usageMb) {
        SampleRows rows = SampleRows.of(quota).held(quota.id(), "r", heldMb);
        return Samples.decide(
                new DeallocateUsage.Command(quota.id(), "r", usageMb, null), rows, caller("owner"), false);
    }

    private static void assertDone(Decision decision, Quota before, Quota after, long heldBeforeMb, long heldMb) {
        assertThat(decision).isInstanceOfSatisfying(Decision.Done.class, done -> {
            assertThat(done.change().quotas())
                    .containsExactly(QuotaChange.held(before, after, new QuotaChange.Held("r", heldBeforeMb, heldMb)));
        });
    }

    private static Refusal refusal(Decision decision) {
        assertThat(decision).isInstanceOf(Decision.Refused.class);
        return ((Decision.Refused) decision).refusal();
    }

    private static Map<String, Object> insufficient(long requestedMb, long shortByMb) {
        return Map.of(
                "quota_id", "q",
                "total_mb", 10_000L,
                "used_mb", 7_000L,
                "reserved_mb", 0L,
                "allocated_mb", 2_000L,
                "available_mb", 1_000L,
                "requested_mb", requestedMb,
                "short_by_mb", shortByMb);
    }
}
