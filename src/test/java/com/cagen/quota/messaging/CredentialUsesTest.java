package com.cagen.quota.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CredentialUsesTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    private final List<AuditEntry> recorded = new ArrayList<>();
    private final AtomicLong untracked = new AtomicLong();
    private final CredentialUses uses =
            new CredentialUses(recorded::add, untracked::addAndGet, Clock.fixed(NOW, ZoneOffset.UTC));

    private static AuditEntry use(String organization, @Nullable String quota, String user, String code, int second) {
        return new AuditEntry(
                UUID.randomUUID(),
                organization,
                quota,
                null,
                null,
                AuditEntry.CREDENTIAL_USE,
                AuditEntry.REFUSED,
                user,
                "svc",
                null,
                "{\"code\":\"" + code + "\",\"operation\":\"quota.get\"}",
                "req_" + second,
                NOW.plusSeconds(second));
    }

    private static JsonObject details(AuditEntry entry) {
        return new JsonObject(entry.details());
    }

    @Test
    void recordsTheFirstOnesOfAMinuteAndMakesOneEntryOfTheOthers() {
        for (int i = 0; i < 3_048; i++) {
            uses.add(use("org", "quota_1", "user", "credential_expired", i));
        }
        assertThat(recorded).hasSize(CredentialUses.RECORDED_EACH);
        uses.endMinute();
        assertThat(recorded).hasSize(CredentialUses.RECORDED_EACH + 1);
        AuditEntry summary = recorded.get(CredentialUses.RECORDED_EACH);
        assertThat(summary.action()).isEqualTo("credential.use");
        assertThat(summary.outcome()).isEqualTo("refused");
        assertThat(summary.organizationId()).isEqualTo("org");
        assertThat(summary.quotaId()).isEqualTo("quota_1");
        assertThat(summary.actorUserId()).isEqualTo("user");
        assertThat(summary.serviceId()).isEqualTo("svc");
        assertThat(summary.requestId()).isEqualTo("req_10");
        assertThat(summary.createdAt()).isEqualTo(NOW);
        assertThat(details(summary))
                .isEqualTo(new JsonObject()
                        .put("code", "credential_expired")
                        .put("count", 3_038)
                        .put("from", "2026-01-01T00:00:10Z")
                        .put("to", "2026-01-01T00:50:47Z")
                        .put("user_ids", new JsonArray().add("user")));
    }

    @Test
    void countsEachOrganizationAndCodeByItself() {
        for (int i = 0; i < 20; i++) {
            uses.add(use("a", "q", "user", "credential_expired", i));
            uses.add(use("a", "q", "user", "credential_replayed", i));
            uses.add(use("b", "q", "user", "credential_expired", i));
        }
        uses.endMinute();
        assertThat(recorded).hasSize(33);
        assertThat(recorded.subList(30, 33))
                .extracting(
                        entry -> entry.organizationId() + " " + details(entry).getString("code") + " "
                                + details(entry).getInteger("count"))
                .containsExactlyInAnyOrder(
                        "a credential_expired 10", "a credential_replayed 10", "b credential_expired 10");
    }

    @Test
    void beginsAnewEachMinuteAndSaysNothingOfAQuietOne() {
        uses.add(use("a", "q", "user", "credential_expired", 1));
        uses.endMinute();
        uses.endMinute();
        assertThat(recorded).hasSize(1);
        for (int i = 0; i < 10; i++) {
            uses.add(use("a", "q", "user", "credential_expired", i));
        }
        assertThat(recorded).hasSize(11);
    }

    @Test
    void namesAFewUsersAndNoQuotaWhenTheyDiffer() {
        for (int i = 0; i < 10 + 7; i++) {
            uses.add(use("a", i == 12 ? null : "q", "user_" + i, "credential_expired", i));
        }
        uses.endMinute();
        AuditEntry summary = recorded.get(10);
        assertThat(summary.quotaId()).isNull();
        assertThat(summary.actorUserId()).isEqualTo("system");
        assertThat(details(summary).getJsonArray("user_ids"))
                .isEqualTo(new JsonArray(List.of("user_10", "user_11", "user_12", "user_13", "user_14")));
        assertThat(details(summary).getBoolean("more_users")).isTrue();
    }

    @Test
    void onlyCountsInTheMetricWhatComesOfMoreOrganizationsThanItTracks() {
        for (int i = 0; i < CredentialUses.MAX_TRACKED + 7; i++) {
            uses.add(use("org_" + i, "q", "user", "credential_expired", i));
        }
        assertThat(recorded).hasSize(CredentialUses.MAX_TRACKED);
        assertThat(untracked).hasValue(7);
    }

    @Test
    void countsAUseWhoseMinuteEndedBeforeItWasCertain() {
        for (int i = 0; i < 10; i++) {
            assertThat(uses.admit(use("a", "q", "user", "credential_replayed", i)))
                    .isTrue();
        }
        AuditEntry late = use("a", "q", "user", "credential_replayed", 11);
        assertThat(uses.admit(late)).isFalse();
        uses.endMinute();
        uses.count(late);
        uses.endMinute();
        assertThat(recorded).hasSize(1);
        assertThat(details(recorded.get(0)).getInteger("count")).isEqualTo(1);
    }
}
