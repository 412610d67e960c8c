package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.UsageChange;
import com.cagen.quota.domain.quota.UsageSeries;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Table {@code usage_minutes}: what happened to a quota's usage, for each minute in which something did. Sealing adds to it what it
 * seals, in the same transaction, so the table and what is not sealed are together everything, once.
 */
public final class UsageMinutes {
    /** So many entries of minutes that lie in several buckets are read one by one at most. */
    public static final long MAX_ENTRIES = 2_000;

    private static final long MAX_UNSEALED_ROWS = 1_000;
    /** The most text of entries, in bytes, that is read at a time: it is held several times, as characters and fields. */
    private static final long MAX_BYTES = 4 * 1024 * 1024;

    private static final BatchStatement ADD = BatchStatement.of(form -> form.insert(
                    "quota.usage_minutes",
                    "",
                    "quota_id text",
                    "minute bigint",
                    "used_mb_min bigint",
                    "used_mb_max bigint",
                    "used_mb_end bigint",
                    "allocated_mb bigint",
                    "deallocated_mb bigint",
                    "refused bigint",
                    "entries bigint",
                    "first_seal bigint",
                    "last_seal bigint")
            + """
             ON CONFLICT (organization_id, quota_id, minute) DO UPDATE SET
                used_mb_min = least(usage_minutes.used_mb_min, excluded.used_mb_min),
                used_mb_max = greatest(usage_minutes.used_mb_max, excluded.used_mb_max),
                used_mb_end = coalesce(excluded.used_mb_end, usage_minutes.used_mb_end),
                allocated_mb = usage_minutes.allocated_mb + excluded.allocated_mb,
                deallocated_mb = usage_minutes.deallocated_mb + excluded.deallocated_mb,
                refused = usage_minutes.refused + excluded.refused,
                entries = usage_minutes.entries + excluded.entries,
                last_seal = excluded.last_seal
            """);

    /**
     * All that is known of a quota's usage and of what is not sealed, as rows of kinds that {@link Found} tells apart: one statement,
     * so one snapshot. $3: the first minute. $4 and $5: the first and the last of the minutes that lie in each bucket, which has none
     * when the last is before the first. $6: the minutes that lie in several.
     */
    private static final String SERIES = """
            WITH waiting AS MATERIALIZED (
                SELECT j.position, j.entries FROM (
                    SELECT position FROM quota.unsealed WHERE organization_id = $1 ORDER BY position LIMIT $7::bigint) AS x
                CROSS JOIN LATERAL (
                    SELECT position, entries FROM quota.journal
                    WHERE organization_id = $1 AND position = x.position OFFSET 0) AS j
            )
            SELECT 'before' AS kind, NULL::bigint AS a, NULL::bigint AS b, (
                    SELECT m.used_mb_end FROM quota.usage_minutes m
                    WHERE m.organization_id = $1 AND m.quota_id = $2 AND m.minute < $3 AND m.used_mb_end IS NOT NULL
                    ORDER BY m.minute DESC LIMIT 1) AS c,
                NULL::bigint AS d, NULL::bigint AS e, NULL::bigint AS f, NULL::bigint AS g,
                NULL::text AS text
            UNION ALL
            SELECT 'bucket', s.last, s.least, s.most, l.used_mb_end, s.allocated, s.deallocated, s.refused, NULL
            FROM unnest($4::bigint[], $5::bigint[]) AS b (first, last)
            CROSS JOIN LATERAL (
                SELECT max(m.minute) AS last, min(m.used_mb_min) AS least, max(m.used_mb_max) AS most,
                    sum(m.allocated_mb)::bigint AS allocated, sum(m.deallocated_mb)::bigint AS deallocated,
                    sum(m.refused)::bigint AS refused
                FROM quota.usage_minutes m
                WHERE m.organization_id = $1 AND m.quota_id = $2 AND m.minute BETWEEN b.first AND b.last) AS s
            LEFT JOIN LATERAL (
                SELECT m.used_mb_end FROM quota.usage_minutes m
                WHERE m.organization_id = $1 AND m.quota_id = $2 AND m.minute BETWEEN b.first AND b.last
                  AND m.used_mb_end IS NOT NULL
                ORDER BY m.minute DESC LIMIT 1) AS l ON true
            WHERE s.last IS NOT NULL
            UNION ALL
            SELECT 'cut', m.minute, m.first_seal, m.last_seal, m.entries, NULL, NULL, NULL, NULL
            FROM quota.usage_minutes m
            WHERE m.organization_id = $1 AND m.quota_id = $2 AND m.minute = ANY ($6::bigint[])
            UNION ALL
            SELECT 'unsealed', (SELECT count(*) FROM waiting), octet_length(u.text), NULL, NULL, NULL, NULL, NULL,
                CASE WHEN octet_length(u.text) <= %1$d THEN u.text END
            FROM (
                SELECT '[' || string_agg(k.entry::text, ',' ORDER BY w.position, k.place) || ']' AS text
                FROM waiting w CROSS JOIN LATERAL json_array_elements(w.entries::json) WITH ORDINALITY AS k (entry, place)
                WHERE k.entry ->> 1 = $2) AS u
            """.formatted(MAX_BYTES);

    /** The entries about the quota in the seals from $3 to $4, as long as they have at most $5 bytes together; and how many they have. */
    private static final String ENTRIES = """
            SELECT CASE WHEN bytes <= $5 THEN text END, bytes FROM (
            SELECT found.*, sum(octet_length(text)) OVER (ORDER BY first_seq) AS bytes FROM (
            SELECT q.first_seq, (
                SELECT '[' || string_agg(k.entry::text, ',' ORDER BY k.place) || ']'
                FROM json_array_elements(j.entries::json) WITH ORDINALITY AS k (entry, place)
                WHERE k.entry ->> 1 = $2) AS text
            FROM quota.seal_quotas x
            CROSS JOIN LATERAL unnest(x.positions, x.first_seqs) AS q (position, first_seq)
            CROSS JOIN LATERAL (
                SELECT entries FROM quota.journal
                WHERE organization_id = $1 AND position = q.position OFFSET 0) AS j
            WHERE x.organization_id = $1 AND x.quota_id = $2 AND x.last_seq BETWEEN $3 AND $4) AS found) AS summed
            ORDER BY first_seq
            """;

    private UsageMinutes() {}

    /**
     * What a seal adds to a minute.
     *
     * @param minute since 1970
     * @param seal the number of its last entry
     */
    public record Added(QuotaKey quota, long minute, UsageChange change, long entries, long seal) {}

    /** The minute of a moment, since 1970. */
    public static long minuteOf(Instant moment) {
        return Math.floorDiv(moment.getEpochSecond(), 60L);
    }

    /** @param added in the order of the seals of an organization, each minute of a quota once */
    public static List<SqlWrite> writes(List<Added> added) {
        if (added.isEmpty()) {
            return List.of();
        }
        Tuple values = Tuple.tuple()
                .addArrayOfString(texts(added, each -> each.quota.quotaId()))
                .addArrayOfLong(numbers(added, Added::minute))
                .addArrayOfLong(numbers(added, each -> each.change.minMb()))
                .addArrayOfLong(numbers(added, each -> each.change.maxMb()))
                .addArrayOfLong(numbers(added, each -> each.change.endMb()))
                .addArrayOfLong(numbers(added, each -> each.change.allocatedMb()))
                .addArrayOfLong(numbers(added, each -> each.change.deallocatedMb()))
                .addArrayOfLong(numbers(added, each -> each.change.refused()))
                .addArrayOfLong(numbers(added, Added::entries))
                .addArrayOfLong(numbers(added, Added::seal))
                .addArrayOfLong(numbers(added, Added::seal));
        return List.of(new SqlWrite(ADD, texts(added, each -> each.quota.organizationId()), values));
    }

    private static String[] texts(List<Added> added, Function<Added, String> column) {
        return added.stream().map(column).toArray(String[]::new);
    }

    private static Long[] numbers(List<Added> added, Function<Added, @Nullable Long> column) {
        return added.stream().map(column).toArray(Long[]::new);
    }

    /**
     * The usage of a quota, added up.
     *
     * @param openingMb what was used where the minutes begin, unless they say otherwise
     * @return null when more than {@link #MAX_ENTRIES} entries are in minutes that lie in several buckets, or too large ones; fails with a {@link
     *     RefusalException} while sealing is far behind
     */
    public static Future<@Nullable List<UsageSeries.Bucket>> series(
            DatabaseSession connection, QuotaKey quota, UsageSeries series, long openingMb) {
        List<Instant> bounds = series.bounds();
        Instant from = bounds.get(0);
        Long[] first = new Long[bounds.size() - 1];
        Long[] last = new Long[first.length];
        Set<Long> cut = new TreeSet<>();
        for (int i = 0; i < bounds.size(); i++) {
            long minute = minuteOf(bounds.get(i));
            boolean whole = Instant.ofEpochSecond(minute * 60).equals(bounds.get(i));
            if (!whole) {
                cut.add(minute);
            }
            if (i < first.length) {
                first[i] = whole ? minute : minute + 1;
            }
            if (i > 0) {
                last[i - 1] = minute - 1;
            }
        }
        Tuple values = Tuple.of(quota.organizationId(), quota.quotaId(), minuteOf(from))
                .addArrayOfLong(first)
                .addArrayOfLong(last)
                .addArrayOfLong(cut.toArray(Long[]::new))
                .addLong(MAX_UNSEALED_ROWS + 1);
        return connection.preparedQuery(SERIES).execute(values).compose(rows -> {
            Found found = new Found(quota, openingMb);
            rows.forEach(found::add);
            return found.cutEntries > MAX_ENTRIES
                    ? Future.succeededFuture()
                    : found.addCut(connection)
                            .map(ignored -> found.cutBytes > MAX_BYTES ? null : found.series(series, from));
        });
    }

    /** What one statement found, and what is read after it. Used once. */
    private static final class Found {
        private final QuotaKey quota;
        private final List<UsageChange> changes = new ArrayList<>();
        private final Set<Long> cutMinutes = new HashSet<>();
        private final List<long[]> cutSeals = new ArrayList<>();
        private final List<UsageChange> unsealed = new ArrayList<>();
        private long cutEntries;
        private long cutBytes;
        private long openingMb;

        Found(QuotaKey quota, long openingMb) {
            this.quota = quota;
            this.openingMb = openingMb;
        }

        void add(Row row) {
            Long first = row.getLong(1);
            switch (row.getString(0)) {
                case "before" -> openingMb = row.getLong(3) == null ? openingMb : row.getLong(3);
                case "bucket" ->
                    changes.add(new UsageChange(
                            Instant.ofEpochSecond(first * 60),
                            row.getLong(2),
                            row.getLong(3),
                            row.getLong(4),
                            row.getLong(5),
                            row.getLong(6),
                            row.getLong(7)));
                case "cut" -> {
                    cutMinutes.add(first);
                    cutSeals.add(new long[] {row.getLong(2), row.getLong(3)});
                    cutEntries += row.getLong(4);
                }
                default -> {
                    Long bytes = row.getLong(2);
                    if (first > MAX_UNSEALED_ROWS || (bytes != null && bytes > MAX_BYTES)) {
                        throw new RefusalException(
                                Refusal.of(ErrorCode.OVERLOADED, "The audit trail is behind; try again."));
                    }
                    entries(row.getString(8)).forEach(entry -> addTo(unsealed, entry));
                }
            }
        }

        private List<AuditEntry> entries(@Nullable String text) {
            return text == null ? List.of() : JournalRows.decode(quota.organizationId(), text);
        }

        private static void addTo(List<UsageChange> list, AuditEntry entry) {
            UsageChange change = UsageChanges.of(entry);
            if (change != null) {
                list.add(change);
            }
        }

        /** The entries of minutes that lie in several buckets. Minutes follow each other, and may have a seal in common. */
        Future<Void> addCut(DatabaseSession connection) {
            cutSeals.sort((a, b) -> Long.compare(a[0], b[0]));
            Future<Void> read = Future.succeededFuture();
            long after = 0;
            for (long[] seals : cutSeals) {
                long first = Math.max(seals[0], after + 1);
                if (first <= seals[1]) {
                    read = read.compose(ignored -> addCut(connection, first, seals[1]));
                    after = seals[1];
                }
            }
            return read;
        }

        private Future<Void> addCut(DatabaseSession connection, long firstSeal, long lastSeal) {
            return connection
                    .preparedQuery(ENTRIES)
                    .execute(Tuple.of(
                            quota.organizationId(), quota.quotaId(), firstSeal, lastSeal, MAX_BYTES - cutBytes))
                    .map(rows -> {
                        long bytes = 0;
                        for (Row row : rows) {
                            bytes = row.getLong(1) == null ? bytes : row.getLong(1);
                            for (AuditEntry entry : entries(row.getString(0))) {
                                if (cutMinutes.contains(minuteOf(entry.createdAt()))) {
                                    addTo(changes, entry);
                                }
                            }
                        }
                        cutBytes += bytes;
                        return null;
                    });
        }

        List<UsageSeries.Bucket> series(UsageSeries series, Instant from) {
            changes.addAll(unsealed);
            for (UsageChange change : changes) {
                if (change.at().isBefore(from) && change.endMb() != null) {
                    openingMb = change.endMb();
                }
            }
            return series.of(openingMb, changes);
        }
    }
}
