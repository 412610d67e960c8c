package com.cagen.quota.domain;

import static com.cagen.quota.domain.Samples.both;
import static com.cagen.quota.domain.Samples.caller;
import static com.cagen.quota.domain.Samples.child;
import static com.cagen.quota.domain.Samples.knows;
import static com.cagen.quota.domain.Samples.root;
import static com.cagen.quota.domain.Samples.withGrantsVersion;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AccessTest {
    private final Quota root = root("q_root", 1_000);
    private final Quota child = child(root, "q_child", 500, null);
    private final Quota ownedChild = child.withOwners("owner", List.of("deputy"), Samples.NOW);

    private static final Map<String, Operation> OPERATIONS = Map.ofEntries(
            Map.entry("get", new Operation.GetQuota("q")),
            Map.entry("use", new Operation.AllocateUsage("q", "r", 1, null)),
            Map.entry("giveBack", new Operation.DeallocateUsage("q", "r", 1, null)),
            Map.entry("history", new Operation.UsageHistory("q", null, null, null, null, 20, false)),
            Map.entry(
                    "allocate",
                    new Operation.AllocateQuota("q", "n", null, 1, QuotaType.ORGANIZATION, null, List.of())),
            Map.entry("grant", new Operation.GrantPermission("q", "u", List.of(Permission.ADMIN, Permission.READ))),
            Map.entry("revoke", new Operation.RevokePermission("q", "u", List.of(Permission.READ))),
            Map.entry(
                    "grantOwner", new Operation.GrantPermission("q", "u", List.of(Permission.READ, Permission.OWNER))),
            Map.entry("revokeOwner", new Operation.RevokePermission("q", "u", List.of(Permission.OWNER))),
            Map.entry("audit", new Operation.ListAudit("q", null, null, null, null, null, 20, false)),
            Map.entry("release", new Operation.ReleaseQuota("q")),
            Map.entry("suspend", new Operation.SuspendQuota("q", null)),
            Map.entry("resume", new Operation.ResumeQuota("q", null)));

    /** Who may do what with a child; an answer is {@code yes} or what is required instead. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    get         | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    use         | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    giveBack    | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    history     | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    allocate    | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    grant       | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    revoke      | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    audit       | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    grantOwner  | owner            | owner       | owner       | owner            | owner
                    revokeOwner | owner            | owner       | owner       | owner            | owner
                    release     | admin,owner      | admin,owner | yes         | admin,owner      | yes
                    suspend     | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    resume      | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    """)
    void givesEachOperationToThoseWhoHoldWhatItNeeds(
            String operation, String stranger, String reader, String admin, String parentReader, String parentAdmin) {
        KnownGrants nothing = both(knows(child), knows(root));
        assertThat(answer(child, operation, nothing)).isEqualTo(stranger);
        assertThat(answer(child, operation, both(nothing, knows(child, Permission.READ))))
                .isEqualTo(reader);
        assertThat(answer(child, operation, both(nothing, knows(child, Permission.ADMIN))))
                .isEqualTo(admin);
        assertThat(answer(child, operation, both(nothing, knows(root, Permission.READ))))
                .isEqualTo(parentReader);
        assertThat(answer(child, operation, both(nothing, knows(root, Permission.READ, Permission.ADMIN))))
                .isEqualTo(parentAdmin);
    }

    @Test
    void letsOwnersDoEverythingWithoutAskingAnybody() {
        OPERATIONS.forEach((name, operation) -> {
            assertThat(Access.check(root, null, caller("owner"), operation, KnownGrants.NONE))
                    .as(name + " by the root's owner")
                    .isNull();
            assertThat(Access.check(child, root, caller("owner"), operation, KnownGrants.NONE))
                    .as(name + " by an ancestor's owner")
                    .isNull();
            assertThat(Access.check(ownedChild, root, caller("deputy"), operation, KnownGrants.NONE))
                    .as(name + " by the child's own owner")
                    .isNull();
        });
    }

    @Test
    void doesNotTakeTheAuthServicesWordForOwnership() {
        KnownGrants claims = both(knows(child, Permission.OWNER), knows(root, Permission.OWNER));
        OPERATIONS.forEach((name, operation) ->
                assertThat(answer(child, name, claims)).as(name).isNotEqualTo("yes"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    get      | q_child
                    use      | q_child
                    giveBack | q_child
                    history  | q_child
                    allocate | q_child
                    grant    | q_child
                    revoke   | q_child
                    audit    | q_child
                    release  | q_child,q_root
                    suspend  | q_root
                    resume   | q_root
                    """)
    void asksTheAuthServiceAboutWhatItDoesNotKnow(String operation, String asked) {
        assertThat(answer(child, operation, KnownGrants.NONE)).isEqualTo("ask " + asked);
    }

    @ParameterizedTest
    @CsvSource({"grantOwner", "revokeOwner"})
    void neverAsksAboutWhatOnlyOwnersMayDo(String operation) {
        assertThat(answer(child, operation, KnownGrants.NONE)).isEqualTo("owner");
    }

    @Test
    void asksOnlyAboutWhatMayStillDecideARelease() {
        assertThat(answer(child, "release", knows(child))).isEqualTo("ask q_root");
        assertThat(answer(child, "release", knows(root))).isEqualTo("ask q_child");
        assertThat(answer(child, "release", knows(child, Permission.ADMIN))).isEqualTo("yes");
        assertThat(answer(child, "release", knows(root, Permission.ADMIN))).isEqualTo("yes");
        assertThat(answer(root, "release", KnownGrants.NONE)).isEqualTo("ask q_root");
        assertThat(answer(root, "release", knows(root, Permission.ADMIN))).isEqualTo("yes");
    }

    @Test
    void letsOnlyOwnersSuspendAndResumeARoot() {
        KnownGrants admin = knows(root, Permission.ADMIN);
        assertThat(answer(root, "suspend", admin)).isEqualTo("owner");
        assertThat(answer(root, "resume", admin)).isEqualTo("owner");
        assertThat(answer(root, "suspend", KnownGrants.NONE)).isEqualTo("owner");
    }

    @Test
    void forgetsWhatWasLearntBeforeTheGrantsChanged() {
        KnownGrants learnt = knows(child, Permission.ADMIN);
        assertThat(learnt.of(child)).containsExactly(Permission.ADMIN);
        assertThat(learnt.of(root)).isNull();
        assertThat(learnt.of(withGrantsVersion(2, child))).isNull();
        assertThat(answer(withGrantsVersion(2, child), "get", learnt)).isEqualTo("ask q_child");
    }

    @Test
    void refusesToGuessWhenTheParentIsMissing() {
        Operation suspend = new Operation.SuspendQuota("q", null);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Access.check(child, null, caller("u"), suspend, KnownGrants.NONE));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Access.check(child, root("other", 1), caller("u"), suspend, KnownGrants.NONE));
    }

    @Test
    void refusesOperationsThatAreNotAboutOneQuota() {
        Operation list = new Operation.ListQuotas(1, 20, null, null, null, null);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Access.check(root, null, caller("owner"), list, KnownGrants.NONE));
    }

    @Test
    void letsAnybodyMakeARootAndOnlyMembersATeams() {
        assertThat(Access.checkCreate(caller("u"), create(QuotaType.ORGANIZATION, "team_9")))
                .isNull();
        assertThat(Access.checkCreate(caller("u"), create(QuotaType.TEAM, "team_1")))
                .isNull();
        assertThat(Access.checkCreate(caller("u"), create(QuotaType.TEAM, "team_9")))
                .isEqualTo(Refusal.permissionDenied(List.of("team_member")));
    }

    private static Operation.CreateQuota create(QuotaType type, String teamId) {
        return new Operation.CreateQuota("n", null, type, 1, teamId);
    }

    private String answer(Quota quota, String operation, KnownGrants grants) {
        Operation asked = OPERATIONS.getOrDefault(operation, new Operation.ListRuntimes(1, 1));
        Decision decision =
                Access.check(quota, quota.parentId() == null ? null : root, caller("somebody"), asked, grants);
        if (decision == null) {
            return "yes";
        }
        if (decision instanceof Decision.NeedsGrant ask) {
            return "ask " + String.join(",", ask.quotaIds());
        }
        assertThat(decision).isInstanceOfSatisfying(Refusal.class, refusal -> assertThat(refusal.code())
                .isEqualTo(ErrorCode.PERMISSION_DENIED));
        return String.valueOf(((Refusal) decision).details().get("required")).replaceAll("[\\[\\] ]", "");
    }
}
