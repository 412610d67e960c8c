package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.sql.SqlWrite;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class OutboxRowsTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123456Z");

    @Test
    void givesBackEveryFieldAndTheVeryTextOfTheDetails() {
        List<AuditEntry> entries = List.of(
                new AuditEntry(
                        UUID.randomUUID(),
                        "org",
                        "quota_ü😀",
                        "quota_parent",
                        9007199254740991L,
                        "quota.allocate",
                        AuditEntry.APPLIED,
                        "user \"quoted\"\n",
                        "svc",
                        "target",
                        "{\"b\": {\"x\":[1,2,{\"}\":\"]\"}]}, \"a\":1.0, \"b\":\"ü😀\\u0000\" }",
                        "request",
                        NOW),
                new AuditEntry(
                        UUID.randomUUID(),
                        UUID.randomUUID(),
                        "org",
                        "quota_2",
                        null,
                        3L,
                        "usage.transfer",
                        AuditEntry.APPLIED,
                        "user",
                        "svc",
                        null,
                        "{\"changes\":[]}",
                        "request",
                        NOW),
                new AuditEntry(
                        UUID.randomUUID(),
                        "org",
                        null,
                        null,
                        null,
                        AuditEntry.CREDENTIAL_USE,
                        AuditEntry.REFUSED,
                        "user",
                        "svc",
                        null,
                        "{}",
                        "request",
                        NOW));
        assertThat(OutboxRows.decode("org", OutboxRows.encode(entries))).isEqualTo(entries);
    }

    @Test
    void keepsTheOrderOfManyEntries() {
        List<AuditEntry> entries = java.util.stream.IntStream.range(0, 1_000)
                .mapToObj(i -> new AuditEntry(
                        new UUID(1, i),
                        "org",
                        "q",
                        null,
                        (long) i,
                        "usage.allocate",
                        AuditEntry.APPLIED,
                        "u",
                        "s",
                        null,
                        "{\"i\":" + i + "}",
                        "r",
                        NOW))
                .toList();
        assertThat(OutboxRows.decode("org", OutboxRows.encode(entries))).isEqualTo(entries);
    }

    @Test
    void refusesTextThatIsNotAnOutboxRow() {
        assertThatThrownBy(() -> OutboxRows.decode("org", "[[1]]")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> OutboxRows.decode("org", "[[\"a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> OutboxRows.decode("org", "{}")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void splitsARowOfManyLargeEntriesKeepingTheirOrder() {
        String reason = "ü".repeat(2_000);
        List<AuditEntry> entries = java.util.stream.IntStream.range(0, 500)
                .mapToObj(i -> new AuditEntry(
                        new UUID(1, i),
                        "org",
                        "q",
                        null,
                        (long) i,
                        "usage.allocate",
                        AuditEntry.APPLIED,
                        "u",
                        "s",
                        null,
                        "{\"reason\":\"" + reason + "\"}",
                        "r",
                        NOW))
                .toList();
        UUID batch = UUID.randomUUID();
        List<SqlWrite> writes = OutboxRows.entries(List.of(
                new OutboxRows.OutboxRow("org", batch, entries),
                new OutboxRows.OutboxRow("other", batch, entries.subList(0, 1))));
        List<AuditEntry> stored = new ArrayList<>();
        for (SqlWrite write : writes) {
            assertThat(write.organizations).startsWith("org");
            assertThat(((UUID[]) write.values.getValue(0))[0]).isEqualTo(batch);
            String text = ((String[]) write.values.getValue(2))[0];
            assertThat(text.getBytes(StandardCharsets.UTF_8).length).isLessThanOrEqualTo(OutboxRows.MAX_ROW_BYTES);
            List<AuditEntry> some = OutboxRows.decode("org", text);
            assertThat(((Integer[]) write.values.getValue(1))[0]).isEqualTo(some.size());
            stored.addAll(some);
        }
        assertThat(writes).hasSizeGreaterThan(7);
        assertThat(writes.get(0).organizations).containsExactly("org", "other");
        assertThat(stored).isEqualTo(entries);
    }
}
