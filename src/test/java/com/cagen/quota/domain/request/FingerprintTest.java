package com.cagen.quota.domain.request;

import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.request;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.Commands;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FingerprintTest {
    @Test
    void isTheSameForTheSameRequestWhateverCarriesIt() {
        Input use = use("q", "r", 5, "why");
        Request first = request(caller("u"), "k", use);
        Request repeat = new Request(
                "another id",
                new Caller("org_2", "u", "svc_2", List.of()),
                new Nonce("another", 7),
                "k2",
                Commands.nameOf(use),
                use("q", "r", 5, "why"));
        assertThat(Fingerprint.of(first)).hasSize(32).isEqualTo(Fingerprint.of(repeat));
    }

    /** Recorded fingerprints outlive an upgrade of the service: the bytes are a promise. */
    @Test
    void isTheSameInEveryVersion() {
        assertThat(hex(use("q", "r", 5, null)))
                .isEqualTo("97938dadf284893008920328eb9b196ba060b1df5e0a2127d31e24cf3c6383af");
        assertThat(hex(new AllocateQuota.Command("q", "n", "d", 5, QuotaType.TEAM, "t", List.of("a", "b"))))
                .isEqualTo("ae55ad60192d7461319f9a15fbb0965678e8a3df973aa398ecc93411826041de");
    }

    @Test
    void tellsEveryFieldOfEveryOperationApart() {
        List<Input> different = List.of(
                use("q", "r", 5, null),
                use("q2", "r", 5, null),
                use("q", "r2", 5, null),
                use("q", "r", 6, null),
                use("q", "r", 5, ""),
                use("q", "r", 5, "null"),
                use("q", "r", 5, "why"),
                use("qr", "", 5, null),
                use("", "qr", 5, null),
                new DeallocateUsage.Command("q", "r", 5, null),
                new ReleaseQuota.Command("q"),
                new SuspendQuota.Command("q", null),
                new SuspendQuota.Command("q", ""),
                new ResumeQuota.Command("q", null),
                new CreateQuota.Command("n", null, QuotaType.TEAM, 5, "t"),
                new CreateQuota.Command("n", "t", QuotaType.TEAM, 5, null),
                new CreateQuota.Command("n", null, QuotaType.ORGANIZATION, 5, "t"),
                new CreateQuota.Command("n", null, QuotaType.TEAM, 6, "t"),
                new CreateQuota.Command("m", null, QuotaType.TEAM, 5, "t"),
                allocate("n", null, 5, QuotaType.TEAM, "t", List.of()),
                allocate("m", null, 5, QuotaType.TEAM, "t", List.of()),
                allocate("n", "", 5, QuotaType.TEAM, "t", List.of()),
                allocate("n", null, 6, QuotaType.TEAM, "t", List.of()),
                allocate("n", null, 5, QuotaType.ORGANIZATION, "t", List.of()),
                allocate("n", null, 5, QuotaType.TEAM, null, List.of()),
                allocate("n", null, 5, QuotaType.TEAM, "", List.of()),
                allocate("n", null, 5, QuotaType.TEAM, "t", List.of("")),
                allocate("n", null, 5, QuotaType.TEAM, "t", List.of("ab")),
                allocate("n", null, 5, QuotaType.TEAM, "t", List.of("a", "b")),
                new GrantPermission.Command("q", "u", List.of(Permission.READ)),
                new GrantPermission.Command("q", "u", List.of(Permission.READ, Permission.ADMIN)),
                new GrantPermission.Command("q", "v", List.of(Permission.READ)),
                new RevokePermission.Command("q", "u", List.of(Permission.READ)),
                use("q", "\ud800", 5, null),
                use("q", "\ud801", 5, null),
                use("q", "?", 5, null));
        assertThat(different.stream().map(FingerprintTest::hex)).doesNotHaveDuplicates();
    }

    @Test
    void tellsUsersApart() {
        Input use = use("q", "r", 5, null);
        assertThat(Fingerprint.of(request(caller("u"), "k", use)))
                .isNotEqualTo(Fingerprint.of(request(caller("v"), "k", use)));
    }

    @Test
    void ignoresOrderAndRepeatsOfPermissions() {
        assertThat(hex(new GrantPermission.Command(
                        "q", "u", List.of(Permission.ADMIN, Permission.READ, Permission.ADMIN))))
                .isEqualTo(hex(new GrantPermission.Command("q", "u", List.of(Permission.READ, Permission.ADMIN))));
    }

    private static Input use(String quotaId, String resourceId, long usageMb, @Nullable String reason) {
        return new AllocateUsage.Command(quotaId, resourceId, usageMb, reason);
    }

    private static Input allocate(
            String name,
            @Nullable String description,
            long allocateMb,
            QuotaType type,
            @Nullable String targetId,
            List<String> admins) {
        return new AllocateQuota.Command("q", name, description, allocateMb, type, targetId, admins);
    }

    private static String hex(Input operation) {
        return HexFormat.of().formatHex(Fingerprint.of(request(caller("u"), "k", operation)));
    }
}
