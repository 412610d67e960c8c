package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Table {@code quota_audit_logs_v9}: the audit entries that were sealed before there was a journal. It is only read. */
public final class FormerAuditRows {
    private static final String COLUMNS = """
            a.organization_id, a.seq, a.audit_id, a.quota_id, a.parent_quota_id, a.quota_version, a.action, a.outcome,
            a.actor_user_id, a.service_id, a.target_user_id, a.details::text, a.request_id, a.created_at, a.hash,
            a.format, a.operation_id
            """;

    /** Two arms, each in the order of its own index; a child's entry is in the second one only. */
    private static final String LIST = """
            SELECT * FROM (
                (SELECT %1$s FROM quota.quota_audit_logs_v9 a
                 WHERE a.organization_id = $1 AND a.quota_id = $2 AND %2$s ORDER BY a.seq %3$s LIMIT $4)
                UNION ALL
                (SELECT %1$s FROM quota.quota_audit_logs_v9 a
                 WHERE a.organization_id = $1 AND a.parent_quota_id = $2
                   AND a.action IN ('quota.allocate', 'quota.release')
                   AND a.quota_id IS DISTINCT FROM $2 AND %2$s ORDER BY a.seq %3$s LIMIT $4)
            ) AS both_arms ORDER BY seq %3$s LIMIT $4
            """;

    /** The texts of an entry that have no small limit of their own. */
    private static final String SIZE = "octet_length(details) + octet_length(actor_user_id)"
            + " + coalesce(octet_length(target_user_id), 0) + coalesce(octet_length(quota_id), 0)";

    private static final String OLDEST_FIRST =
            PageBytes.cut(LIST.formatted(COLUMNS, "a.seq > $3", "ASC"), "seq ASC", SIZE, "$4");
    private static final String NEWEST_FIRST =
            PageBytes.cut(LIST.formatted(COLUMNS, "a.seq < $3", "DESC"), "seq DESC", SIZE, "$4");
    private static final String CHAIN = "SELECT " + COLUMNS
            + " FROM quota.quota_audit_logs_v9 a WHERE a.organization_id = $1 AND a.seq > $2 ORDER BY a.seq LIMIT $3";

    private static final String HASHES =
            "SELECT seq, hash FROM quota.quota_audit_logs_v9 WHERE organization_id = $1 AND seq = ANY ($2)";

    private static final String MOMENT = MomentSearch.sql(
            "quota.quota_audit_logs_v9",
            "t.organization_id = $1",
            "seq",
            "created_at",
            "$2",
            "SELECT low FROM search WHERE low = high");

    private FormerAuditRows() {}

    /** Some entries in order; {@code more} says whether there are others after them. */
    record Entries(List<SealedEntry> entries, boolean more) {}

    /** @param bound the entry after which to go on; newest first, the entry before which */
    static Future<Entries> ofQuota(
            DatabaseSession connection,
            String organization,
            String quotaId,
            long bound,
            int limit,
            boolean newestFirst) {
        return connection
                .preparedQuery(newestFirst ? NEWEST_FIRST : OLDEST_FIRST)
                .execute(Tuple.of(organization, quotaId, bound, limit + 1L))
                .map(rows -> {
                    List<SealedEntry> entries = new ArrayList<>();
                    rows.forEach(row -> entries.add(read(row)));
                    return new Entries(entries, PageBytes.more(rows));
                });
    }

    /** At most {@code limit} entries of an organization's chain after {@code seq}, in order. */
    public static Future<List<SealedEntry>> chain(
            DatabaseSession connection, String organization, long seq, int limit) {
        return connection
                .preparedQuery(CHAIN)
                .execute(Tuple.of(organization, seq, (long) limit))
                .map(rows -> {
                    List<SealedEntry> entries = new ArrayList<>();
                    rows.forEach(row -> entries.add(read(row)));
                    return entries;
                });
    }

    /** The number from which on entries are of {@code moment} or later, as far as the clocks agree; 0 without entries. */
    static Future<Long> firstSeqSince(DatabaseSession connection, String organization, Instant moment) {
        return connection
                .preparedQuery(MOMENT)
                .execute(Tuple.of(organization, QuotaRows.utc(moment)))
                .map(rows -> rows.size() == 0 ? 0L : rows.iterator().next().getLong(0));
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
                    return hashes;
                });
    }

    private static SealedEntry read(Row row) {
        UUID auditId = row.getUUID(2);
        UUID operationId = row.getUUID(16);
        AuditEntry entry = new AuditEntry(
                auditId,
                operationId == null ? auditId : operationId,
                row.getString(0),
                row.getString(3),
                row.getString(4),
                row.getLong(5),
                row.getString(6),
                row.getString(7),
                row.getString(8),
                row.getString(9),
                row.getString(10),
                row.getString(11),
                row.getString(12),
                row.getOffsetDateTime(13).toInstant());
        return new SealedEntry(
                row.getLong(1),
                entry,
                row.getShort(15),
                HexFormat.of().formatHex(row.getBuffer(14).getBytes()));
    }
}
