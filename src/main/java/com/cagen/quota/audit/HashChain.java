package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.ChainRows;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The hash chain of one organization: {@code hash = SHA-256(previous hash || canonical bytes)}, beginning with 32 zero bytes.
 *
 * <p>The canonical bytes are minus the format (4 bytes), the entry's number (8 bytes), then each field in the order of {@link
 * AuditEntry}: a text as its length in bytes (4 bytes) and its UTF-8, null as length -1; a number as its text; the time in
 * microseconds since 1970 (8 bytes). Lengths make it unambiguous: no two entries have the same bytes.
 *
 * <p>Format 1, of releases before, has neither the format nor the operation's id. Its bytes begin with the entry's number, which is
 * positive, and those of other formats with a negative number: no entry has the same bytes in two formats.
 */
final class HashChain {
    /** The format that entries are sealed in. */
    static final int FORMAT = 2;

    static final int HASH_BYTES = 32;

    private final MessageDigest sha256;
    /** The previous hash and the canonical bytes; used again for each entry. */
    private ByteBuffer bytes = ByteBuffer.allocate(1_024);

    private byte[] hash;
    private long seq;

    /** An empty chain. */
    HashChain() {
        this(new ChainRows.Head(0, Buffer.buffer(new byte[HASH_BYTES])));
    }

    /** Goes on where a chain ends. */
    HashChain(ChainRows.Head head) {
        this.seq = head.seq();
        this.hash = head.hash().getBytes();
        try {
            this.sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Gives {@code entry} the next place: the chain's new head. */
    ChainRows.Head seal(AuditEntry entry) {
        return seal(entry, FORMAT);
    }

    /** Whether {@link #seal(AuditEntry, int)} knows a format. */
    static boolean knows(int format) {
        return format == 1 || format == FORMAT;
    }

    /** As {@link #seal(AuditEntry)}, for an entry that was sealed in a format that is known. */
    ChainRows.Head seal(AuditEntry entry, int format) {
        seq++;
        bytes.clear().put(hash);
        if (format > 1) {
            bytes.putInt(-format);
        }
        bytes.putLong(seq);
        text(entry.auditId().toString());
        if (format > 1) {
            text(entry.operationId().toString());
        }
        text(entry.organizationId());
        text(entry.quotaId());
        text(entry.parentQuotaId());
        text(entry.quotaVersion() == null ? null : entry.quotaVersion().toString());
        text(entry.action());
        text(entry.outcome());
        text(entry.actorUserId());
        text(entry.serviceId());
        text(entry.targetUserId());
        text(entry.details());
        text(entry.requestId());
        room(Long.BYTES);
        Instant createdAt = entry.createdAt();
        bytes.putLong(createdAt.getEpochSecond() * 1_000_000 + createdAt.getNano() / 1_000);
        sha256.update(bytes.array(), 0, bytes.position());
        hash = sha256.digest();
        return head();
    }

    long seq() {
        return seq;
    }

    ChainRows.Head head() {
        return new ChainRows.Head(seq, Buffer.buffer(hash));
    }

    private void text(@Nullable String text) {
        if (text == null) {
            room(Integer.BYTES);
            bytes.putInt(-1);
            return;
        }
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        room(Integer.BYTES + utf8.length);
        bytes.putInt(utf8.length).put(utf8);
    }

    private void room(int more) {
        if (bytes.remaining() < more) {
            int position = bytes.position();
            byte[] larger = Arrays.copyOf(bytes.array(), Math.max(2 * bytes.capacity(), position + more));
            bytes = ByteBuffer.wrap(larger).position(position);
        }
    }
}
