package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.SealRows;
import io.vertx.core.buffer.Buffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The next stretch of one organization's chain, while rows of the journal are added to it. One row at least. */
final class SealBuilder {
    private final String organizationId;
    private final HashChain chain;
    private final int format;
    private final long firstSeq;
    private final List<Long> positions = new ArrayList<>();
    private final Buffer hashes = Buffer.buffer();
    private final Map<String, SealRows.SealedQuota> quotas = new LinkedHashMap<>();
    private Instant firstAt = Instant.MAX;

    /**
     * @param head the end of the chain so far
     * @param format that the entries are sealed in, one of {@link HashChain}'s
     */
    SealBuilder(String organizationId, ChainRows.Head head, int format) {
        this.organizationId = organizationId;
        this.format = format;
        this.chain = new HashChain(head);
        this.firstSeq = head.seq() + 1;
    }

    /** Gives the entries of a row of the journal their places. */
    void add(long position, List<AuditEntry> entries) {
        long firstSeqOfRow = chain.seq() + 1;
        positions.add(position);
        for (AuditEntry entry : entries) {
            if (hashes.length() == 0) {
                firstAt = entry.createdAt();
            }
            hashes.appendBuffer(chain.seal(entry, format).hash());
            index(entry.quotaId(), position, firstSeqOfRow);
            if (entry.listedForParent()) {
                index(entry.parentQuotaId(), position, firstSeqOfRow);
            }
        }
    }

    private void index(@Nullable String quotaId, long position, long firstSeqOfRow) {
        if (quotaId == null) {
            return;
        }
        SealRows.SealedQuota quota = quotas.computeIfAbsent(
                quotaId, ignored -> new SealRows.SealedQuota(quotaId, new ArrayList<>(1), new ArrayList<>(1)));
        List<Long> rows = quota.positions();
        if (rows.isEmpty() || rows.get(rows.size() - 1) != position) {
            rows.add(position);
            quota.firstSeqs().add(firstSeqOfRow);
        }
    }

    ChainRows.Head head() {
        return chain.head();
    }

    SealRows.Seal seal() {
        return new SealRows.Seal(
                organizationId, firstSeq, chain.seq(), positions, hashes, firstAt, List.copyOf(quotas.values()));
    }
}
