package com.cagen.quota.engine;

import static com.cagen.quota.testing.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Fingerprint;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.testing.Samples;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Special cases of a batch; {@link RandomHistoriesTest} has all others. */
class BatchDecisionTest {
    /** One at a time, the second would find the first's key recorded: the key outlives the deleted quota. */
    @Test
    void knowsAKeyOfItsOwnBatchBeforeItMissesADeletedQuota() {
        Quota live = Samples.root("q", 10);
        Quota deleted = Samples.root("gone", 10).withStatus(QuotaStatus.DELETED, null, NOW);
        LoadedRows loaded = new LoadedRows(
                Map.of(QuotaKey.of(live), live, QuotaKey.of(deleted), deleted),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of());
        List<Decision> decisions =
                BatchDecision.decide(loaded, List.of(keyed("q"), keyed("gone"), keyed("q")), NOW, () -> "q_new");
        assertThat(decisions.get(0)).isInstanceOfSatisfying(Decision.Done.class, done -> {
            assertThat(done.change().quotas())
                    .containsExactly(
                            QuotaChange.held(live, live.withFigures(1, 0, NOW), new QuotaChange.Held("r", 0, 1)));
        });
        assertThat(decisions.subList(1, 3)).containsExactly(Admission.keyReused(), new Decision.SameAs(0));
    }

    private static BatchItem keyed(String quotaId) {
        Request use = Samples.request(Samples.caller("owner"), "key", new AllocateUsage.Command(quotaId, "r", 1, null));
        return new BatchItem(
                new UUID(0, 1), use, new AllocateUsage(), true, KnownGrants.NONE, Fingerprint.of(use), false);
    }
}
