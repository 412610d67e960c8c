package com.cagen.quota.domain;

import static com.cagen.quota.domain.Samples.caller;
import static com.cagen.quota.domain.Samples.knows;
import static com.cagen.quota.domain.Samples.request;
import static com.cagen.quota.domain.Samples.root;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Each case is wrong in several ways at once; the answer tells which check comes first. */
class AdmissionTest {
    private final Quota quota = root("q", 100);
    private final Quota deleted = quota.withStatus(QuotaStatus.DELETED, null, Samples.NOW);
    private final Operation use = new Operation.AllocateUsage("q", "r", 1, null);
    private final RecordedOperation recorded =
            new RecordedOperation(new byte[] {1, 2}, new Answer.Success("Done.", "{\"a\":1}", false));
    private final byte[] same = {1, 2};
    private final byte[] other = {1, 3};

    @Test
    void looksAtTheCredentialBeforeAnythingElse() {
        assertThat(Admission.admit(
                        false, null, null, request(caller("u"), "k", use), KnownGrants.NONE, recorded, other))
                .isEqualTo(Refusal.credentialReplayed());
    }

    @Test
    void tellsNothingOfWhatIsNotThere() {
        assertThat(admit(null, "stranger", null, null)).isEqualTo(Refusal.quotaNotFound());
        assertThat(admit(deleted, "stranger", null, null)).isEqualTo(Refusal.quotaNotFound());
        assertThat(admit(deleted, "owner", null, null)).isEqualTo(Refusal.quotaNotFound());
        assertThat(admit(Samples.in("org_2", quota), "owner", null, null)).isEqualTo(Refusal.quotaNotFound());
        assertThat(admit(Samples.in("org_2", deleted), "owner", recorded, same)).isEqualTo(Refusal.quotaNotFound());
    }

    @Test
    void asksForPermissionBeforeItLooksAtTheKey() {
        Refusal denied = Refusal.permissionDenied(List.of("read", "admin", "owner"));
        assertThat(admit(quota, "stranger", recorded, other)).isEqualTo(denied);
        assertThat(admit(deleted, "stranger", recorded, same)).isEqualTo(denied);
        assertThat(Admission.admit(
                        true, quota, null, request(caller("u"), "k", use), KnownGrants.NONE, recorded, other))
                .isEqualTo(new Decision.NeedsGrant(List.of("q")));
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
        Operation audit = new Operation.ListAudit("q", null, null, null, null, null, 20, false);
        assertThat(Admission.admit(
                        true, deleted, null, request(caller("owner"), null, audit), KnownGrants.NONE, null, null))
                .isNull();
        assertThat(Admission.admit(true, deleted, null, request(caller("u"), null, audit), knows(deleted), null, null))
                .isEqualTo(Refusal.permissionDenied(List.of("admin", "owner")));
    }

    @Test
    void letsTheRestGoOnToTheRules() {
        assertThat(admit(quota, "owner", null, same)).isNull();
    }

    private @Nullable Decision admit(
            @Nullable Quota locked, String userId, @Nullable RecordedOperation first, byte @Nullable [] fingerprint) {
        return Admission.admit(true, locked, null, request(caller(userId), "k", use), knows(quota), first, fingerprint);
    }
}
