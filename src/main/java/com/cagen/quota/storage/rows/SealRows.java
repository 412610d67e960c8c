package com.cagen.quota.storage.rows;

import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Tables {@code seals} and {@code seal_quotas}: the places of the journal's entries in the chains. */
public final class SealRows {
    private static final BatchStatement INSERT_SEALS = BatchStatement.of(form -> form.insert(
            "quota.seals",
            "format $7",
            "last_seq bigint",
            "first_seq bigint",
            "positions text bigint[]",
            "hashes bytea",
            "first_at timestamptz"));

    private static final BatchStatement INSERT_QUOTAS = BatchStatement.of(form -> form.insert(
            "quota.seal_quotas",
            "",
            "quota_id text",
            "last_seq bigint",
            "positions text bigint[]",
            "first_seqs text bigint[]",
            "changed_at timestamptz"));

    private SealRows() {}

    /**
     * A stretch of an organization's chain.
     *
     * @param positions of the journal's rows, in the order of their entries
     * @param hashes of the entries, 32 bytes each
     * @param firstAt the time of the first entry
     * @param quotas which rows have entries about which quota
     */
    public record Seal(
            String organizationId,
            long firstSeq,
            long lastSeq,
            List<Long> positions,
            Buffer hashes,
            Instant firstAt,
            List<SealedQuota> quotas) {}

    /**
     * @param firstSeqs the number of the first entry of each row, whichever quota that is about
     * @param changedAt the time of the newest change of the quota among the entries; null when all are refusals
     */
    public record SealedQuota(
            String quotaId,
            List<Long> positions,
            List<Long> firstSeqs,
            @Nullable Instant changedAt) {
        /** As {@link SealedRows.StoredQuota#rows} has it. */
        public String rows() {
            return array(positions) + array(firstSeqs);
        }
    }

    /** New seals, of organizations whose chain heads the transaction has locked; not empty. */
    public static List<SqlWrite> writes(List<Seal> seals, int format) {
        int n = seals.size();
        String[] organizations = new String[n];
        Long[] lastSeqs = new Long[n];
        Long[] firstSeqs = new Long[n];
        String[] positions = new String[n];
        Buffer[] hashes = new Buffer[n];
        OffsetDateTime[] times = new OffsetDateTime[n];
        for (int i = 0; i < n; i++) {
            Seal seal = seals.get(i);
            organizations[i] = seal.organizationId();
            lastSeqs[i] = seal.lastSeq();
            firstSeqs[i] = seal.firstSeq();
            positions[i] = array(seal.positions());
            hashes[i] = seal.hashes();
            times[i] = QuotaRows.utc(seal.firstAt());
        }
        SqlWrite stretches = new SqlWrite(
                INSERT_SEALS, organizations, Tuple.of(lastSeqs, firstSeqs, positions, hashes, times, (short) format));
        SqlWrite quotas = quotas(seals);
        return quotas.organizations.length == 0 ? List.of(stretches) : List.of(stretches, quotas);
    }

    private static SqlWrite quotas(List<Seal> seals) {
        List<String[]> rows = new ArrayList<>();
        List<Long> lastSeqs = new ArrayList<>();
        List<@Nullable OffsetDateTime> changedAt = new ArrayList<>();
        for (Seal seal : seals) {
            for (SealedQuota quota : seal.quotas()) {
                rows.add(new String[] {
                    seal.organizationId(), quota.quotaId(), array(quota.positions()), array(quota.firstSeqs())
                });
                lastSeqs.add(seal.lastSeq());
                changedAt.add(quota.changedAt() == null ? null : QuotaRows.utc(quota.changedAt()));
            }
        }
        return new SqlWrite(
                INSERT_QUOTAS,
                column(rows, 0),
                Tuple.of(
                        column(rows, 1),
                        lastSeqs.toArray(Long[]::new),
                        column(rows, 2),
                        column(rows, 3),
                        changedAt.toArray(OffsetDateTime[]::new)));
    }

    private static String[] column(List<String[]> rows, int index) {
        return rows.stream().map(row -> row[index]).toArray(String[]::new);
    }

    /** As PostgreSQL reads an array: arrays of arrays would have to be of one length. */
    private static String array(List<Long> numbers) {
        return numbers.stream().map(String::valueOf).collect(Collectors.joining(",", "{", "}"));
    }
}
