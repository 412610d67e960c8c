package com.cagen.quota.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.operations.increase.ApproveIncrease;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.RejectIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DeclaredTree;
import com.cagen.quota.operations.quota.DrainQuota;
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
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.operations.usage.TransferUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.Samples;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AuditEntriesTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123456Z");
    /** An audit entry in the journal is never larger; a body of 64 KiB used to make one of 60 KiB. */
    private static final int LARGEST_ENTRY_BYTES = 16 * 1024;

    /** As long as the contract allows, of characters that take the most bytes. */
    private static String text(int codePoints) {
        return "😀".repeat(codePoints);
    }

    private static String id() {
        return text(255);
    }

    private static final Quota QUOTA = new Quota(
            new Quota.Placement(id(), id(), id(), "/path", 1, QuotaType.TEAM, id()),
            new Quota.Label(id(), text(2_000), "k".repeat(63)),
            new Quota.Ownership(id(), List.of(), List.of(), 1),
            Quota.Figures.unused(9007199254740991L),
            QuotaStatus.ACTIVE,
            null,
            Long.MAX_VALUE,
            NOW,
            NOW,
            null);

    private static List<Input> largestChanges() {
        long mb = 9007199254740991L;
        List<String> admins = Collections.nCopies(100, id());
        List<Permission> all = List.of(Permission.values());
        return List.of(
                new CreateQuota.Command(text(255), text(2_000), QuotaType.TEAM, mb, id()),
                new AllocateQuota.Command(id(), text(255), text(2_000), mb, QuotaType.TEAM, id(), admins),
                new ReleaseQuota.Command(id()),
                new SuspendQuota.Command(id(), text(1_000)),
                new ResumeQuota.Command(id(), text(1_000)),
                new UpdateQuota.Command(
                        id(), text(255), text(2_000), "k".repeat(63), List.of(), mb, true, Long.MAX_VALUE),
                new DrainQuota.Command(id()),
                new TransferQuota.Command(id(), id(), mb),
                new MoveQuota.Command(id(), id()),
                new ApplyTree.Command(
                        id(),
                        new DeclaredTree(null, text(255), text(2_000), null, null, mb, List.of()),
                        true,
                        false,
                        id()),
                new AllocateUsage.Command(id(), id(), mb, text(1_000), AllocateUsage.Mode.BEST_EFFORT, mb),
                new DeallocateUsage.Command(id(), id(), mb, text(1_000)),
                new TransferUsage.Command(id(), id(), mb, id(), id()),
                new BatchUsage.Command(
                        true, List.of(new BatchUsage.Item(BatchUsage.Verb.ALLOCATE, id(), id(), mb, text(1_000)))),
                new ReconcileUsage.Command(id(), List.of(new ReconcileUsage.Observed(id(), mb)), true, NOW, false),
                new CreateIncrease.Command(id(), mb, text(1_000)),
                new ApproveIncrease.Command(id(), text(1_000)),
                new RejectIncrease.Command(id(), text(1_000)),
                new WithdrawIncrease.Command(id(), text(1_000)),
                new CreateReservation.Command(id(), id(), mb, 86_400, text(1_000)),
                new CommitReservation.Command(id(), id(), mb),
                new CancelReservation.Command(id(), id()),
                new ExtendReservation.Command(id(), id(), 86_400),
                new ExpireReservations.Command(id()),
                new GrantPermission.Command(id(), id(), all),
                new RevokePermission.Command(id(), id(), all));
    }

    /** What the largest entry of a command's operation is derived from. */
    private static Change change(Input command) {
        long mb = 9007199254740991L;
        Change change = Change.of("");
        Quota after = QUOTA.withFigures(mb, mb, NOW).withStatus(QuotaStatus.SUSPENDED, id(), NOW);
        if (command instanceof CreateQuota.Command) {
            return change.quota(QuotaChange.created(QUOTA.withOwners(id(), List.of(id()), NOW), List.of()));
        }
        if (command instanceof AllocateQuota.Command) {
            return change.quota(QuotaChange.created(QUOTA, List.of())).quota(QuotaChange.of(QUOTA, after));
        }
        if (command instanceof GrantPermission.Command || command instanceof RevokePermission.Command) {
            Quota before = QUOTA.withOwners(id(), Collections.nCopies(100, id()), NOW);
            Quota granted = QUOTA.withOwners(id(), Collections.nCopies(101, id()), NOW);
            Set<Permission> all = Set.of(Permission.READ, Permission.ADMIN);
            return change.quota(QuotaChange.granted(before, granted, new QuotaChange.Granted(id(), Set.of(), all)));
        }
        if (Commands.nameOf(command).text().startsWith("reservation.")) {
            Reservation held = Reservation.created(new ReservationKey(id(), id(), id()), id(), mb, NOW, NOW);
            return change.quota(QuotaChange.reserved(
                    QUOTA,
                    after,
                    new QuotaChange.Held(id(), mb, mb),
                    new QuotaChange.Reserved(held, held.committed(mb, NOW))));
        }
        return change.quota(QuotaChange.held(QUOTA, after, new QuotaChange.Held(id(), mb, mb)));
    }

    private static Request request(Input command) {
        return new Request(
                "r".repeat(128),
                new Caller(id(), id(), "s".repeat(255), List.of()),
                new Nonce("n", 0),
                text(255),
                Commands.nameOf(command),
                command);
    }

    private static int bytes(AuditEntry entry) {
        return JournalRows.encode(List.of(entry)).getBytes(StandardCharsets.UTF_8).length;
    }

    @Test
    void keepsEveryEntryWithinSixteenKibibytesHoweverMuchWasAskedFor() {
        Map<String, Object> figures =
                Map.of("quota_id", id(), "resource_id", id(), "total_mb", Long.MAX_VALUE, "suspended_quota_id", id());
        Refusal refusal = new Refusal(ErrorCode.INSUFFICIENT_QUOTA, "no", figures);
        for (Input command : largestChanges()) {
            Request request = request(command);
            Operation<?> operation = Commands.operationOf(command);
            AuditEntry refused = Objects.requireNonNull(
                    AuditEntries.refused(UUID.randomUUID(), request, operation, QUOTA, refusal, NOW));
            AuditEntry applied = applied(request, change(command));
            assertThat(List.of(bytes(refused), bytes(applied)))
                    .as(operation.name().text())
                    .allSatisfy(bytes -> assertThat(bytes).isLessThanOrEqualTo(LARGEST_ENTRY_BYTES));
        }
    }

    private static AuditEntry applied(Request request, Change change) {
        Operation<?> operation = Commands.operationOf(request.command());
        return AuditEntries.applied(UUID.randomUUID(), request, operation, change, NOW)
                .get(0);
    }

    private static JsonObject details(List<String> admins) {
        Input allocate = new AllocateQuota.Command("q", "n", null, 1, QuotaType.ORGANIZATION, null, admins);
        return new JsonObject(applied(request(allocate), Change.of("").quota(QuotaChange.of(QUOTA, QUOTA)))
                .details());
    }

    private static JsonObject used(Quota quota, Change change) {
        Request request = Samples.request(
                Samples.caller("alice"), null, new AllocateUsage.Command(quota.id(), "res", 5, "upload"));
        return new JsonObject(applied(request, change).details());
    }

    @Test
    void tellsWhatWasAskedAndWhatWasDifferentBeforeAndAfter() {
        Quota before = Samples.root("q", 100).withFigures(10, 20, NOW);
        Quota after = before.withFigures(15, 20, NOW);
        Change change = Change.of("").quota(QuotaChange.held(before, after, new QuotaChange.Held("res", 0, 5)));
        assertThat(used(before, change)).isEqualTo(new JsonObject("""
                {"resource_id": "res", "usage_mb": 5, "reason": "upload", "changes": [
                    {"quota_id": "q", "version": 3,
                     "before": {"used_mb": 10, "reserved_mb": 0, "held_mb": 0}, "after": {"used_mb": 15, "reserved_mb": 0, "held_mb": 5}}]}
                """));
    }

    @Test
    void tellsAllOfANewQuotaAndOfItsParent() {
        Quota parent = Samples.root("q", 100);
        Quota child = Samples.child(parent, "c", 40, null);
        Change change = Change.of("")
                .quota(QuotaChange.created(child, List.of()))
                .quota(QuotaChange.of(parent, parent.withFigures(0, 40, NOW)));
        assertThat(used(parent, change).getJsonArray("changes")).isEqualTo(new JsonArray("""
                [{"quota_id": "c", "version": 1, "before": null,
                  "after": {"name": "name of c", "total_mb": 40, "used_mb": 0, "allocated_mb": 0, "reserved_mb": 0, "status": "active",
                            "parent_quota_id": "q", "owner_ids": []}},
                 {"quota_id": "q", "version": 2, "before": {"allocated_mb": 0}, "after": {"allocated_mb": 40}}]
                """));
    }

    @Test
    void tellsOfNoChangeWhereNothingGotANewVersion() {
        Quota quota = Samples.root("q", 100);
        Change change = Change.of("").quota(QuotaChange.of(quota, quota.withGrantsForgotten()));
        assertThat(used(quota, change).getJsonArray("changes")).isEmpty();
        AuditEntry entry = applied(
                Samples.request(Samples.caller("alice"), null, new AllocateUsage.Command("q", "res", 5, null)), change);
        assertThat(entry.quotaId()).isEqualTo("q");
        assertThat(entry.quotaVersion()).isNull();
    }

    @Test
    void makesAnEntryForEachQuotaTiedByTheOperation() {
        Quota from = Samples.root("q", 100).withFigures(10, 0, NOW);
        Quota to = Samples.root("r", 100);
        Change change = Change.of("")
                .quota(QuotaChange.held(from, from.withFigures(6, 0, NOW), new QuotaChange.Held("res", 10, 6)))
                .quota(QuotaChange.held(to, to.withFigures(4, 0, NOW), new QuotaChange.Held("other", 0, 4)))
                .entryForEachQuota();
        UUID operation = UUID.randomUUID();
        Request request =
                Samples.request(Samples.caller("alice"), "key", new AllocateUsage.Command("q", "res", 4, null));
        List<AuditEntry> entries =
                AuditEntries.applied(operation, request, Commands.operationOf(request.command()), change, NOW);
        assertThat(entries).extracting(AuditEntry::operationId).containsExactly(operation, operation);
        assertThat(entries.get(0).auditId()).isEqualTo(operation);
        assertThat(entries.get(1).auditId()).isNotEqualTo(operation);
        assertThat(entries).extracting(AuditEntry::quotaId).containsExactly("q", "r");
        assertThat(entries).extracting(AuditEntry::quotaVersion).containsExactly(3L, 2L);
        assertThat(entries)
                .extracting(entry -> new JsonObject(entry.details()).getJsonArray("changes"))
                .as("each names its resource, as there are two")
                .containsExactly(new JsonArray("""
                                [{"quota_id": "q", "version": 3, "resource_id": "res",
                                  "before": {"used_mb": 10, "reserved_mb": 0, "held_mb": 10}, "after": {"used_mb": 6, "reserved_mb": 0, "held_mb": 6}}]
                                """), new JsonArray("""
                                [{"quota_id": "r", "version": 2, "resource_id": "other",
                                  "before": {"used_mb": 0, "reserved_mb": 0, "held_mb": 0}, "after": {"used_mb": 4, "reserved_mb": 0, "held_mb": 4}}]
                                """));
    }

    /** Fails for an attribute that is added to {@link Quota}: whoever adds one decides whether the trail tells of it. */
    @Test
    void knowsEveryAttributeOfAQuota() {
        List<String> told = List.of(
                "name",
                "description",
                "key",
                "totalMb",
                "usedMb",
                "allocatedMb",
                "reservedMb",
                "drainToMb",
                "status",
                "parentId",
                "ownerIds",
                "version");
        List<String> neverDifferent = List.of("organizationId", "id", "type", "teamId", "createdAt");
        List<String> followFromOthers = List.of(
                "path",
                "level",
                "ownerId",
                "inheritedOwnerIds",
                "suspendedBy",
                "grantsVersion",
                "reservationsDueAt",
                "updatedAt",
                "deletedAt");
        List<String> known = Stream.of(told, neverDifferent, followFromOthers)
                .flatMap(List::stream)
                .toList();
        assertThat(attributes(Quota.class)).containsExactlyInAnyOrderElementsOf(known);
    }

    /** The components of a record, and of those records that it is made of. */
    private static List<String> attributes(Class<?> type) {
        return Arrays.stream(type.getRecordComponents())
                .flatMap(component -> component.getType().isRecord()
                        ? attributes(component.getType()).stream()
                        : Stream.of(component.getName()))
                .toList();
    }

    @Test
    void cutsALongDescriptionAndGivesItsHash() throws Exception {
        String text = "\"ü😀".repeat(40);
        JsonObject cut = new JsonObject(JsonText.object(json -> json.cutText("description", text)));
        assertThat(cut.getString("description")).isEqualTo(text.substring(0, text.offsetByCodePoints(0, 100)));
        assertThat(cut.getString("description_sha256"))
                .isEqualTo(HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8))));
        String whole = "😀".repeat(100);
        assertThat(JsonText.object(json -> json.cutText("description", whole)))
                .isEqualTo("{\"description\":\"" + whole + "\"}");
    }

    @Test
    void keepsAShortListAsItIs() {
        List<String> admins = IntStream.range(0, 20).mapToObj(i -> "user_" + i).toList();
        assertThat(details(admins).getJsonArray("admin_user_ids")).isEqualTo(new JsonArray(admins));
        assertThat(details(admins).fieldNames()).doesNotContain("admin_user_ids_count", "admin_user_ids_sha256");
    }

    @Test
    void cutsALongListAndSaysHowLongItWasAndItsHash() throws Exception {
        List<String> admins = new ArrayList<>(
                IntStream.range(0, 21).mapToObj(i -> "user_\"" + i + "ü").toList());
        JsonObject details = details(admins);
        assertThat(details.getJsonArray("admin_user_ids")).isEqualTo(new JsonArray(admins.subList(0, 20)));
        assertThat(details.getInteger("admin_user_ids_count")).isEqualTo(21);
        byte[] whole = new JsonArray(admins).encode().getBytes(StandardCharsets.UTF_8);
        assertThat(details.getString("admin_user_ids_sha256"))
                .isEqualTo(HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(whole)));
    }

    @Test
    void cutsAListOfLongIdsAtFourKibibytes() {
        JsonObject details = details(Collections.nCopies(10, id()));
        assertThat(details.getJsonArray("admin_user_ids")).hasSize(4); // of 1,020 bytes each
        assertThat(details.getInteger("admin_user_ids_count")).isEqualTo(10);
    }
}
