package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Table {@code quota_audit_logs}: inserted into and read, never changed. */
public final class AuditRows {
    private static final String COLUMNS = """
            a.organization_id, a.seq, a.audit_id, a.quota_id, a.parent_quota_id, a.quota_version, a.action, a.outcome,
            a.actor_user_id, a.service_id, a.target_user_id, a.details::text, a.request_id, a.created_at, a.hash,
            a.format, a.operation_id
            """;

    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.quota_audit_logs",
            "format $17",
            "seq bigint",
            "audit_id uuid",
            "quota_id text",
            "parent_quota_id text",
            "quota_version bigint",
            "action text",
            "outcome text",
            "actor_user_id text",
            "service_id text",
            "target_user_id text",
            "details text json",
            "request_id text",
            "created_at timestamptz",
            "hash bytea",
            "operation_id uuid"));

    private static final String FILTER = """
            AND ($3::text IS NULL OR a.action = $3) AND ($4::text IS NULL OR a.actor_user_id = $4)
            AND ($5::timestamptz IS NULL OR a.created_at >= $5) AND ($6::timestamptz IS NULL OR a.created_at < $6)
            """;

    /** Two arms, each in the order of its own index; a child's entry is in the second one only. */
    private static final String LIST = """
            SELECT * FROM (
                (SELECT %1$s FROM quota.quota_audit_logs a
                 WHERE a.organization_id = $1 AND a.quota_id = $2 %2$s %3$s ORDER BY a.seq %4$s LIMIT $8)
                UNION ALL
                (SELECT %1$s FROM quota.quota_audit_logs a
                 WHERE a.organization_id = $1 AND a.parent_quota_id = $2
                   AND a.action IN ('quota.allocate', 'quota.release')
                   AND a.quota_id IS DISTINCT FROM $2 %2$s %3$s ORDER BY a.seq %4$s LIMIT $8)
            ) AS both_arms ORDER BY seq %4$s LIMIT $8
            """;

    /** The texts of an entry without a bound of their own that is small. */
    private static final String SIZE = "octet_length(details) + octet_length(actor_user_id)"
            + " + coalesce(octet_length(target_user_id), 0) + coalesce(octet_length(quota_id), 0)";

    private static final String OLDEST_FIRST =
            PageBytes.cut(LIST.formatted(COLUMNS, FILTER, "AND a.seq > $7", "ASC"), "seq ASC", SIZE, "$8");
    private static final String NEWEST_FIRST =
            PageBytes.cut(LIST.formatted(COLUMNS, FILTER, "AND a.seq < $7", "DESC"), "seq DESC", SIZE, "$8");
    private static final String CHAIN = "SELECT " + COLUMNS
            + " FROM quota.quota_audit_logs a WHERE a.organization_id = $1 AND a.seq > $2 ORDER BY a.seq LIMIT $3";

    private static final String HASHES =
            "SELECT seq, hash FROM quota.quota_audit_logs WHERE organization_id = $1 AND seq = ANY ($2)";

    private AuditRows() {}

    /**
     * New entries, of any organizations that the scope claims, in their places in the chains.
     *
     * @param places the number and hash of each entry
     * @param format that all of them are sealed in
     */
    public static SqlWrite entries(List<AuditEntry> entries, List<ChainRows.Head> places, int format) {
        int n = entries.size();
        String[][] texts = new String[9][n];
        Long[] seqs = new Long[n];
        UUID[] ids = new UUID[n];
        UUID[] operationIds = new UUID[n];
        Long[] versions = new Long[n];
        OffsetDateTime[] times = new OffsetDateTime[n];
        Buffer[] hashes = new Buffer[n];
        String[] details = new String[n];
        for (int i = 0; i < n; i++) {
            AuditEntry entry = entries.get(i);
            texts[0][i] = entry.organizationId();
            texts[1][i] = entry.quotaId();
            texts[2][i] = entry.parentQuotaId();
            texts[3][i] = entry.action();
            texts[4][i] = entry.outcome();
            texts[5][i] = entry.actorUserId();
            texts[6][i] = entry.serviceId();
            texts[7][i] = entry.targetUserId();
            texts[8][i] = entry.requestId();
            details[i] = entry.details();
            seqs[i] = places.get(i).seq();
            ids[i] = entry.auditId();
            operationIds[i] = entry.operationId().equals(entry.auditId()) ? null : entry.operationId();
            versions[i] = entry.quotaVersion();
            times[i] = QuotaRows.utc(entry.createdAt());
            hashes[i] = places.get(i).hash();
        }
        Tuple values = Tuple.tuple()
                .addArrayOfLong(seqs)
                .addArrayOfUUID(ids)
                .addArrayOfString(texts[1])
                .addArrayOfString(texts[2])
                .addArrayOfLong(versions)
                .addArrayOfString(texts[3])
                .addArrayOfString(texts[4])
                .addArrayOfString(texts[5])
                .addArrayOfString(texts[6])
                .addArrayOfString(texts[7])
                .addArrayOfString(details)
                .addArrayOfString(texts[8])
                .addArrayOfOffsetDateTime(times)
                .addArrayOfBuffer(hashes)
                .addArrayOfUUID(operationIds)
                .addInteger(format);
        return new SqlWrite(INSERT, texts[0], values);
    }

    /** {@code from} is inclusive, {@code to} exclusive; {@code cursor} is the seq after which, or before which, to go on. */
    public record TrailQuery(
            String quotaId,
            @Nullable String action,
            @Nullable String actor,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable Long cursor,
            int limit,
            boolean newestFirst) {}

    /** @param nextCursor the last entry's {@code seq}, or null at the end; a page may end early, at its limit in bytes */
    public record Page(List<SealedEntry> entries, @Nullable Long nextCursor) {}

    /** The trail of one quota, the creation and release of its children included. */
    public static Future<Page> list(DatabaseSession connection, String organization, TrailQuery query) {
        long start = query.newestFirst() ? Long.MAX_VALUE : 0;
        Tuple values = Tuple.tuple()
                .addString(organization)
                .addString(query.quotaId())
                .addString(query.action())
                .addString(query.actor())
                .addOffsetDateTime(query.from() == null ? null : QuotaRows.utc(query.from()))
                .addOffsetDateTime(query.to() == null ? null : QuotaRows.utc(query.to()))
                .addLong(query.cursor() == null ? start : query.cursor())
                .addLong((long) query.limit() + 1);
        return connection
                .preparedQuery(query.newestFirst() ? NEWEST_FIRST : OLDEST_FIRST)
                .execute(values)
                .map(rows -> {
                    List<SealedEntry> entries = new ArrayList<>();
                    rows.forEach(row -> entries.add(read(row)));
                    return new Page(
                            entries,
                            PageBytes.more(rows)
                                    ? (Long) entries.get(entries.size() - 1).seq()
                                    : null);
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

    /** The hashes, in lower-case hexadecimal, of those of an organization's entries that there are. */
    public static Future<Map<Long, String>> hashes(
            DatabaseSession connection, String organization, Collection<Long> seqs) {
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
