package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.UsageChange;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.SealRows;
import com.cagen.quota.storage.rows.UsageChanges;
import com.cagen.quota.storage.rows.UsageMinutes;
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
    private final Map<String, Rows> quotas = new LinkedHashMap<>();
    private Instant firstAt = Instant.MAX;

    private record Minute(UsageChange change, long entries) {}

    /** The rows that have entries about a quota, and what they say of its usage. */
    private static final class Rows {
        final List<Long> positions = new ArrayList<>(1);
        final List<Long> firstSeqs = new ArrayList<>(1);
        final Map<Long, Minute> minutes = new LinkedHashMap<>(1);

        @Nullable
        Instant changedAt;
    }

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
            if (entry.quotaId() != null) {
                Rows rows = index(entry.quotaId(), position, firstSeqOfRow);
                if (entry.quotaVersion() != null) {
                    rows.changedAt = entry.createdAt();
                }
                UsageChange change = UsageChanges.of(entry);
                if (change != null) {
                    rows.minutes.merge(
                            UsageMinutes.minuteOf(change.at()),
                            new Minute(change, 1),
                            (sum, next) -> new Minute(sum.change.then(next.change), sum.entries + 1));
                }
            }
            if (entry.listedForParent() && entry.parentQuotaId() != null) {
                index(entry.parentQuotaId(), position, firstSeqOfRow);
            }
        }
    }

    private Rows index(String quotaId, long position, long firstSeqOfRow) {
        Rows rows = quotas.computeIfAbsent(quotaId, ignored -> new Rows());
        List<Long> positions = rows.positions;
        if (positions.isEmpty() || positions.get(positions.size() - 1) != position) {
            positions.add(position);
            rows.firstSeqs.add(firstSeqOfRow);
        }
        return rows;
    }

    ChainRows.Head head() {
        return chain.head();
    }

    /** What the entries add to the minutes of their quotas. */
    List<UsageMinutes.Added> minutes() {
        List<UsageMinutes.Added> added = new ArrayList<>();
        quotas.forEach((id, rows) -> rows.minutes.forEach((minute, sum) -> added.add(new UsageMinutes.Added(
                new QuotaKey(organizationId, id), minute, sum.change, sum.entries, chain.seq()))));
        return added;
    }

    SealRows.Seal seal() {
        List<SealRows.SealedQuota> sealed = new ArrayList<>(quotas.size());
        quotas.forEach(
                (id, rows) -> sealed.add(new SealRows.SealedQuota(id, rows.positions, rows.firstSeqs, rows.changedAt)));
        return new SealRows.Seal(organizationId, firstSeq, chain.seq(), positions, hashes, firstAt, sealed);
    }
}
