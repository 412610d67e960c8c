package com.cagen.quota.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.ChainRows;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class HashChainTest {
    private static final AuditEntry ENTRY = new AuditEntry(
            UUID.fromString("00000000-0000-0000-0000-000000000001"),
            UUID.fromString("00000000-0000-0000-0000-000000000002"),
            "org",
            "quota_1",
            null,
            7L,
            "usage.allocate",
            "applied",
            "zoë",
            "svc",
            null,
            "{\"usage_mb\":1}",
            "req",
            Instant.parse("2026-01-01T00:00:00.000001Z"));

    private static String hex(ChainRows.Head head) {
        return HexFormat.of().formatHex(head.hash().getBytes());
    }

    /** Written out by hand: whoever verifies a trail with other means can begin here. */
    @Test
    void hashesTheDocumentedBytes() throws Exception {
        String canonical = "fffffffe" // minus the format
                + "0000000000000001" // seq
                + text("00000000-0000-0000-0000-000000000001")
                + text("00000000-0000-0000-0000-000000000002")
                + REST;
        assertThat(hex(new HashChain().seal(ENTRY))).isEqualTo(sha256(canonical));
        assertThat(sha256(canonical)).isEqualTo("5ba44378dcd45ce905c9543877851975a3ac9aa82878a412ed4a2442123556eb");
    }

    /** What earlier releases have sealed must stay verifiable. */
    @Test
    void hashesTheBytesOfFormat1() throws Exception {
        String canonical = "0000000000000001" // seq
                + text("00000000-0000-0000-0000-000000000001")
                + REST;
        assertThat(hex(new HashChain().seal(ENTRY, 1))).isEqualTo(sha256(canonical));
        assertThat(sha256(canonical)).isEqualTo("438bfcc2be29311fe0c044030fc00814b9e2bf033ee3cb4e356a5f0e8a9c9876");
    }

    private static final String REST = text("org")
            + text("quota_1")
            + "ffffffff"
            + text("7")
            + text("usage.allocate")
            + text("applied")
            + "000000047a6fc3ab" // four bytes: zoë
            + text("svc")
            + "ffffffff"
            + text("{\"usage_mb\":1}")
            + text("req")
            + "0006474846204001"; // microseconds

    private static String sha256(String canonical) throws Exception {
        byte[] bytes = HexFormat.of().parseHex("00".repeat(32) + canonical);
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static String text(String ascii) {
        byte[] bytes = ascii.getBytes(StandardCharsets.US_ASCII);
        return HexFormat.of().toHexDigits(bytes.length) + HexFormat.of().formatHex(bytes);
    }

    @Test
    void agreesWithAPlainWritingOfTheRuleOnThousandsOfEntries() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        HashChain chain = new HashChain();
        byte[] previous = new byte[32];
        for (long seq = 1; seq <= 3_000; seq++) {
            AuditEntry entry = any(random);
            int format = 1 + random.nextInt(2);
            previous = MessageDigest.getInstance("SHA-256").digest(plain(previous, seq, entry, format));
            assertThat(hex(chain.seal(entry, format)))
                    .as("seed %d, entry %s", seed, entry)
                    .isEqualTo(HexFormat.of().formatHex(previous));
        }
    }

    @Test
    void goesOnWhereAnotherEnded() {
        HashChain whole = new HashChain();
        ChainRows.Head first = whole.seal(ENTRY);
        assertThat(hex(new HashChain(first).seal(ENTRY))).isEqualTo(hex(whole.seal(ENTRY)));
    }

    @Test
    void hashesDifferWhenAnyFieldDoesAndWhenTextMovesFromOneFieldToTheNext() {
        List<AuditEntry> variants = new ArrayList<>(Variants.of(ENTRY));
        variants.add(ENTRY);
        variants.add(Variants.of(ENTRY, new UUID(0, 3)));
        variants.add(Variants.actorAndService(ENTRY, "zo", "ësvc"));
        variants.add(Variants.actorAndService(ENTRY, "zoës", "vc"));
        Set<String> hashes = new HashSet<>();
        variants.forEach(variant -> hashes.add(hex(new HashChain().seal(variant))));
        assertThat(hashes).hasSameSizeAs(variants);
        variants.forEach(variant -> hashes.add(hex(new HashChain().seal(variant, 1))));
        assertThat(hashes)
                .as("the same in another format; the operation's id is not in format 1")
                .hasSize(2 * variants.size() - 1);
    }

    private static AuditEntry any(Random random) {
        return new AuditEntry(
                new UUID(random.nextLong(), random.nextLong()),
                new UUID(random.nextLong(), random.nextLong()),
                anyText(random),
                anyTextOrNull(random),
                anyTextOrNull(random),
                random.nextBoolean() ? random.nextLong() : null,
                anyText(random),
                anyText(random),
                anyText(random),
                anyText(random),
                anyTextOrNull(random),
                anyText(random),
                anyText(random),
                Instant.ofEpochSecond(random.nextLong(4_000_000_000L), random.nextInt(1_000_000) * 1_000L));
    }

    private static @Nullable String anyTextOrNull(Random random) {
        return random.nextBoolean() ? anyText(random) : null;
    }

    private static String anyText(Random random) {
        int length = random.nextInt(10) == 0 ? random.nextInt(3_000) : random.nextInt(20);
        return random.ints(length, 1, 0x11000)
                .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static byte[] plain(byte[] previous, long seq, AuditEntry entry, int format) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.write(previous);
        if (format == 2) {
            out.writeInt(-2);
        }
        out.writeLong(seq);
        @Nullable
        String[] texts = {
            entry.auditId().toString(),
            entry.operationId().toString(),
            entry.organizationId(),
            entry.quotaId(),
            entry.parentQuotaId(),
            entry.quotaVersion() == null ? null : Long.toString(entry.quotaVersion()),
            entry.action(),
            entry.outcome(),
            entry.actorUserId(),
            entry.serviceId(),
            entry.targetUserId(),
            entry.details(),
            entry.requestId()
        };
        for (int i = 0; i < texts.length; i++) {
            String text = texts[i];
            if (format == 1 && i == 1) {
                continue; // knows no operation
            }
            if (text == null) {
                out.writeInt(-1);
            } else {
                out.writeInt(text.getBytes(StandardCharsets.UTF_8).length);
                out.write(text.getBytes(StandardCharsets.UTF_8));
            }
        }
        out.writeLong(ChronoUnit.MICROS.between(Instant.EPOCH, entry.createdAt()));
        return bytes.toByteArray();
    }

    /** Entries that differ from one in one field each. */
    private static final class Variants {
        static List<AuditEntry> of(AuditEntry e) {
            return List.of(
                    copy(e, new UUID(0, 2), e.organizationId(), e.quotaId(), null, 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org2", e.quotaId(), null, 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", "quota_2", null, 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", null, null, 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), "quota_0", 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), "", 7L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), null, 8L, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), null, null, e.action(), e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), null, 7L, "usage.deallocate", e.outcome(), null),
                    copy(e, e.auditId(), "org", e.quotaId(), null, 7L, e.action(), "refused", null),
                    copy(e, e.auditId(), "org", e.quotaId(), null, 7L, e.action(), e.outcome(), "bob"));
        }

        private static AuditEntry copy(
                AuditEntry e,
                UUID id,
                String organization,
                @Nullable String quota,
                @Nullable String parent,
                @Nullable Long version,
                String action,
                String outcome,
                @Nullable String target) {
            return new AuditEntry(
                    id,
                    e.operationId(),
                    organization,
                    quota,
                    parent,
                    version,
                    action,
                    outcome,
                    e.actorUserId(),
                    e.serviceId(),
                    target,
                    e.details(),
                    e.requestId(),
                    e.createdAt());
        }

        static AuditEntry of(AuditEntry e, UUID operationId) {
            return of(e, operationId, e.actorUserId(), e.serviceId());
        }

        static AuditEntry actorAndService(AuditEntry e, String actor, String service) {
            return of(e, e.operationId(), actor, service);
        }

        private static AuditEntry of(AuditEntry e, UUID operationId, String actor, String service) {
            return new AuditEntry(
                    e.auditId(),
                    operationId,
                    e.organizationId(),
                    e.quotaId(),
                    e.parentQuotaId(),
                    e.quotaVersion(),
                    e.action(),
                    e.outcome(),
                    actor,
                    service,
                    e.targetUserId(),
                    e.details(),
                    e.requestId(),
                    e.createdAt());
        }
    }
}
