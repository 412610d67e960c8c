package com.cagen.quota.operations.quota;

import static com.cagen.quota.testing.Samples.NOW;
import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.child;
import static com.cagen.quota.testing.Samples.keyed;
import static com.cagen.quota.testing.Samples.reserved;
import static com.cagen.quota.testing.Samples.root;
import static com.cagen.quota.testing.Samples.suspendedBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Resizing, renaming and draining; {@code RandomHistoriesTest} has every combination. */
class UpdateRulesTest {
    /** 1,000 in all, 100 used, 600 allocated to {@link #quota}, 300 free. */
    private final Quota parent = root("parent", 1_000).withFigures(100, 600, NOW);

    /** 600 in all, 200 used, 100 allocated, 300 free. */
    private final Quota quota = child(parent, "q", 600, null).withFigures(200, 100, NOW);

    private final Quota draining = quota.withFigures(quota.figures().withTotal(400, 350L), NOW);

    private static UpdateQuota.Command resize(@Nullable Long totalMb, @Nullable Boolean drain) {
        return new UpdateQuota.Command("q", null, null, null, List.of(), totalMb, drain, null);
    }

    private static UpdateQuota.Command rename(@Nullable String name, @Nullable String key, String... cleared) {
        return new UpdateQuota.Command("q", name, null, key, List.of(cleared), null, null, null);
    }

    private static Decision decide(Input command, Quota... rows) {
        return Samples.decide(command, SampleRows.of(rows), caller("owner"), false);
    }

    /** The rows that are written, by their ids. */
    private static Map<String, Quota> written(Decision decision) {
        assertThat(decision).isInstanceOf(Decision.Done.class);
        Map<String, Quota> written = new TreeMap<>();
        ((Decision.Done) decision)
                .change().quotas().stream()
                        .filter(QuotaChange::written)
                        .forEach(change -> written.put(change.after().id(), change.after()));
        return written;
    }

    private static Quota row(Map<String, Quota> written, String id) {
        return Objects.requireNonNull(written.get(id), id);
    }

    private static Refusal refusal(Decision decision) {
        assertThat(decision).isInstanceOf(Decision.Refused.class);
        return ((Decision.Refused) decision).refusal();
    }

    private Map<String, Quota> both(Quota.Figures figures, long parentAllocatedMb) {
        return Map.of("q", quota.withFigures(figures, NOW), "parent", parent.withFigures(100, parentAllocatedMb, NOW));
    }

    @Test
    void takesMoreFromTheParentAndGivesLessBack() {
        assertThat(written(decide(resize(900L, null), quota, parent)))
                .isEqualTo(both(quota.figures().withTotal(900, null), 900));
        assertThat(written(decide(resize(300L, null), quota, parent)))
                .isEqualTo(both(quota.figures().withTotal(300, null), 300));
    }

    @Test
    void refusesMoreThanTheParentHasWithTheParentsFigures() {
        Refusal refusal = refusal(decide(resize(901L, null), quota, parent));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refusal.details())
                .containsEntry("quota_id", "parent")
                .containsEntry("available_mb", 300L)
                .containsEntry("requested_mb", 301L)
                .containsEntry("short_by_mb", 1L);
    }

    @Test
    void resizesARootOutOfNothing() {
        Quota root = root("q", 10);
        assertThat(row(written(decide(resize(9_007_199_254_740_991L, null), root)), "q")
                        .totalMb())
                .isEqualTo(9_007_199_254_740_991L);
        assertThat(row(written(decide(resize(1L, null), root)), "q").totalMb()).isOne();
    }

    @Test
    void takesNothingFromASuspendedOrDrainingParentAndGivesBackToBoth() {
        Quota drains = parent.withFigures(parent.figures().withTotal(1_000, 700L), NOW);
        Quota suspended = suspendedBy("parent", parent);
        assertThat(refusal(decide(resize(601L, null), quota, drains))).isEqualTo(Refusal.quotaDraining("parent", 700));
        assertThat(refusal(decide(resize(601L, null), suspendedBy("parent", quota), suspended)))
                .isEqualTo(Refusal.quotaSuspended("parent"));
        for (Quota above : List.of(drains, suspended)) {
            assertThat(row(written(decide(resize(599L, null), quota, above)), "parent")
                            .allocatedMb())
                    .isEqualTo(599);
        }
    }

    @Test
    void resizesAQuotaThatIsSuspendedByItself() {
        assertThat(written(decide(resize(700L, null), suspendedBy("q", quota), parent)))
                .containsOnlyKeys("q", "parent");
    }

    @Test
    void refusesATotalBelowWhatIsTaken() {
        Quota held = reserved(50, quota);
        Refusal refusal = refusal(decide(resize(349L, null), held, parent));
        assertThat(refusal.code()).isEqualTo(ErrorCode.BELOW_USE);
        assertThat(refusal.details())
                .isEqualTo(Map.of(
                        "quota_id", "q",
                        "total_mb", 600L,
                        "used_mb", 200L,
                        "reserved_mb", 50L,
                        "allocated_mb", 100L,
                        "available_mb", 250L,
                        "minimum_mb", 350L,
                        "requested_mb", 349L));
        assertThat(refusal(decide(resize(349L, false), held, parent)).code()).isEqualTo(ErrorCode.BELOW_USE);
        assertThat(row(written(decide(resize(350L, null), held, parent)), "q").availableMb())
                .isZero();
    }

    @Test
    void drainsToATotalBelowWhatIsTakenAndGivesBackWhatIsFree() {
        assertThat(written(decide(resize(250L, true), quota, parent)))
                .isEqualTo(both(quota.figures().withTotal(300, 250L), 300));
        assertThat(written(decide(resize(300L, true), quota, parent)))
                .as("nothing is left to drain")
                .isEqualTo(both(quota.figures().withTotal(300, null), 300));
    }

    @Test
    void endsDrainingWithAnotherTotalOrWhenToldTo() {
        assertThat(written(decide(resize(null, false), draining, parent)))
                .isEqualTo(Map.of("q", draining.withFigures(draining.figures().withTotal(400, null), NOW)));
        assertThat(row(written(decide(resize(400L, null), draining, parent)), "q")
                        .drainToMb())
                .isNull();
        assertThat(row(written(decide(resize(450L, false), draining, parent)), "q")
                        .figures())
                .isEqualTo(draining.figures().withTotal(450, null));
        assertThat(row(written(decide(resize(200L, true), draining, parent)), "q")
                        .figures())
                .isEqualTo(draining.figures().withTotal(300, 200L));
        assertThat(row(written(decide(rename("new", null), draining, parent)), "q")
                        .figures())
                .as("a new name does not end it")
                .isEqualTo(draining.figures());
    }

    @Test
    void givesNothingOutWhileItDrains() {
        Quota full = draining.withFigures(draining.figures().withTotal(400, 100L), NOW);
        Refusal refusal = Refusal.quotaDraining("q", 100);
        assertThat(refusal(decide(new AllocateUsage.Command("q", "r", 1, null), full)))
                .isEqualTo(refusal);
        assertThat(refusal(decide(new AllocateUsage.Command("q", "r", 1, null), suspendedBy("q", full)))
                        .code())
                .as("suspension comes first")
                .isEqualTo(ErrorCode.QUOTA_SUSPENDED);
    }

    @Test
    void changesNothingWhenAllIsSoAlready() {
        UpdateQuota.Command same = new UpdateQuota.Command(
                "q", quota.name(), null, null, List.of("description", "key"), 600L, false, quota.version());
        Decision decision = decide(same, quota, parent);
        assertThat(written(decision)).isEmpty();
        assertThat(((Decision.Done) decision).change().entries())
                .singleElement()
                .satisfies(entry -> assertThat(entry.quotas()).noneMatch(QuotaChange::written));
        assertThat(written(decide(resize(null, null), quota, parent))).isEmpty();
        Quota drains = quota.withFigures(quota.figures().withTotal(300, 250L), NOW);
        assertThat(written(decide(resize(250L, true), drains, parent))).isEmpty();
    }

    @Test
    void keepsWhatIsAbsentAndClearsWhatIsNull() {
        Quota keyed = keyed("old", quota);
        assertThat(row(written(decide(rename("new", null), keyed, parent)), "q").label())
                .isEqualTo(new Quota.Label("new", null, "old"));
        assertThat(row(written(decide(rename(null, "new"), keyed, parent)), "q").key())
                .isEqualTo("new");
        assertThat(row(written(decide(rename(null, null, "key"), keyed, parent)), "q")
                        .key())
                .isNull();
    }

    @Test
    void refusesTheKeyOfASiblingOnly() {
        Quota sibling = keyed("taken", child(parent, "sibling", 10, null));
        Quota nephew = keyed("free", child(sibling, "nephew", 5, null));
        Refusal refusal = refusal(decide(rename(null, "taken"), quota, parent, sibling, nephew));
        assertThat(refusal.code()).isEqualTo(ErrorCode.KEY_TAKEN);
        assertThat(refusal.details()).isEqualTo(Map.of("key", "taken"));
        assertThat(written(decide(rename(null, "free"), quota, parent, sibling, nephew)))
                .containsOnlyKeys("q");
        assertThat(written(decide(rename(null, "own"), keyed("own", quota), parent, sibling)))
                .as("its own key")
                .isEmpty();
    }

    @Test
    void comparesTheVersionFirst() {
        UpdateQuota.Command command =
                new UpdateQuota.Command("q", null, null, null, List.of(), 1L, null, quota.version() + 1);
        Refusal refusal = refusal(decide(command, quota, parent));
        assertThat(refusal.code()).isEqualTo(ErrorCode.VERSION_MISMATCH);
        assertThat(refusal.details())
                .isEqualTo(Map.of("expected_version", quota.version() + 1, "current_version", quota.version()));
    }

    @Test
    void needsATotalToDrainTo() {
        List<Violation> violations = new ArrayList<>();
        new UpdateQuota().check(new Fields(new JsonObject().put("drain", true), violations));
        assertThat(violations).extracting(Violation::field).containsExactly("total_mb");
    }

    @Test
    void decodesNullAsClearingAndAbsenceAsKeeping() {
        JsonObject fields = new JsonObject()
                .put("quota_id", "q")
                .putNull("name")
                .putNull("key")
                .putNull("total_mb");
        assertThat(new UpdateQuota().decode(new Fields(fields, new ArrayList<>())))
                .isEqualTo(rename(null, null, "key"));
    }

    private static Decision drain(Quota... rows) {
        return Samples.decide(new DrainQuota.Command("q"), SampleRows.of(rows), Caller.system(Samples.ORG), false);
    }

    @Test
    void givesFreedCapacityBackUntilTheTotalIsReached() {
        Quota some = draining.withFigures(draining.figures().withUse(270, 100), NOW);
        Map<String, Quota> first = written(drain(some, parent));
        assertThat(row(first, "q").figures()).isEqualTo(some.figures().withTotal(370, 350L));
        assertThat(row(first, "parent").allocatedMb()).isEqualTo(570);
        Map<String, Quota> last = written(drain(draining, parent));
        assertThat(row(last, "q").figures()).isEqualTo(draining.figures().withTotal(350, null));
        assertThat(row(last, "parent").allocatedMb()).isEqualTo(550);
    }

    @Test
    void givesNothingBackWhenThereIsNothing() {
        Quota full = draining.withFigures(draining.figures().withUse(300, 100), NOW);
        for (Quota each : List.of(full, quota)) {
            assertThat(drain(each, parent)).isInstanceOf(Decision.Read.class);
        }
    }

    @Test
    void drainsARootIntoNothing() {
        Quota root = root("q", 100);
        Quota drains = root.withFigures(root.figures().withTotal(100, 40L), NOW);
        assertThat(written(drain(drains))).isEqualTo(Map.of("q", drains.withFigures(Quota.Figures.unused(40), NOW)));
    }
}
