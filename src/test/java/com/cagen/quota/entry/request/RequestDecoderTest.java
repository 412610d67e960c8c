package com.cagen.quota.entry.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.ListQuotas;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ListRuntimes;
import com.cagen.quota.operations.usage.UsageHistory;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.Contracts;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestDecoderTest {
    private static final String FACE = "😀"; // two chars, one code point

    private final RequestDecoder decoder = new RequestDecoder(Contracts.contract());

    private static JsonObject create() {
        return new JsonObject().put("name", "Team").put("type", "organization").put("total_mb", 100);
    }

    private static JsonObject allocate() {
        return new JsonObject()
                .put("parent_quota_id", "quota_1")
                .put("name", "Team")
                .put("type", "team")
                .put("target_id", "team_dev")
                .put("allocate_mb", 100);
    }

    private static JsonObject usage() {
        return new JsonObject()
                .put("quota_id", "quota_1")
                .put("resource_id", "res_1")
                .put("usage_mb", 5);
    }

    private static JsonObject permissions(Object... names) {
        return new JsonObject()
                .put("quota_id", "quota_1")
                .put("target_user_id", "user_2")
                .put("permissions", JsonArray.of(names));
    }

    private Input decode(String operation, JsonObject fields) {
        return decoder.decode(Operations.CATALOG.named(operation), fields, "org_1");
    }

    @SuppressWarnings("unchecked") // details are JSON-friendly values by contract
    private List<String> refused(String operation, JsonObject fields) {
        RefusalException refused = catchThrowableOfType(
                RefusalException.class, () -> decoder.decode(Operations.CATALOG.named(operation), fields, "org_1"));
        assertThat(refused).as("accepted: %s", fields).isNotNull();
        assertThat(refused.refusal().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        var violations = (List<Map<String, Object>>) refused.refusal().details().get("violations");
        assertThat(violations).isNotNull().isNotEmpty().allSatisfy(violation -> {
            assertThat(violation.get("problem")).asString().isNotBlank();
            assertThat(refused.getMessage()).contains(String.valueOf(violation.get("problem")));
        });
        return violations.stream()
                .map(violation -> String.valueOf(violation.get("field")))
                .toList();
    }

    @Test
    void decodesACreation() {
        JsonObject fields = create().put("description", "two\nlines\tand a tab").put("unknown", new JsonObject());
        assertThat(decode("quota.create", fields))
                .isEqualTo(new CreateQuota.Command("Team", "two\nlines\tand a tab", QuotaType.ORGANIZATION, 100, null));
    }

    @Test
    void decodesAnAllocation() {
        assertThat(decode("quota.allocate", allocate().put("admin_user_ids", JsonArray.of("a", "b"))))
                .isEqualTo(new AllocateQuota.Command(
                        "quota_1", "Team", null, 100, QuotaType.TEAM, "team_dev", List.of("a", "b")));
    }

    @Test
    void decodesUsageAtItsLimits() {
        assertThat(decode("usage.allocate", usage().put("usage_mb", 1)))
                .isEqualTo(new AllocateUsage.Command("quota_1", "res_1", 1, null));
        assertThat(decode(
                        "usage.deallocate",
                        usage().put("usage_mb", 9_007_199_254_740_991L).put("reason", FACE.repeat(1000))))
                .isEqualTo(new DeallocateUsage.Command("quota_1", "res_1", 9_007_199_254_740_991L, FACE.repeat(1000)));
    }

    @Test
    void decodesPermissionsWithoutRepeats() {
        assertThat(decode("permission.grant", permissions("admin", "read", "admin")))
                .isEqualTo(
                        new GrantPermission.Command("quota_1", "user_2", List.of(Permission.READ, Permission.ADMIN)));
    }

    @Test
    void fillsInWhatAQueryLeavesOut() {
        assertThat(decode("quota.list", new JsonObject()))
                .isEqualTo(new ListQuotas.Command(1, 20, null, null, null, null, null, null));
        assertThat(decode("usage.history", new JsonObject().put("quota_id", "quota_1")))
                .isEqualTo(new UsageHistory.Command("quota_1", null, null, null, null, 20, false));
        assertThat(decode("usage.runtimes", new JsonObject())).isEqualTo(new ListRuntimes.Command(1, 20));
    }

    @Test
    void decodesAQuery() {
        JsonObject fields = new JsonObject();
        MultiMap query = MultiMap.caseInsensitiveMultiMap()
                .add("page", "2")
                .add("page_size", "100")
                .add("type", "team")
                .add("status", "suspended")
                .add("team_id", "7")
                .add("parent_quota_id", "quota_1");
        decoder.takeQuery(Operations.CATALOG.named("quota.list"), query, fields);
        assertThat(decode("quota.list", fields))
                .isEqualTo(new ListQuotas.Command(
                        2, 100, QuotaType.TEAM, QuotaStatus.SUSPENDED, "7", "quota_1", null, null));
    }

    @Test
    void decodesTheAuditFilters() {
        JsonObject fields = new JsonObject()
                .put("quota_id", "quota_1")
                .put("action", "credential.use")
                .put("actor", "user_1")
                .put("from", "2026-01-01T00:00:00Z")
                .put("to", "2026-01-01T02:00:00.5+01:00")
                .put("cursor", Cursor.encode(42))
                .put("order", "desc")
                .put("limit", 7);
        assertThat(decode("audit.list", fields))
                .isEqualTo(new ListAudit.Command(
                        "quota_1",
                        "credential.use",
                        "user_1",
                        Instant.parse("2026-01-01T00:00:00Z"),
                        Instant.parse("2026-01-01T01:00:00.5Z"),
                        42L,
                        7,
                        true));
    }

    @Test
    void acceptsOnlyPlainIntegersAsAmounts() {
        for (Object wrong : List.of(
                0,
                -1,
                9_007_199_254_740_992L,
                new BigInteger("18446744073709551617"),
                100.0,
                1e2,
                5.9,
                new BigDecimal("100"),
                "100",
                true,
                new JsonArray().add(5),
                new JsonObject())) {
            assertThat(refused("usage.allocate", usage().put("usage_mb", wrong)))
                    .as("%s", wrong)
                    .containsExactly("usage_mb");
            assertThat(refused("quota.create", create().put("total_mb", wrong))).containsExactly("total_mb");
            assertThat(refused("quota.allocate", allocate().put("allocate_mb", wrong)))
                    .containsExactly("allocate_mb");
        }
    }

    @Test
    void acceptsOnlyPlainIntegersFromJsonText() {
        for (String wrong : List.of("100.0", "1e2", "18446744073709551617", "0.5", "-0", "\"1\"", "null", "1E400")) {
            JsonObject fields = new JsonObject(usage().encode().replace(":5", ":" + wrong));
            assertThat(refused("usage.allocate", fields)).as(wrong).containsExactly("usage_mb");
        }
    }

    @Test
    void countsLengthsInCodePoints() {
        decode("quota.create", create().put("name", FACE.repeat(255)));
        decode("quota.create", create().put("description", FACE.repeat(2000)));
        assertThat(refused("quota.create", create().put("name", FACE.repeat(256))))
                .containsExactly("name");
        assertThat(refused("quota.create", create().put("name", ""))).containsExactly("name");
        assertThat(refused("quota.create", create().put("description", "x".repeat(2001))))
                .containsExactly("description");
        assertThat(refused("usage.allocate", usage().put("reason", "x".repeat(1001))))
                .containsExactly("reason");
        assertThat(refused("usage.allocate", usage().put("resource_id", "x".repeat(256))))
                .containsExactly("resource_id");
        assertThat(refused("usage.allocate", usage().put("quota_id", "x".repeat(256))))
                .containsExactly("quota_id");
        assertThat(refused("usage.allocate", usage().put("idempotency_key", "x".repeat(256))))
                .containsExactly("idempotency_key");
        assertThat(refused("usage.allocate", usage().put("idempotency_key", "")))
                .containsExactly("idempotency_key");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0000", "a\n", "\na", "a\u007f", "a\u0085b", "\ud800", "a\udc00b", "\udc00\ud800", "\r"})
    void refusesWhatCannotBePrintedInNamesAndIds(String text) {
        assertThat(refused("quota.create", create().put("name", text))).containsExactly("name");
        assertThat(refused("usage.allocate", usage().put("resource_id", text))).containsExactly("resource_id");
        assertThat(refused("usage.allocate", usage().put("quota_id", text))).containsExactly("quota_id");
        assertThat(refused("usage.allocate", usage().put("idempotency_key", text)))
                .containsExactly("idempotency_key");
        assertThat(refused("quota.allocate", allocate().put("target_id", text))).containsExactly("target_id");
        assertThat(refused("quota.allocate", allocate().put("admin_user_ids", JsonArray.of("ok", text))))
                .containsExactly("admin_user_ids");
    }

    @Test
    void welcomesNewlineAndTabInProseButNoOtherControlCharacter() {
        decode("usage.allocate", usage().put("reason", "a\n\tb\n"));
        decode("quota.suspend", new JsonObject().put("quota_id", "q").put("reason", "\n"));
        for (String text : List.of("\u0000", "\r\n", "\u001b[0m", "\ud800")) {
            assertThat(refused("usage.allocate", usage().put("reason", text))).containsExactly("reason");
            assertThat(refused("quota.create", create().put("description", text)))
                    .containsExactly("description");
        }
    }

    @Test
    void namesEveryFieldThatIsMissing() {
        assertThat(refused("quota.create", new JsonObject())).containsExactlyInAnyOrder("name", "type", "total_mb");
        assertThat(refused("quota.allocate", new JsonObject()))
                .containsExactlyInAnyOrder("parent_quota_id", "name", "type", "allocate_mb");
        assertThat(refused("usage.allocate", new JsonObject()))
                .containsExactlyInAnyOrder("quota_id", "resource_id", "usage_mb");
        assertThat(refused("permission.revoke", new JsonObject()))
                .containsExactlyInAnyOrder("quota_id", "target_user_id", "permissions");
    }

    @Test
    void namesEveryFieldThatIsWrong() {
        JsonObject fields = new JsonObject()
                .put("name", 5)
                .put("type", "galaxy")
                .put("total_mb", "1")
                .put("description", 1);
        assertThat(refused("quota.create", fields))
                .containsExactlyInAnyOrder("name", "type", "total_mb", "description");
    }

    @Test
    void aTeamQuotaNeedsItsTeam() {
        assertThat(refused("quota.create", create().put("type", "team"))).containsExactly("team_id");
        assertThat(refused("quota.create", create().put("type", "team").put("team_id", "")))
                .containsExactly("team_id");
        assertThat(refused("quota.allocate", allocate().putNull("target_id"))).containsExactly("target_id");
        assertThat(decode("quota.create", create().put("type", "team").put("team_id", "t")))
                .isEqualTo(new CreateQuota.Command("Team", null, QuotaType.TEAM, 100, "t"));
    }

    @Test
    void nullCountsAsAbsent() {
        JsonObject fields = create().putNull("description").putNull("team_id").putNull("idempotency_key");
        assertThat(decode("quota.create", fields))
                .isEqualTo(new CreateQuota.Command("Team", null, QuotaType.ORGANIZATION, 100, null));
        assertThat(decode("quota.allocate", allocate().putNull("admin_user_ids")))
                .isInstanceOf(AllocateQuota.Command.class);
    }

    @Test
    void refusesAnotherOrganizationThanTheCredentials() {
        decode("quota.create", create().put("organization_id", "org_1"));
        decode("quota.create", create().putNull("organization_id"));
        for (Object other : List.of("org_2", "", 5, new JsonObject())) {
            assertThat(refused("quota.create", create().put("organization_id", other)))
                    .containsExactly("organization_id");
        }
    }

    @Test
    void refusesPermissionsThatAreNone() {
        assertThat(refused("permission.grant", permissions())).containsExactly("permissions");
        assertThat(refused("permission.grant", permissions("read", "write"))).containsExactly("permissions");
        assertThat(refused("permission.grant", permissions("READ"))).containsExactly("permissions");
        assertThat(refused("permission.grant", permissions(1))).containsExactly("permissions");
        assertThat(refused("permission.grant", permissions().put("permissions", "read")))
                .containsExactly("permissions");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "1.0", "1e1", "+1", "01", " 1", "", "abc", "2147483648", "99999999999999999999"})
    void refusesPagesThatAreNoIntegersInRange(String text) {
        for (String name : List.of("page", "page_size")) {
            JsonObject fields = new JsonObject();
            decoder.takeQuery(
                    Operations.CATALOG.named("quota.list"),
                    MultiMap.caseInsensitiveMultiMap().add(name, text),
                    fields);
            assertThat(refused("quota.list", fields)).containsExactly(name);
        }
    }

    @Test
    void refusesPagingOutOfRange() {
        for (int wrong : new int[] {0, -1, 101}) {
            assertThat(refused("quota.list", new JsonObject().put("page_size", wrong)))
                    .containsExactly("page_size");
            assertThat(refused(
                            "audit.list", new JsonObject().put("quota_id", "q").put("limit", wrong)))
                    .containsExactly("limit");
        }
        assertThat(refused("quota.list", new JsonObject().put("page", "2"))).containsExactly("page");
    }

    @Test
    void refusesAFieldThatIsThereTwice() {
        JsonObject fields = new JsonObject();
        MultiMap query = MultiMap.caseInsensitiveMultiMap()
                .add("page", "1")
                .add("page", "2")
                .add("team_id", "a")
                .add("team_id", "b");
        decoder.takeQuery(Operations.CATALOG.named("quota.list"), query, fields);
        assertThat(refused("quota.list", fields)).containsExactlyInAnyOrder("page", "team_id");
    }

    @Test
    void refusesFiltersThatDoNotExist() {
        JsonObject fields = new JsonObject().put("type", "x").put("status", "deleted");
        assertThat(refused("quota.list", fields)).containsExactlyInAnyOrder("type", "status");
        fields = new JsonObject()
                .put("quota_id", "q")
                .put("action", "quota.explode")
                .put("order", "up");
        assertThat(refused("audit.list", fields)).containsExactlyInAnyOrder("action", "order");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "yesterday",
                "2026-01-01",
                "2026-01-01T00:00:00",
                "2026-13-01T00:00:00Z",
                "0000-01-01T00:00:00Z",
                "+10000-01-01T00:00:00Z",
                "1767225600000"
            })
    void refusesTimestampsThatAreNone(String text) {
        JsonObject fields =
                new JsonObject().put("quota_id", "q").put("from", text).put("to", text);
        assertThat(refused("usage.history", fields)).containsExactlyInAnyOrder("from", "to");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "AAAA", "AAAAAAAAAAA=", "__________8", "AAAAAAAAAAB", "!!!!!!!!!!!"})
    void refusesCursorsThatItDidNotGive(String text) {
        JsonObject fields = new JsonObject().put("quota_id", "q").put("cursor", text);
        assertThat(refused("audit.list", fields)).containsExactly("cursor");
    }

    @Test
    void cursorsComeBackAsTheyWent() {
        for (long position : new long[] {0, 1, 42, Long.MAX_VALUE}) {
            assertThat(Cursor.decode(Cursor.encode(position))).hasValue(position);
        }
    }

    private static Set<String> operations() {
        return Operations.CATALOG.names();
    }

    @ParameterizedTest
    @MethodSource("operations")
    void neverRepeatsWhatCame(String operation) {
        JsonObject fields = new JsonObject();
        for (String name : List.of("quota_id", "parent_quota_id", "name", "resource_id", "page", "limit", "type")) {
            fields.put(name, "s3cret\u0000");
        }
        RefusalException refused = catchThrowableOfType(
                RefusalException.class, () -> decoder.decode(Operations.CATALOG.named(operation), fields, "org_1"));
        assertThat(refused).isNotNull();
        assertThat(refused.refusal().toString()).doesNotContain("s3cret");
    }
}
