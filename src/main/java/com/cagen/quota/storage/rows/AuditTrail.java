package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Pages of the audit trail of one quota. Entries from before there was a journal come first in the chain, in a table of their own;
 * the others are read through their seals. What a page reads is limited, whatever it looks for: it may have fewer entries than
 * asked for, or none, and yet a next page.
 */
public final class AuditTrail {
    /** The most text of rows that one page reads, in bytes; the last statement may exceed it by its own limit. */
    private static final int MAX_READ_BYTES = 1024 * 1024;
    /** The most rows that one page reads; the last statement may exceed it by its own limit. */
    private static final int MAX_READ_ROWS = 1_000;

    private final DatabaseSession connection;
    private final String organization;
    private final Query query;
    private final List<SealedEntry> entries = new ArrayList<>();
    private long bytes;
    private long readBytes;
    private int readRows;
    /** The entry that was looked at last, or where to begin. */
    private long bound;
    /** Entries from here on have another time than asked for, in the direction of the page. */
    private long end;

    /** {@code from} is inclusive, {@code to} exclusive; {@code cursor} is the seq after which, or before which, to go on. */
    public record Query(
            String quotaId,
            @Nullable String action,
            @Nullable String actor,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst) {}

    /** @param nextCursor the {@code seq} to go on from, or null at the end */
    public record Page(List<SealedEntry> entries, @Nullable Long nextCursor) {}

    private AuditTrail(DatabaseSession connection, String organization, Query query) {
        this.connection = connection;
        this.organization = organization;
        this.query = query;
        this.bound = query.cursor() != null ? query.cursor() : query.newestFirst() ? Long.MAX_VALUE : 0;
        this.end = query.newestFirst() ? 0 : Long.MAX_VALUE;
    }

    /** The trail of one quota, the creation and release of its children included. */
    public static Future<Page> list(DatabaseSession connection, String organization, Query query) {
        AuditTrail page = new AuditTrail(connection, organization, query);
        Future<@Nullable Page> first = query.newestFirst() ? page.readSealed() : page.readFormer();
        return first.compose(done -> done != null
                ? Future.succeededFuture(done)
                : (query.newestFirst() ? page.readFormer() : page.readSealed())
                        .map(then -> then != null ? then : new Page(page.entries, null)));
    }

    /** The hashes, in lower-case hexadecimal, of those of an organization's entries that there are. */
    public static Future<Map<Long, String>> hashes(
            DatabaseSession connection, String organization, Collection<Long> seqs) {
        return FormerAuditRows.hashes(connection, organization, seqs)
                .compose(former -> SealedRows.hashes(connection, organization, seqs)
                        .map(later -> {
                            Map<Long, String> all = new HashMap<>(former);
                            all.putAll(later);
                            return all;
                        }));
    }

    /** Null when these entries end before the page does. */
    private Future<@Nullable Page> readFormer() {
        Future<?> placed = Future.succeededFuture();
        Instant edge = query.newestFirst() ? to() : from();
        if (edge != null) {
            placed = FormerAuditRows.firstSeqSince(connection, organization, edge)
                    .onSuccess(seq -> skipTo(query.newestFirst() ? seq == 0 ? Long.MAX_VALUE : seq : seq - 1));
        }
        return placed.compose(ignored -> nextFormer());
    }

    private Future<@Nullable Page> nextFormer() {
        return FormerAuditRows.ofQuota(
                        connection, organization, query.quotaId(), bound, query.limit() + 1, query.newestFirst())
                .compose(found -> {
                    for (SealedEntry entry : found.entries()) {
                        if (isBeyond(entry.entry().createdAt())) {
                            return Future.succeededFuture(null);
                        }
                        if (!add(entry)) {
                            return Future.succeededFuture(full());
                        }
                    }
                    readRows += found.entries().size();
                    readBytes +=
                            found.entries().stream().mapToLong(AuditTrail::size).sum();
                    return goOn(found.more(), this::nextFormer);
                });
    }

    /** As {@link #readFormer}. */
    private Future<@Nullable Page> readSealed() {
        Instant from = from();
        Instant to = to();
        Future<SealedRows.@Nullable Place> since =
                from == null ? Future.succeededFuture() : SealedRows.place(connection, organization, from);
        Future<SealedRows.@Nullable Place> until =
                to == null ? Future.succeededFuture() : SealedRows.place(connection, organization, to);
        return Future.all(since, until).compose(ignored -> {
            SealedRows.Place first = since.result();
            SealedRows.Place last = until.result();
            long lowest = first == null ? 0 : first.after();
            long highest = last == null ? Long.MAX_VALUE : last.before();
            skipTo(query.newestFirst() ? highest : lowest);
            end = query.newestFirst() ? lowest : highest;
            return nextSealed();
        });
    }

    private Future<@Nullable Page> nextSealed() {
        return SealedRows.ofQuota(
                        connection, organization, query.quotaId(), bound, query.limit() + 1, query.newestFirst())
                .compose(found -> {
                    for (SealedRows.JournalRow row : found.rows()) {
                        if (query.newestFirst() ? row.lastSeq() <= end : row.firstSeq() >= end) {
                            return Future.succeededFuture(null);
                        }
                        if (!add(row)) {
                            return Future.succeededFuture(full());
                        }
                    }
                    readRows += found.rows().size();
                    readBytes += found.bytes();
                    return goOn(found.more(), this::nextSealed);
                });
    }

    private Future<@Nullable Page> goOn(boolean more, Supplier<Future<@Nullable Page>> next) {
        if (!more) {
            return Future.succeededFuture(null);
        }
        return readRows < MAX_READ_ROWS && readBytes < MAX_READ_BYTES
                ? next.get()
                : Future.succeededFuture(new Page(entries, bound));
    }

    private boolean add(SealedRows.JournalRow row) {
        int count = row.entries().size();
        for (int i = 0; i < count; i++) {
            int index = query.newestFirst() ? count - 1 - i : i;
            AuditEntry entry = row.entries().get(index);
            long seq = row.firstSeq() + index;
            boolean passed = query.newestFirst() ? seq >= bound : seq <= bound;
            if (!passed && isAbout(entry) && !add(row.entry(index))) {
                return false;
            }
        }
        bound = query.newestFirst() ? Math.min(bound, row.firstSeq()) : Math.max(bound, row.lastSeq());
        return true;
    }

    /** False when the page is full, and the entry, which would belong to it, is left to the next one. */
    private boolean add(SealedEntry entry) {
        if (fits(entry.entry())) {
            if (entries.size() == query.limit() || bytes >= PageBytes.MAX) {
                return false;
            }
            entries.add(entry);
            bytes += size(entry);
        }
        bound = entry.seq();
        return true;
    }

    private Page full() {
        return new Page(entries, bound);
    }

    private boolean isAbout(AuditEntry entry) {
        return query.quotaId().equals(entry.quotaId())
                || (query.quotaId().equals(entry.parentQuotaId()) && entry.listedForParent());
    }

    private boolean fits(AuditEntry entry) {
        Instant at = entry.createdAt();
        return (query.action() == null || query.action().equals(entry.action()))
                && (query.actor() == null || query.actor().equals(entry.actorUserId()))
                && (query.from() == null || !at.isBefore(query.from()))
                && (query.to() == null || at.isBefore(query.to()));
    }

    private static long size(SealedEntry entry) {
        AuditEntry fields = entry.entry();
        return PageBytes.size(fields.details(), fields.actorUserId(), fields.targetUserId(), fields.quotaId());
    }

    /** Whether no entry that follows can be of a time that is asked for. */
    private boolean isBeyond(Instant at) {
        Instant last = query.newestFirst() ? from() : to();
        return last != null && (query.newestFirst() ? at.isBefore(last) : at.isAfter(last));
    }

    /** Before it, no entry can be of a time that is asked for. */
    private @Nullable Instant from() {
        return query.from() == null ? null : query.from().minus(MomentSearch.CLOCKS_APART);
    }

    private @Nullable Instant to() {
        return query.to() == null ? null : query.to().plus(MomentSearch.CLOCKS_APART);
    }

    private void skipTo(long seq) {
        bound = query.newestFirst() ? Math.min(bound, seq) : Math.max(bound, seq);
    }
}
