package com.cagen.quota.audit;

import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.SealedEntry;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The hash chain of one organization: {@code hash = SHA-256(previous hash || canonical bytes)}, beginning with 32 zero bytes.
 *
 * <p>The canonical bytes are the entry's number (8 bytes), then each field in the order of {@link AuditEntry}: a text as its
 * length in bytes (4 bytes) and its UTF-8, null as length -1; a number as its text; the time in microseconds since 1970 (8
 * bytes). Lengths make it unambiguous: no two entries have the same bytes.
 */
final class Chain {
    private final MessageDigest sha256;
    private byte[] hash;
    private long seq;

    /**
     * Goes on where a chain ends.
     *
     * @param seq of its last entry; 0 for an empty one
     * @param hash of its last entry; 32 zero bytes for an empty one
     */
    Chain(long seq, byte[] hash) {
        this.seq = seq;
        this.hash = hash.clone();
        try {
            this.sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Gives {@code entry} the next place. */
    SealedEntry seal(AuditEntry entry) {
        seq++;
        sha256.update(hash);
        hash = sha256.digest(canonical(seq, entry));
        return new SealedEntry(seq, entry, HexFormat.of().formatHex(hash));
    }

    long seq() {
        return seq;
    }

    byte[] hash() {
        return hash.clone();
    }

    private static byte[] canonical(long seq, AuditEntry entry) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeLong(seq);
            text(out, entry.auditId().toString());
            text(out, entry.organizationId());
            text(out, entry.quotaId());
            text(out, entry.parentQuotaId());
            text(out, entry.quotaVersion() == null ? null : entry.quotaVersion().toString());
            text(out, entry.action());
            text(out, entry.outcome());
            text(out, entry.actorUserId());
            text(out, entry.serviceId());
            text(out, entry.targetUserId());
            text(out, entry.details());
            text(out, entry.requestId());
            out.writeLong(ChronoUnit.MICROS.between(Instant.EPOCH, entry.createdAt()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void text(DataOutputStream out, @Nullable String text) throws IOException {
        if (text == null) {
            out.writeInt(-1);
        } else {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            out.writeInt(utf8.length);
            out.write(utf8);
        }
    }
}
