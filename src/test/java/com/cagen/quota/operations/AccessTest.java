package com.cagen.quota.operations;

import static com.cagen.quota.testing.Samples.both;
import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.child;
import static com.cagen.quota.testing.Samples.knows;
import static com.cagen.quota.testing.Samples.root;
import static com.cagen.quota.testing.Samples.withGrantsVersion;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.increase.ApproveIncrease;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.GetIncrease;
import com.cagen.quota.operations.increase.ListIncreases;
import com.cagen.quota.operations.increase.RejectIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.ListPermissions;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DeclaredTree;
import com.cagen.quota.operations.quota.DrainQuota;
import com.cagen.quota.operations.quota.ExportTree;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.ListQuotas;
import com.cagen.quota.operations.quota.ListTree;
import com.cagen.quota.operations.quota.MoveQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.quota.TransferQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.reservation.CancelReservation;
import com.cagen.quota.operations.reservation.CommitReservation;
import com.cagen.quota.operations.reservation.CreateReservation;
import com.cagen.quota.operations.reservation.ExpireReservations;
import com.cagen.quota.operations.reservation.ExtendReservation;
import com.cagen.quota.operations.reservation.GetReservation;
import com.cagen.quota.operations.reservation.ListReservations;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ListRuntimes;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.operations.usage.TransferUsage;
import com.cagen.quota.operations.usage.UsageHistory;
import com.cagen.quota.operations.usage.UsageOverTime;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who may do what: the access of each operation. */
class AccessTest {
    private final Quota root = root("q_root", 1_000);
    private final Quota child = child(root, "q_child", 500, null);
    private final Quota ownedChild = child.withOwners("owner", List.of("deputy"), Samples.NOW);

    /** A command of each operation that is about one quota, which is given. */
    private static final Map<String, Function<String, Input>> OPERATIONS = new LinkedHashMap<>();

    /** What is about the size of a quota, and so about its parent's capacity. */
    private static final Set<String> SIZE = Set.of("resize", "endDrain", "both", "approve", "reject");

    static {
        OPERATIONS.put("get", id -> new GetQuota.Command(id, null));
        OPERATIONS.put("use", id -> new AllocateUsage.Command(id, "r", 1, null));
        OPERATIONS.put("giveBack", id -> new DeallocateUsage.Command(id, "r", 1, null));
        OPERATIONS.put("move", id -> new TransferUsage.Command(id, "r", 1, id, "s"));
        OPERATIONS.put("reserve", id -> new CreateReservation.Command(id, "r", 1, 300, null));
        OPERATIONS.put("commit", id -> new CommitReservation.Command(id, "v", null));
        OPERATIONS.put("cancel", id -> new CancelReservation.Command(id, "v"));
        OPERATIONS.put("extend", id -> new ExtendReservation.Command(id, "v", 300));
        OPERATIONS.put("reservation", id -> new GetReservation.Command(id, "v"));
        OPERATIONS.put("reservations", id -> new ListReservations.Command(id, null, null, null, 20));
        OPERATIONS.put("series", id -> new UsageOverTime.Command(id, null, null, 24));
        OPERATIONS.put("history", id -> new UsageHistory.Command(id, null, null, null, null, 20, false));
        OPERATIONS.put(
                "allocate", id -> new AllocateQuota.Command(id, "n", null, 1, QuotaType.ORGANIZATION, null, List.of()));
        OPERATIONS.put("grant", id -> new GrantPermission.Command(id, "u", List.of(Permission.ADMIN, Permission.READ)));
        OPERATIONS.put("revoke", id -> new RevokePermission.Command(id, "u", List.of(Permission.READ)));
        OPERATIONS.put(
                "grantOwner", id -> new GrantPermission.Command(id, "u", List.of(Permission.READ, Permission.OWNER)));
        OPERATIONS.put("revokeOwner", id -> new RevokePermission.Command(id, "u", List.of(Permission.OWNER)));
        OPERATIONS.put(
                "reconcile",
                id -> new ReconcileUsage.Command(id, List.of(new ReconcileUsage.Observed("r", 1)), false, null, false));
        OPERATIONS.put("ask", id -> new CreateIncrease.Command(id, 1, "why"));
        OPERATIONS.put(
                "approve", id -> new ApproveIncrease.Command(increaseOf(id).id(), null));
        OPERATIONS.put("reject", id -> new RejectIncrease.Command(increaseOf(id).id(), null));
        OPERATIONS.put("audit", id -> new ListAudit.Command(id, null, null, null, null, null, 20, false));
        OPERATIONS.put("permissions", id -> new ListPermissions.Command(id, null, 1_000));
        OPERATIONS.put("tree", id -> new ListTree.Command(id, 16, null, 100));
        OPERATIONS.put("release", id -> new ReleaseQuota.Command(id));
        OPERATIONS.put("suspend", id -> new SuspendQuota.Command(id, null));
        OPERATIONS.put("resume", id -> new ResumeQuota.Command(id, null));
        OPERATIONS.put("rename", id -> update(id, "n", null, null));
        OPERATIONS.put("resize", id -> update(id, null, 1L, null));
        OPERATIONS.put("endDrain", id -> update(id, null, null, false));
        OPERATIONS.put("both", id -> update(id, "n", 1L, null));
        OPERATIONS.put("neither", id -> update(id, null, null, null));
    }

    private static Increase increaseOf(String quotaId) {
        return new Increase(
                Samples.ORG,
                Increase.idOf(new UUID(0, 1), quotaId),
                quotaId,
                2_000,
                500,
                "why",
                IncreaseStatus.PENDING,
                "asker",
                Samples.NOW,
                null);
    }

    @Test
    void letsOnlyWhoAskedWithdraw() {
        Increase increase = increaseOf("q_child");
        Rows rows = SampleRows.of(root, child).with(increase);
        Input withdraw = new WithdrawIncrease.Command(increase.id(), null);
        assertThat(access(withdraw, rows, "asker", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(withdraw, rows, "owner", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("requester"))));
    }

    private static Input update(String id, @Nullable String name, @Nullable Long totalMb, @Nullable Boolean drain) {
        return new UpdateQuota.Command(id, name, null, null, List.of(), totalMb, drain, null);
    }

    /** Who may do what with a child; an answer is {@code yes} or what is required instead. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    get         | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    use         | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    giveBack    | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    move        | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    reserve     | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    commit      | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    cancel      | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    extend      | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    reservation | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    reservations| read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    history     | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    allocate    | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    grant       | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    revoke      | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    reconcile   | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    ask         | read,admin,owner | yes         | yes         | read,admin,owner | read,admin,owner
                    approve     | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    reject      | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    audit       | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    tree        | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    permissions | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    grantOwner  | owner            | owner       | owner       | owner            | owner
                    revokeOwner | owner            | owner       | owner       | owner            | owner
                    release     | admin,owner      | admin,owner | yes         | admin,owner      | yes
                    suspend     | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    resume      | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    rename      | admin,owner      | admin,owner | yes         | admin,owner      | admin,owner
                    resize      | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    endDrain    | admin,owner      | admin,owner | admin,owner | admin,owner      | yes
                    both        | admin,owner      | admin,owner | admin,owner | admin,owner      | admin,owner
                    neither     | admin,owner      | admin,owner | yes         | admin,owner      | yes
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
        Rows all = SampleRows.of(root, child);
        OPERATIONS.forEach((name, operation) -> {
            assertThat(access(operation.apply("q_root"), SampleRows.of(root), "owner", KnownGrants.NONE))
                    .as(name + " by the root's owner")
                    .isInstanceOf(Access.Result.Allowed.class);
            assertThat(access(operation.apply("q_child"), all, "owner", KnownGrants.NONE))
                    .as(name + " by an ancestor's owner")
                    .isInstanceOf(Access.Result.Allowed.class);
            if (!SIZE.contains(name)) {
                assertThat(access(
                                operation.apply("q_child"),
                                SampleRows.of(root, ownedChild),
                                "deputy",
                                KnownGrants.NONE))
                        .as(name + " by the child's own owner")
                        .isInstanceOf(Access.Result.Allowed.class);
            }
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
                    move     | q_child
                    history  | q_child
                    allocate | q_child
                    grant    | q_child
                    revoke   | q_child
                    audit    | q_child
                    tree     | q_child
                    release  | q_child,q_root
                    suspend  | q_root
                    resume   | q_root
                    rename   | q_child
                    resize   | q_root
                    endDrain | q_root
                    both     | q_child,q_root
                    neither  | q_child,q_root
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
    void asksForBothPermissionsOfAnUpdateThatNeedsBoth() {
        assertThat(answer(child, "both", both(knows(child, Permission.ADMIN), knows(root, Permission.ADMIN))))
                .isEqualTo("yes");
        assertThat(answer(child, "both", knows(child, Permission.ADMIN))).isEqualTo("ask q_root");
        assertThat(answer(child, "both", knows(root, Permission.ADMIN))).isEqualTo("ask q_child");
        assertThat(answer(child, "both", knows(child))).isEqualTo("admin,owner");
        assertThat(answer(child, "both", knows(root))).isEqualTo("admin,owner");
    }

    /** The parent gives or gets the difference, so the owner of the child alone does not decide about it. */
    @Test
    void letsTheParentsAdminsAndARootsOwnersDecideAboutASize() {
        Rows rows = SampleRows.of(root, ownedChild);
        for (String operation : List.of("resize", "endDrain", "both")) {
            assertThat(access(command(operation, "q_child"), rows, "deputy", knows(root)))
                    .as(operation)
                    .isInstanceOf(Access.Result.Denied.class);
            assertThat(answer(root, operation, knows(root, Permission.ADMIN)))
                    .as(operation)
                    .isEqualTo("owner");
        }
    }

    @Test
    void letsOnlyTheSystemDrainAndExpire() {
        Rows rows = SampleRows.of(root, child);
        Refusal denied = Refusal.permissionDenied(List.of("system"));
        for (Input command : List.of(new DrainQuota.Command("q_child"), new ExpireReservations.Command("q_child"))) {
            for (String user : List.of("owner", "somebody", Caller.SYSTEM)) {
                assertThat(access(command, rows, user, knows(child, Permission.ADMIN)))
                        .isEqualTo(new Access.Result.Denied(denied));
            }
            assertThat(access(Commands.operationOf(command), command, rows, Caller.system("org_1"), KnownGrants.NONE))
                    .isInstanceOf(Access.Result.Allowed.class);
        }
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
    void failsWhenTheParentIsMissing() {
        for (Rows rows : List.of(SampleRows.of(child), SampleRows.of(child, root("other", 1)))) {
            for (String operation : List.of("suspend", "resume", "release")) {
                Input command = command(operation, "q_child");
                assertThatIllegalStateException()
                        .isThrownBy(() -> access(command, rows, "u", KnownGrants.NONE))
                        .withMessageContaining("q_root");
            }
        }
    }

    /** They show each caller what is the caller's own. */
    @Test
    void letsAnybodyListQuotasAndRuntimes() {
        for (Input list : List.of(
                new ListQuotas.Command(1, 20, null, null, null, null, null, null),
                new ListRuntimes.Command(1, 20),
                new ListIncreases.Command(null, null, null, 20),
                new GetIncrease.Command("i"))) {
            assertThat(access(list, SampleRows.of(), "u", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        }
    }

    @Test
    void letsAnybodyMakeARootAndOnlyMembersATeams() {
        assertThat(access(create("organization", "team_9"), SampleRows.of(), "u", KnownGrants.NONE))
                .isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(create("team", "team_1"), SampleRows.of(), "u", KnownGrants.NONE))
                .isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(create("team", "team_9"), SampleRows.of(), "u", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("team_member"))));
    }

    @Test
    void movingUsageNeedsReadOnBothQuotas() {
        TransferUsage.Command move = new TransferUsage.Command("q_root", "r", 1, "q_child", "r");
        SampleRows rows = SampleRows.of(root, child);
        assertThat(access(move, rows, "owner", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(move, rows, "u", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Unknown(List.of("q_root", "q_child")));
        assertThat(access(move, rows, "u", knows(root, Permission.READ)))
                .isEqualTo(new Access.Result.Unknown(List.of("q_child")));
    }

    /** Each item is allowed or denied for itself, once all is known. */
    @Test
    void aBatchAsksAboutAllItsQuotasAtOnce() {
        SampleRows rows = SampleRows.of(root, child);
        Input batch = batch("q_root", "q_child", "q_none", "q_root");
        assertThat(access(batch, rows, "owner", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(batch, rows, "u", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Unknown(List.of("q_root", "q_child")));
        assertThat(access(batch, rows, "u", both(knows(root), knows(child, Permission.READ))))
                .isInstanceOf(Access.Result.Allowed.class);
    }

    private static Input batch(String... quotaIds) {
        return new BatchUsage.Command(
                true,
                Stream.of(quotaIds)
                        .map(id -> new BatchUsage.Item(BatchUsage.Verb.ALLOCATE, id, "r", 1, null))
                        .toList());
    }

    @Test
    void movingCapacityNeedsAdminOnTheCommonParent() {
        Quota sibling = child(root, "q_sibling", 100, null);
        SampleRows rows = SampleRows.of(root, child, sibling);
        TransferQuota.Command between = new TransferQuota.Command("q_child", "q_sibling", 1);
        assertThat(access(between, rows, "owner", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(between, rows, "u", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Unknown(List.of("q_root")));
        assertThat(access(between, rows, "u", knows(root, Permission.ADMIN))).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(
                        between,
                        rows,
                        "u",
                        both(knows(root), both(knows(child, Permission.ADMIN), knows(sibling, Permission.ADMIN)))))
                .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("admin", "owner"))));
        // Refused later, as they are no siblings; until then each side needs what a change of its size needs.
        assertThat(access(new TransferQuota.Command("q_child", "q_root", 1), rows, "u", knows(root, Permission.ADMIN)))
                .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("owner"))));
    }

    @Test
    void movingAQuotaNeedsAdminOnBothParents() {
        Quota other = root("q_other", 1_000);
        Quota grandchild = child(child, "q_grandchild", 10, null);
        SampleRows rows = SampleRows.of(root, child, grandchild, other);
        MoveQuota.Command move = new MoveQuota.Command("q_grandchild", "q_other");
        assertThat(access(move, rows, "owner", KnownGrants.NONE)).isInstanceOf(Access.Result.Allowed.class);
        assertThat(access(move, rows, "u", KnownGrants.NONE))
                .isEqualTo(new Access.Result.Unknown(List.of("q_child", "q_other")));
        assertThat(access(move, rows, "u", both(knows(child, Permission.ADMIN), knows(other, Permission.ADMIN))))
                .isInstanceOf(Access.Result.Allowed.class);
        for (KnownGrants half : List.of(
                both(knows(child, Permission.ADMIN), knows(other, Permission.READ)),
                both(knows(child, Permission.READ), knows(other, Permission.ADMIN)))) {
            assertThat(access(move, rows, "u", both(half, knows(grandchild, Permission.ADMIN))))
                    .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("admin", "owner"))));
        }
    }

    private static ApplyTree.Command apply(@Nullable Long totalMb) {
        DeclaredTree tree = new DeclaredTree(null, "n", null, null, null, totalMb, List.of());
        return new ApplyTree.Command("q_child", tree, true, false, null);
    }

    @Test
    void aTreeIsAppliedByAdminsAndResizedByOwners() {
        SampleRows rows = SampleRows.of(root, child);
        KnownGrants admin = knows(child, Permission.ADMIN);
        for (Input command : List.of(apply(null), apply(child.totalMb()), new ExportTree.Command("q_child"))) {
            assertThat(access(command, rows, "u", admin)).isInstanceOf(Access.Result.Allowed.class);
            assertThat(access(command, rows, "u", knows(child, Permission.READ)))
                    .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("admin", "owner"))));
        }
        assertThat(access(apply(child.totalMb() + 1), rows, "u", admin))
                .isEqualTo(new Access.Result.Denied(Refusal.permissionDenied(List.of("owner"))));
        assertThat(access(apply(child.totalMb() + 1), rows, "owner", KnownGrants.NONE))
                .isInstanceOf(Access.Result.Allowed.class);
    }

    /** A new operation needs a line in the tables above, or a test of its own here. */
    @Test
    void knowsEveryOperation() {
        Stream<Input> others = Stream.of(
                create("organization", "team_9"),
                new ListQuotas.Command(1, 20, null, null, null, null, null, null),
                new ListRuntimes.Command(1, 20),
                batch("q_root", "q_child"),
                new MoveQuota.Command("q_child", "q_root"),
                apply(null),
                new ExportTree.Command("q_child"),
                new WithdrawIncrease.Command("i", null),
                new GetIncrease.Command("i"),
                new ListIncreases.Command(null, null, null, 20),
                new DrainQuota.Command("q_child"),
                new ExpireReservations.Command("q_child"),
                new TransferQuota.Command("q_child", "q_root", 1));
        Stream<Input> commands =
                Stream.concat(OPERATIONS.values().stream().map(command -> command.apply("q_child")), others);
        assertThat(commands.map(command -> Commands.nameOf(command).text()).distinct())
                .containsExactlyInAnyOrderElementsOf(Operations.CATALOG.all().stream()
                        .map(operation -> operation.name().text())
                        .toList());
    }

    /** As the request is decoded, which ignores the team of an organization's quota. */
    private static CreateQuota.Command create(String type, String teamId) {
        JsonObject fields = new JsonObject()
                .put("name", "n")
                .put("type", type)
                .put("total_mb", 1L)
                .put("team_id", teamId);
        return new CreateQuota().decode(new Fields(fields, new ArrayList<>()));
    }

    private static Input command(String operation, String quotaId) {
        return Objects.requireNonNull(OPERATIONS.get(operation), operation).apply(quotaId);
    }

    private String answer(Quota quota, String operation, KnownGrants grants) {
        Rows rows = quota.parentId() == null ? SampleRows.of(quota) : SampleRows.of(quota, root);
        Access.Result result = access(command(operation, quota.id()), rows, "somebody", grants);
        if (result instanceof Access.Result.Unknown unknown) {
            return "ask " + String.join(",", unknown.quotaIds());
        }
        if (result instanceof Access.Result.Denied denied) {
            assertThat(denied.refusal().code()).isEqualTo(ErrorCode.PERMISSION_DENIED);
            return String.valueOf(denied.refusal().details().get("required")).replaceAll("[\\[\\] ]", "");
        }
        return "yes";
    }

    private static Access.Result access(Input command, Rows rows, String userId, KnownGrants grants) {
        return access(Commands.operationOf(command), command, rows, caller(userId), grants);
    }

    private static <C extends Input> Access.Result access(
            Operation<C> operation, Input command, Rows rows, Caller caller, KnownGrants grants) {
        return operation.access(operation.commandType().cast(command), rows, caller, grants);
    }
}
