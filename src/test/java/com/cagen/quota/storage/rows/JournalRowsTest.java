package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.sql.SqlWrite;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class JournalRowsTest {
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
        assertThat(JournalRows.decode("org", JournalRows.encode(entries))).isEqualTo(entries);
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
        assertThat(JournalRows.decode("org", JournalRows.encode(entries))).isEqualTo(entries);
    }

    @Test
    void refusesTextThatIsNotAJournalRow() {
        assertThatThrownBy(() -> JournalRows.decode("org", "[[1]]")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> JournalRows.decode("org", "[[\"a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> JournalRows.decode("org", "{}")).isInstanceOf(IllegalStateException.class);
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
        Map<String, List<AuditEntry>> ofBoth = new LinkedHashMap<>();
        ofBoth.put("org", entries);
        ofBoth.put("other", entries.subList(0, 1));
        List<SqlWrite> writes = JournalRows.entries(batch, 1_000, ofBoth);
        assertThat(writes).hasSize(2);
        SqlWrite journal = writes.get(0);
        Long[] positions = (Long[]) journal.values.getValue(0);
        Integer[] counts = (Integer[]) journal.values.getValue(1);
        String[] texts = (String[]) journal.values.getValue(2);
        assertThat(journal.values.getValue(3)).isEqualTo(batch);
        assertThat(writes.get(1).organizations).isEqualTo(journal.organizations);
        assertThat(writes.get(1).values.getValue(0)).isEqualTo(positions);
        int ofOrg = texts.length - 1;
        assertThat(ofOrg).isGreaterThan(7);
        assertThat(journal.organizations).startsWith("org", "org").endsWith("org", "other");
        assertThat(positions[ofOrg]).isEqualTo(1_000);
        List<AuditEntry> stored = new ArrayList<>();
        for (int i = 0; i < ofOrg; i++) {
            assertThat(positions[i]).isEqualTo(1_000 + i);
            assertThat(texts[i].getBytes(StandardCharsets.UTF_8).length).isLessThanOrEqualTo(JournalRows.MAX_ROW_BYTES);
            List<AuditEntry> some = JournalRows.decode("org", texts[i]);
            assertThat(counts[i]).isEqualTo(some.size());
            stored.addAll(some);
        }
        assertThat(stored).isEqualTo(entries);
    }
}
