package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.UsageChange;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class UsageChangesTest {
    private static final Instant NOW = Instant.parse("2026-01-31T12:00:00Z");

    private static @Nullable UsageChange read(String outcome, String action, String details) {
        return UsageChanges.of(new AuditEntry(
                new UUID(1, 2), "org", "q", null, 7L, action, outcome, "alice", "svc", null, details, "req", NOW));
    }

    private static JsonObject change(String quota, long usedMb, long heldBefore, long heldAfter) {
        return new JsonObject()
                .put("quota_id", quota)
                .put("version", 7)
                .put(
                        "before",
                        new JsonObject().put("used_mb", 1).put("reserved_mb", 0).put("held_mb", heldBefore))
                .put(
                        "after",
                        new JsonObject()
                                .put("used_mb", usedMb)
                                .put("reserved_mb", 0)
                                .put("held_mb", heldAfter));
    }

    private static String details(String reason, JsonObject... changes) {
        JsonArray array = new JsonArray();
        for (JsonObject change : changes) {
            array.add(change);
        }
        return new JsonObject().put("reason", reason).put("changes", array).encode();
    }

    @Test
    void readsOneChange() {
        assertThat(read(AuditEntry.APPLIED, "usage.allocate", details("why", change("q", 40, 5, 30))))
                .isEqualTo(UsageChange.of(NOW, 40, 25));
        assertThat(read(AuditEntry.APPLIED, "usage.deallocate", details("why", change("q", 0, 30, 0))))
                .isEqualTo(UsageChange.of(NOW, 0, -30));
    }

    @Test
    void isNotMisledByTextsOfClients() {
        String text = "\"changes\":[{\"quota_id\":\"q\",\"held_mb\":9,\"used_mb\":8,\"held_mb\":7";
        assertThat(read(AuditEntry.APPLIED, "usage.allocate", details(text, change("q", 40, 5, 30))))
                .isEqualTo(UsageChange.of(NOW, 40, 25));
    }

    @Test
    void readsSeveralChangesAndLeavesOtherQuotasOut() {
        assertThat(read(
                        AuditEntry.APPLIED,
                        "usage.batch",
                        details("why", change("q", 40, 5, 30), change("p", 99, 0, 99), change("q", 38, 30, 28))))
                .isEqualTo(new UsageChange(NOW, 38L, 40L, 38L, 25, 2, 0));
        assertThat(read(AuditEntry.APPLIED, "usage.allocate", details("why", change("p", 40, 5, 30))))
                .isNull();
    }

    @Test
    void countsRefusalsOfUsage() {
        assertThat(read(AuditEntry.REFUSED, "usage.allocate", "{}")).isEqualTo(UsageChange.refusal(NOW));
        assertThat(read(AuditEntry.REFUSED, "quota.update", "{}")).isNull();
        assertThat(read(AuditEntry.APPLIED, "quota.update", "{\"changes\":[]}")).isNull();
    }
}
