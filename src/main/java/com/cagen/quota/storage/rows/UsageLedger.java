package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages of the ledger of one quota: its usage operations, ordered by the version that each gave the quota. Operations from before
 * there was a journal are in a table of their own; the others are read from the journal, the sealed ones through their seals. What
 * a page reads is limited, whatever it looks for: it may have fewer entries than asked for, or none, and yet a next page.
 */
public final class UsageLedger {
    /** The most text of journal rows that one page reads, in bytes; the last statement may exceed it by its own limit. */
    private static final int MAX_READ_BYTES = 1024 * 1024;
    /** The most journal rows that one page reads; the last statement may exceed it by its own limit. */
    private static final int MAX_READ_ROWS = 1_000;
    /** So many entries are added up at a time. */
    private static final int ENTRIES_AT_ONCE = 1_000;

    private final DatabaseSession connection;
    private final String organization;
    private final UsageQuery query;
    private final List<LedgerEntry> entries = new ArrayList<>();
    private long bytes;
    private int readBytes;
    private int readRows;
    /** The version that was looked at last; null at the beginning. */
    private @Nullable Long version;
    /** The number in the chain that was looked at last. */
    private long seq;
    /** Rows from here on have another time than asked for, in the direction of the page. */
    private long end;

    /** @param nextCursor null at the end */
    public record Page(List<LedgerEntry> entries, UsageQuery.@Nullable Cursor nextCursor) {}

    private UsageLedger(DatabaseSession connection, String organization, UsageQuery query) {
        this.connection = connection;
        this.organization = organization;
        this.query = query;
        UsageQuery.Cursor cursor = query.cursor();
        this.version = cursor == null ? null : (Long) cursor.version();
        this.seq = cursor != null && cursor.seq() > 0 ? cursor.seq() : query.newestFirst() ? Long.MAX_VALUE : 0;
        this.end = query.newestFirst() ? 0 : Long.MAX_VALUE;
    }

    /** The ledger of one quota. */
    public static Future<Page> history(DatabaseSession connection, String organization, UsageQuery query) {
        UsageLedger page = new UsageLedger(connection, organization, query);
        return query.newestFirst() ? page.newestFirst() : page.oldestFirst();
    }

    /**
     * How a locked quota's usage has changed since a moment, by resource.
     *
     * @param moment exclusive
     * @param limit how many entries are added up at most
     */
    public static Future<ResourceAmounts> changesAfter(
            DatabaseSession connection, QuotaKey quota, Instant moment, int limit) {
        return addChanges(connection, quota, moment, null, limit, new HashMap<>());
    }

    private static Future<ResourceAmounts> addChanges(
            DatabaseSession connection,
            QuotaKey quota,
            Instant moment,
            UsageQuery.@Nullable Cursor cursor,
            int left,
            Map<String, Long> changes) {
        UsageQuery query = new UsageQuery(quota.quotaId(), null, moment, null, cursor, ENTRIES_AT_ONCE, false);
        return history(connection, quota.organizationId(), query).compose(page -> {
            page.entries().stream()
                    .filter(entry -> entry.createdAt().isAfter(moment))
                    .forEach(entry -> changes.merge(entry.resourceId(), entry.differenceMb(), Long::sum));
            int rest = left - page.entries().size();
            boolean ended = page.nextCursor() == null;
            return ended || rest <= 0
                    ? Future.succeededFuture(new ResourceAmounts(changes, ended))
                    : addChanges(connection, quota, moment, page.nextCursor(), rest, changes);
        });
    }

    private Future<Page> oldestFirst() {
        return (seq > 0 ? Future.<@Nullable Page>succeededFuture(null) : former())
                .compose(full ->
                        full != null ? Future.succeededFuture(full) : bounds().compose(ignored -> nextOldest()));
    }

    private Future<Page> newestFirst() {
        boolean begins = seq == Long.MAX_VALUE;
        return bounds().compose(ignored -> begins
                        ? SealedRows.unsealedNewestFirst(connection, organization, Long.MAX_VALUE)
                                .map(this::look)
                        : Future.<@Nullable Page>succeededFuture(null))
                .compose(full -> full != null ? Future.succeededFuture(full) : nextNewest())
                .compose(full -> full != null ? Future.succeededFuture(full) : former())
                .map(full -> full != null ? full : new Page(entries, null));
    }

    /** Null when these end before the page does. */
    private Future<@Nullable Page> former() {
        int wanted = query.limit() - entries.size();
        long fromSeq = query.newestFirst() ? 1 : 0;
        return FormerUsageRows.history(connection, organization, query, version, Math.max(1, wanted))
                .map(found -> {
                    if (wanted == 0) {
                        return found.entries().isEmpty() ? null : page(fromSeq);
                    }
                    found.entries().forEach(this::add);
                    return found.more() ? page(fromSeq) : null;
                });
    }

    /** Where in the chain the times begin and end that are asked for. */
    private Future<Void> bounds() {
        Instant from = query.from();
        Instant to = query.to();
        Future<SealedRows.@Nullable Place> since = from == null
                ? Future.succeededFuture()
                : SealedRows.place(connection, organization, from.minus(MomentSearch.CLOCKS_APART));
        Future<SealedRows.@Nullable Place> until = to == null
                ? Future.succeededFuture()
                : SealedRows.place(connection, organization, to.plus(MomentSearch.CLOCKS_APART));
        return Future.all(since, until).map(ignored -> {
            SealedRows.Place first = since.result();
            SealedRows.Place last = until.result();
            long lowest = first == null ? 0 : first.after();
            long highest = last == null ? Long.MAX_VALUE : last.before();
            seq = query.newestFirst() ? Math.min(seq, highest) : Math.max(seq, lowest);
            end = query.newestFirst() ? lowest : highest;
            return null;
        });
    }

    private Future<Page> nextOldest() {
        return SealedRows.ofQuotaAndUnsealed(connection, organization, query.quotaId(), seq, query.limit() + 1)
                .compose(found -> {
                    Page full = look(found);
                    if (full != null) {
                        return Future.succeededFuture(full);
                    }
                    return found.more() && !ended(found)
                            ? nextOldest()
                            : Future.succeededFuture(new Page(entries, null));
                });
    }

    /** Null when the sealed rows end before the page does. */
    private Future<@Nullable Page> nextNewest() {
        return SealedRows.ofQuota(connection, organization, query.quotaId(), seq, query.limit() + 1, true)
                .compose(found -> {
                    Page full = look(found);
                    return full != null || !found.more() || ended(found) ? Future.succeededFuture(full) : nextNewest();
                });
    }

    private boolean ended(SealedRows.Rows found) {
        return found.rows().stream().anyMatch(this::isBeyond);
    }

    private boolean isBeyond(SealedRows.JournalRow row) {
        return row.isSealed() && (query.newestFirst() ? row.lastSeq() <= end : row.firstSeq() >= end);
    }

    /** Null when the page is not full, and more may be read for it. */
    private @Nullable Page look(SealedRows.Rows found) {
        for (SealedRows.JournalRow row : found.rows()) {
            if (isBeyond(row)) {
                return null;
            }
            List<LedgerEntry> ledger = LedgerEntries.of(row, query.quotaId());
            if (query.newestFirst()) {
                Collections.reverse(ledger);
            }
            for (LedgerEntry entry : ledger) {
                if (!passed(entry.quotaVersion())) {
                    if (fits(entry)) {
                        if (entries.size() == query.limit() || bytes >= PageBytes.MAX) {
                            return page(seq == Long.MAX_VALUE ? 0 : seq);
                        }
                        add(entry);
                    }
                    version = entry.quotaVersion();
                }
            }
            if (row.isSealed()) {
                seq = query.newestFirst() ? row.firstSeq() : row.lastSeq();
            }
        }
        readRows += found.rows().size();
        readBytes += found.bytes();
        // Rows that are not sealed are not read twice: the next page finds them sealed.
        boolean unsealed = !found.rows().isEmpty()
                && !found.rows().get(found.rows().size() - 1).isSealed();
        return found.more() && (unsealed || readRows >= MAX_READ_ROWS || readBytes >= MAX_READ_BYTES)
                ? page(seq == Long.MAX_VALUE ? 0 : seq)
                : null;
    }

    private boolean passed(long entryVersion) {
        return version != null && (query.newestFirst() ? entryVersion >= version : entryVersion <= version);
    }

    private boolean fits(LedgerEntry entry) {
        Instant at = entry.createdAt();
        return (query.resourceId() == null || query.resourceId().equals(entry.resourceId()))
                && (query.from() == null || !at.isBefore(query.from()))
                && (query.to() == null || at.isBefore(query.to()));
    }

    private void add(LedgerEntry entry) {
        entries.add(entry);
        version = entry.quotaVersion();
        bytes += PageBytes.size(entry.resourceId(), entry.userId(), entry.reason());
    }

    private Page page(long fromSeq) {
        long lookedAt = version != null ? version : query.newestFirst() ? Long.MAX_VALUE : 0;
        return new Page(entries, new UsageQuery.Cursor(lookedAt, fromSeq));
    }
}
