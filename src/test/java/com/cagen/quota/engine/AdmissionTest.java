package com.cagen.quota.engine;

import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.knows;
import static com.cagen.quota.testing.Samples.request;
import static com.cagen.quota.testing.Samples.root;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Each case is wrong in several ways at once; the answer tells which check comes first. */
class AdmissionTest {
    private static final AllocateUsage.Command USE = new AllocateUsage.Command("q", "r", 1, null);
    private final Quota quota = root("q", 100);
    private final Quota deleted = quota.withStatus(QuotaStatus.DELETED, null, Samples.NOW);
    private final RecordedOperation recorded =
            new RecordedOperation(new byte[] {1, 2}, new Answer.Success("Done.", "{\"a\":1}", false));
    private final byte[] same = {1, 2};
    private final byte[] other = {1, 3};

    @Test
    void looksAtTheCredentialBeforeAnythingElse() {
        BatchItem replayed = item("u", false, KnownGrants.NONE, other);
        assertThat(decide(replayed, null, recorded)).isEqualTo(refused(Refusal.credentialReplayed()));
    }

    @Test
    void tellsNothingOfWhatIsNotThere() {
        Decision notFound = refused(Refusal.quotaNotFound());
        assertThat(admit(null, "stranger", null, null)).isEqualTo(notFound);
        assertThat(admit(deleted, "stranger", null, null)).isEqualTo(notFound);
        assertThat(admit(deleted, "owner", null, null)).isEqualTo(notFound);
        assertThat(admit(Samples.in("org_2", quota), "owner", null, null)).isEqualTo(notFound);
        assertThat(admit(Samples.in("org_2", deleted), "owner", recorded, same)).isEqualTo(notFound);
    }

    @Test
    void asksForPermissionBeforeItLooksAtTheKey() {
        Decision denied = refused(Refusal.permissionDenied(List.of("read", "admin", "owner")));
        assertThat(admit(quota, "stranger", recorded, other)).isEqualTo(denied);
        assertThat(admit(deleted, "stranger", recorded, same)).isEqualTo(denied);
        assertThat(decide(item("u", true, KnownGrants.NONE, other), quota, recorded))
                .isEqualTo(new Decision.AskAuth(List.of("q")));
    }

    @Test
    void givesARepeatItsFirstAnswerMarkedAsAReplay() {
        Decision replay = new Decision.Replay(new Answer.Success("Done.", "{\"a\":1}", true));
        assertThat(admit(quota, "owner", recorded, same)).isEqualTo(replay);
        assertThat(admit(deleted, "owner", recorded, same)).isEqualTo(replay);
    }

    @Test
    void refusesAnotherRequestUnderAUsedKey() {
        assertThat(admit(quota, "owner", recorded, other)).isEqualTo(Admission.keyReused());
        assertThat(admit(deleted, "owner", recorded, other)).isEqualTo(Admission.keyReused());
        assertThat(admit(quota, "owner", recorded, null)).isEqualTo(Admission.keyReused());
    }

    @Test
    void showsTheAuditTrailOfADeletedQuota() {
        assertThat(admitToAudit("owner", KnownGrants.NONE)).isNull();
        assertThat(admitToAudit("u", knows(deleted)))
                .isEqualTo(refused(Refusal.permissionDenied(List.of("admin", "owner"))));
    }

    @Test
    void letsTheRestGoOnToTheRules() {
        BatchItem item = item("owner", true, KnownGrants.NONE, same);
        assertThat(Admission.admit(item, new AllocateUsage(), USE, SampleRows.of(quota), false))
                .isNull();
        assertThat(admit(quota, "owner", null, same)).isInstanceOf(Decision.Done.class);
    }

    private @Nullable Decision admitToAudit(String userId, KnownGrants grants) {
        ListAudit.Command audit = new ListAudit.Command("q", null, null, null, null, null, 20, false);
        // The operation of the item is not looked at.
        BatchItem item = item(request(caller(userId), null, audit), true, grants, null);
        return Admission.admit(item, new ListAudit(), audit, SampleRows.of(deleted), false);
    }

    private Decision admit(
            @Nullable Quota locked, String userId, @Nullable RecordedOperation first, byte @Nullable [] fingerprint) {
        return decide(item(userId, true, knows(quota), fingerprint), locked, first);
    }

    private static Decision decide(BatchItem item, @Nullable Quota locked, @Nullable RecordedOperation first) {
        OperationKey key = Objects.requireNonNull(OperationKey.of(item.request()));
        LoadedRows loaded = new LoadedRows(
                locked == null ? Map.of() : Map.of(QuotaKey.of(locked), locked),
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
                first == null ? Map.of() : Map.of(key, first));
        return BatchDecision.decide(loaded, List.of(item), Samples.NOW, () -> "q_new")
                .get(0);
    }

    private static BatchItem item(
            String userId, boolean nonceAccepted, KnownGrants grants, byte @Nullable [] fingerprint) {
        return item(request(caller(userId), "k", USE), nonceAccepted, grants, fingerprint);
    }

    private static BatchItem item(
            Request request, boolean nonceAccepted, KnownGrants grants, byte @Nullable [] fingerprint) {
        return new BatchItem(new UUID(0, 1), request, new AllocateUsage(), nonceAccepted, grants, fingerprint, false);
    }

    private static Decision refused(Refusal refusal) {
        return new Decision.Refused(refusal);
    }
}
