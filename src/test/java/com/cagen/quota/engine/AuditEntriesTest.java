package com.cagen.quota.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DrainQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.rows.OutboxRows;
import com.cagen.quota.testing.Commands;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AuditEntriesTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123456Z");
    /** An audit entry in the outbox is never larger; a body of 64 KiB used to make one of 60 KiB. */
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
            new Quota.Label(id(), null, null),
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
                new AllocateUsage.Command(id(), id(), mb, text(1_000)),
                new DeallocateUsage.Command(id(), id(), mb, text(1_000)),
                new GrantPermission.Command(id(), id(), all),
                new RevokePermission.Command(id(), id(), all));
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
        return OutboxRows.encode(List.of(entry)).getBytes(StandardCharsets.UTF_8).length;
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
            AuditEntry applied = AuditEntries.applied(
                    UUID.randomUUID(),
                    request,
                    operation,
                    new Change.Entry(QUOTA, true, json -> json.put("status_before", "active")
                            .put("total_mb_before", Long.MAX_VALUE)),
                    NOW);
            assertThat(List.of(bytes(refused), bytes(applied)))
                    .as(operation.name().text())
                    .allSatisfy(bytes -> assertThat(bytes).isLessThanOrEqualTo(LARGEST_ENTRY_BYTES));
        }
    }

    private static JsonObject details(List<String> admins) {
        Input allocate = new AllocateQuota.Command("q", "n", null, 1, QuotaType.ORGANIZATION, null, admins);
        return new JsonObject(AuditEntries.applied(
                        UUID.randomUUID(),
                        request(allocate),
                        Commands.operationOf(allocate),
                        new Change.Entry(QUOTA, true, json -> {}),
                        NOW)
                .details());
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
