package com.cagen.quota.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RefusalQueueTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    private static AuditEntry entry(String organization, int number, int detailCharacters) {
        return new AuditEntry(
                new UUID(0, number),
                organization,
                null,
                null,
                null,
                AuditEntry.CREDENTIAL_USE,
                AuditEntry.REFUSED,
                "u",
                "s",
                null,
                "x".repeat(detailCharacters),
                "r",
                NOW.plusSeconds(number));
    }

    private static List<Long> numbers(List<AuditEntry> entries) {
        return entries.stream()
                .map(entry -> entry.auditId().getLeastSignificantBits())
                .toList();
    }

    @Test
    void aFloodOfOneOrganizationDisplacesItsOwnNewestEntriesAndNoOthers() {
        RefusalQueue queue = new RefusalQueue(100, 1 << 20);
        int dropped = 0;
        for (int i = 0; i < 200; i++) {
            dropped += queue.add(entry("flood", i, 1));
        }
        assertThat(dropped).isEqualTo(100);
        for (int i = 200; i < 210; i++) {
            dropped += queue.add(entry("quiet", i, 1));
        }
        assertThat(dropped).isEqualTo(110);
        assertThat(numbers(queue.take(500, 1 << 20)))
                .hasSize(90)
                .startsWith(0L, 1L)
                .endsWith(89L);
        queue.done();
        assertThat(numbers(queue.take(500, 1 << 20)))
                .containsExactly(200L, 201L, 202L, 203L, 204L, 205L, 206L, 207L, 208L, 209L);
        queue.done();
        assertThat(queue.size()).isZero();
    }

    @Test
    void organizationsTakeTurns() {
        RefusalQueue queue = new RefusalQueue(100, 1 << 20);
        for (int i = 0; i < 6; i++) {
            queue.add(entry(i < 4 ? "a" : "b", i, 1));
        }
        assertThat(numbers(queue.take(3, 1 << 20))).containsExactly(0L, 1L, 2L);
        queue.done();
        assertThat(numbers(queue.take(3, 1 << 20))).containsExactly(4L, 5L);
        queue.done();
        assertThat(numbers(queue.take(3, 1 << 20))).containsExactly(3L);
    }

    @Test
    void isBoundedInMemoryAndCountsWhatIsTakenUntilItIsDone() {
        long each = RefusalQueue.bytes(entry("a", 0, 1_000));
        RefusalQueue queue = new RefusalQueue(100, 5 * each);
        for (int i = 0; i < 5; i++) {
            assertThat(queue.add(entry("a", i, 1_000))).isZero();
        }
        assertThat(queue.take(100, 2 * each)).hasSize(2);
        assertThat(queue.add(entry("a", 5, 1_000))).isEqualTo(1);
        assertThat(queue.size()).isEqualTo(5);
        queue.done();
        assertThat(queue.size()).isEqualTo(3);
        assertThat(queue.add(entry("a", 6, 1_000))).isZero();
        assertThat(queue.take(100, 1)).as("one is always taken").hasSize(1);
    }
}
