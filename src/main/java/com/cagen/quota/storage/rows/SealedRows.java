package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads rows of the journal through their places in the chains: tables {@code seal_quotas}, {@code seals}, {@code journal}. */
public final class SealedRows {
    /** The most text that one statement reads, in bytes. The first row may exceed it. */
    private static final int MAX_BYTES = 128 * 1024;

    /** The same of rows that are not sealed: only while sealing is late they have more. */
    private static final int MAX_UNSEALED_BYTES = 1024 * 1024;

    private static final int HASH_BYTES = 32;

    /**
     * Rows with entries about a quota, in the order of the chain. $3: the entry after which, or before which, to go on. OFFSET 0
     * has each row looked up by its key. The text of a row beyond the limit is never read, only its length.
     */
    private static final String OF_QUOTA = """
            SELECT page.first_seq, page.position, page.entries, page.format, page.hashes, page.more, page.number FROM (
                SELECT found.*, row_number() OVER w AS number, lead(1) OVER w IS NOT NULL AS more,
                    sum(octet_length(found.entries)) OVER w - octet_length(found.entries) AS bytes_before
                FROM (
                    SELECT q.first_seq, q.position, j.entries, s.format,
                        substring(s.hashes FROM ((q.first_seq - s.first_seq) * 32 + 1)::int FOR j.entry_count * 32) AS hashes
                    FROM quota.seal_quotas x
                    CROSS JOIN LATERAL unnest(x.positions, x.first_seqs) AS q (position, first_seq)
                    CROSS JOIN LATERAL (
                        SELECT entry_count, entries FROM quota.journal
                        WHERE organization_id = $1 AND position = q.position OFFSET 0) AS j
                    CROSS JOIN LATERAL (
                        SELECT first_seq, hashes, format FROM quota.seals
                        WHERE organization_id = $1 AND last_seq = x.last_seq OFFSET 0) AS s
                    WHERE x.organization_id = $1 AND x.quota_id = $2 AND %1$s
                    ORDER BY x.last_seq %2$s, q.first_seq %2$s LIMIT $4) AS found
                WINDOW w AS (ORDER BY found.first_seq %2$s)
            ) AS page
            WHERE bytes_before < %3$d AND number < $4 ORDER BY number
            """;

    private static final String OLDEST_FIRST =
            OF_QUOTA.formatted("x.last_seq > $3 AND q.first_seq + j.entry_count - 1 > $3", "ASC", MAX_BYTES);
    private static final String NEWEST_FIRST = OF_QUOTA.formatted("q.first_seq < $3", "DESC", MAX_BYTES);

    /** Rows that are committed and have no place yet; only when the sealed ones were read to their end. */
    private static final String UNSEALED = """
            SELECT NULL::bigint, position, entries, NULL::smallint, NULL::bytea, more, number FROM (
                SELECT found.*, row_number() OVER w AS number, lead(1) OVER w IS NOT NULL AS more,
                    sum(octet_length(found.entries)) OVER w - octet_length(found.entries) AS bytes_before
                FROM (
                    SELECT j.position, j.entries
                    FROM (
                        SELECT position FROM quota.unsealed WHERE organization_id = $1 %3$s
                        ORDER BY position %1$s LIMIT 1001) AS x
                    CROSS JOIN LATERAL (
                        SELECT position, entries FROM quota.journal
                        WHERE organization_id = $1 AND position = x.position OFFSET 0) AS j
                    ORDER BY j.position %1$s) AS found
                WINDOW w AS (ORDER BY found.position %1$s)
            ) AS page
            WHERE bytes_before < %2$d AND number <= 1000 ORDER BY number
            """;

    /** One statement, so one snapshot: a row is sealed or not, never missed between the two. */
    private static final String OLDEST_FIRST_AND_UNSEALED = "WITH sealed AS MATERIALIZED (" + OLDEST_FIRST + ")"
            + " SELECT * FROM (SELECT * FROM sealed UNION ALL SELECT * FROM ("
            + UNSEALED.formatted("ASC", MAX_UNSEALED_BYTES, "")
            + ") AS waiting WHERE (SELECT more FROM sealed ORDER BY number DESC LIMIT 1) IS NOT TRUE) AS both_kinds"
            + " ORDER BY first_seq IS NULL, number";

    private static final String UNSEALED_NEWEST_FIRST =
            UNSEALED.formatted("DESC", MAX_UNSEALED_BYTES, "AND position < $2");

    /** The rows of some seals, each seal's in order; at least one seal, and others until the entries are enough. */
    private static final String CHAIN = """
            SELECT s.first_seq, p.position, j.entries, s.format, CASE WHEN p.place = 1 THEN s.hashes END, s.last_seq
            FROM (
                SELECT found.*, sum(last_seq - first_seq + 1) OVER (ORDER BY last_seq) - (last_seq - first_seq + 1) AS before
                FROM (
                    SELECT * FROM quota.seals WHERE organization_id = $1 AND last_seq > $2
                    ORDER BY last_seq LIMIT 200) AS found) AS s
            CROSS JOIN LATERAL unnest(s.positions) WITH ORDINALITY AS p (position, place)
            LEFT JOIN LATERAL (
                SELECT entries FROM quota.journal
                WHERE organization_id = $1 AND position = p.position OFFSET 0) AS j ON true
            WHERE s.before < $3
            ORDER BY s.last_seq, p.place
            """;

    /** One statement, so one snapshot. */
    private static final String STRAYS = """
            SELECT (SELECT count(*) FROM quota.journal WHERE organization_id = $1)
                - (SELECT count(*) FROM quota.unsealed WHERE organization_id = $1)
                - (SELECT coalesce(sum(cardinality(positions)), 0) FROM quota.seals WHERE organization_id = $1)
            """;

    private static final String QUOTAS = """
            SELECT quota_id, last_seq, positions::text || first_seqs::text FROM quota.seal_quotas
            WHERE organization_id = $1 AND (quota_id, last_seq) > ($2, $3) AND last_seq <= $4
            ORDER BY quota_id, last_seq LIMIT $5
            """;

    private static final String HASHES = """
            SELECT k.seq, substring(s.hashes FROM ((k.seq - s.first_seq) * 32 + 1)::int FOR 32)
            FROM unnest($2::bigint[]) AS k (seq)
            CROSS JOIN LATERAL (
                SELECT first_seq, hashes FROM quota.seals
                WHERE organization_id = $1 AND last_seq >= k.seq ORDER BY last_seq LIMIT 1) AS s
            WHERE s.first_seq <= k.seq
            """;

    /** The end of the last seal that may be too early, and the beginning of the first one that is not. */
    private static final String MOMENT =
            MomentSearch.sql("quota.seals", "t.organization_id = $1", "last_seq", "first_at", "$2", """
            SELECT
                coalesce((SELECT x.first_seq - 1 FROM quota.seals x WHERE x.organization_id = $1 AND x.last_seq < low
                          ORDER BY x.last_seq DESC LIMIT 1), 0),
                (SELECT x.first_seq FROM quota.seals x WHERE x.organization_id = $1 AND x.last_seq >= low
                 ORDER BY x.last_seq LIMIT 1)
            FROM search WHERE low = high
            """);

    private SealedRows() {}

    /**
     * A row of the journal.
     *
     * @param firstSeq the number of its first entry; 0 for a row that is not sealed
     * @param hashes of its entries, 32 bytes each; null for a row that is not sealed
     */
    public record JournalRow(
            long firstSeq,
            long position,
            List<AuditEntry> entries,
            int format,
            @Nullable Buffer hashes) {
        public boolean isSealed() {
            return firstSeq > 0;
        }

        public long lastSeq() {
            return firstSeq + entries.size() - 1;
        }

        /** One of its entries in its place. */
        SealedEntry entry(int index) {
            if (hashes == null) {
                throw new IllegalStateException("the row is not sealed");
            }
            byte[] hash = hashes.getBytes(index * HASH_BYTES, (index + 1) * HASH_BYTES);
            return new SealedEntry(
                    firstSeq + index, entries.get(index), format, HexFormat.of().formatHex(hash));
        }
    }

    /**
     * Some rows in order.
     *
     * @param more whether there are more of the same kind, sealed or not, after the last one
     * @param bytes of their texts together
     */
    public record Rows(List<JournalRow> rows, boolean more, int bytes) {}

    /**
     * Sealed rows that have entries about a quota, among entries about others.
     *
     * @param bound the entry after which to go on; newest first, the entry before which
     * @param limit the most rows, 1 or more; fewer come when their texts are large
     */
    static Future<Rows> ofQuota(
            DatabaseSession connection,
            String organization,
            String quotaId,
            long bound,
            int limit,
            boolean newestFirst) {
        return connection
                .preparedQuery(newestFirst ? NEWEST_FIRST : OLDEST_FIRST)
                .execute(Tuple.of(organization, quotaId, bound, limit + 1L))
                .map(rows -> read(organization, rows));
    }

    /** As {@link #ofQuota}, oldest first, and when these end there, the organization's rows that are not sealed. */
    static Future<Rows> ofQuotaAndUnsealed(
            DatabaseSession connection, String organization, String quotaId, long bound, int limit) {
        return connection
                .preparedQuery(OLDEST_FIRST_AND_UNSEALED)
                .execute(Tuple.of(organization, quotaId, bound, limit + 1L))
                .map(rows -> read(organization, rows));
    }

    /** The organization's rows that are not sealed and have a smaller position than {@code before}, newest first. */
    static Future<Rows> unsealedNewestFirst(DatabaseSession connection, String organization, long before) {
        return connection
                .preparedQuery(UNSEALED_NEWEST_FIRST)
                .execute(Tuple.of(organization, before))
                .map(rows -> read(organization, rows));
    }

    private static Rows read(String organization, RowSet<Row> found) {
        List<JournalRow> rows = new ArrayList<>(found.size());
        boolean more = false;
        int bytes = 0;
        for (Row row : found) {
            Long firstSeq = row.getLong(0);
            String text = row.getString(2);
            bytes += text.length();
            more = row.getBoolean(5);
            rows.add(new JournalRow(
                    firstSeq == null ? 0 : firstSeq,
                    row.getLong(1),
                    JournalRows.decode(organization, text),
                    firstSeq == null ? 0 : row.getShort(3),
                    row.getBuffer(4)));
        }
        return new Rows(rows, more, bytes);
    }

    /**
     * A row of the journal as a seal names it.
     *
     * @param text null when the journal has no such row
     */
    public record StoredRow(
            String organizationId, long position, @Nullable String text) {
        /** Decodes them, which takes long enough to do it on a worker thread; null when there is no row, or none that can be read. */
        public @Nullable List<AuditEntry> entries() {
            if (text == null) {
                return null;
            }
            try {
                return JournalRows.decode(organizationId, text);
            } catch (IllegalStateException | IllegalArgumentException e) {
                return null;
            }
        }
    }

    /** A seal as it is stored. */
    public record StoredSeal(long firstSeq, long lastSeq, int format, Buffer hashes, List<StoredRow> rows) {}

    /** Seals of an organization's chain after the entry {@code seq}, in order, until they have {@code limit} entries. */
    public static Future<List<StoredSeal>> chain(DatabaseSession connection, String organization, long seq, int limit) {
        return connection
                .preparedQuery(CHAIN)
                .execute(Tuple.of(organization, seq, (long) limit))
                .map(rows -> {
                    List<StoredSeal> seals = new ArrayList<>();
                    for (Row row : rows) {
                        long lastSeq = row.getLong(5);
                        if (seals.isEmpty() || seals.get(seals.size() - 1).lastSeq() != lastSeq) {
                            seals.add(new StoredSeal(
                                    row.getLong(0), lastSeq, row.getShort(3), row.getBuffer(4), new ArrayList<>()));
                        }
                        seals.get(seals.size() - 1)
                                .rows
                                .add(new StoredRow(organization, row.getLong(1), row.getString(2)));
                    }
                    return seals;
                });
    }

    /** Rows of an organization's journal that have no place, or more than one; the difference of the numbers of rows. */
    public static Future<Long> strays(DatabaseSession connection, String organization) {
        return connection.preparedQuery(STRAYS).execute(Tuple.of(organization)).map(rows -> rows.iterator()
                .next()
                .getLong(0));
    }

    /** Rows of {@code seal_quotas}, each with its values in one text, in the order of quotas and seals. */
    public static Future<List<StoredQuota>> quotas(
            DatabaseSession connection, String organization, StoredQuota after, long lastSeq, int limit) {
        return connection
                .preparedQuery(QUOTAS)
                .execute(Tuple.of(organization, after.quotaId(), after.lastSeq(), lastSeq, limit))
                .map(rows -> {
                    List<StoredQuota> quotas = new ArrayList<>();
                    rows.forEach(
                            row -> quotas.add(new StoredQuota(row.getString(0), row.getLong(1), row.getString(2))));
                    return quotas;
                });
    }

    /** @param rows the positions and first numbers, as PostgreSQL writes them: {@code {1,2}{5,7}} */
    public record StoredQuota(String quotaId, long lastSeq, String rows) {
        public static final StoredQuota BEFORE_ALL = new StoredQuota("", 0, "");
    }

    /** The hashes, in lower-case hexadecimal, of those of an organization's entries that there are. */
    static Future<Map<Long, String>> hashes(DatabaseSession connection, String organization, Collection<Long> seqs) {
        return connection
                .preparedQuery(HASHES)
                .execute(Tuple.tuple().addString(organization).addArrayOfLong(seqs.toArray(Long[]::new)))
                .map(rows -> {
                    Map<Long, String> hashes = new HashMap<>();
                    rows.forEach(row -> hashes.put(
                            row.getLong(0),
                            HexFormat.of().formatHex(row.getBuffer(1).getBytes())));
                    return Collections.unmodifiableMap(hashes);
                });
    }

    /**
     * Where a moment is in a chain.
     *
     * @param after entries up to this one are from before the moment; 0 when there are none
     * @param before entries from this one on are not from before it; the largest number when there are none yet
     */
    record Place(long after, long before) {}

    /** As far as the clocks of the nodes agree. */
    static Future<Place> place(DatabaseSession connection, String organization, Instant moment) {
        return connection
                .preparedQuery(MOMENT)
                .execute(Tuple.of(organization, QuotaRows.utc(moment)))
                .map(rows -> {
                    for (Row row : rows) {
                        Long before = row.getLong(1);
                        return new Place(row.getLong(0), before == null ? Long.MAX_VALUE : before);
                    }
                    return new Place(0, Long.MAX_VALUE);
                });
    }
}
