package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The table {@code outbox}: audit entries that are committed with their change and wait for their place in the chain. */
public final class OutboxRows {
    private static final JsonFactory JSON = new JsonFactory();
    /** Of the text of one row, in UTF-8, unless a single entry is larger. */
    static final int MAX_ROW_BYTES = 256 * 1024;

    private static final int MAX_UTF8_BYTES_A_CHAR = 3;

    /** Of one organization there is one row, and only VALUES draws its position on the node that all go through. */
    private static final BatchStatement INSERT = BatchStatement.of(form -> form == BatchStatement.Form.ONE_ORGANIZATION
            ? "INSERT INTO quota.outbox (organization_id, batch_id, entry_count, entries)"
                    + " VALUES ($1, ($2::uuid[])[1], ($3::int[])[1], ($4::text[])[1])"
            : form.insert("quota.outbox", "", "batch_id uuid", "entry_count int", "entries text"));

    /** One statement, so one snapshot: an entry is in the outbox or in the trail, never between the two. */
    private static final String COMMITTED = """
            SELECT batch_id FROM quota.outbox WHERE organization_id = $1 AND batch_id = $2
            UNION ALL
            SELECT newest.audit_id FROM (
                SELECT audit_id FROM quota.quota_audit_logs
                WHERE organization_id = $1 ORDER BY seq DESC LIMIT 100000) newest
            WHERE newest.audit_id = $3
            """;

    /** Held until the transaction ends, also one whose connection is lost. */
    private static final String LOCK_BATCH = """
            SELECT pg_advisory_xact_lock(hashtextextended($2, 0)) IS NULL
            FROM quota.chain_heads WHERE organization_id = $1
            """;

    private OutboxRows() {}

    /**
     * A transaction's entries of one organization, in the order in which they happened.
     *
     * @param batchId the transaction's
     */
    public record OutboxRow(String organizationId, UUID batchId, List<AuditEntry> entries) {
        public OutboxRow {
            entries = List.copyOf(entries);
        }
    }

    /** A row as it is stored. */
    private record Stored(OutboxRow row, String text) {}

    /**
     * New rows. The scope must claim each organization, and each must have its chain head.
     *
     * @param rows one of each organization; one that is too large becomes several
     * @return statements to be sent one after the other, as positions must rise in the order of the entries: the first has a
     *     row of each organization, further ones what did not fit
     */
    public static List<SqlWrite> entries(List<OutboxRow> rows) {
        List<List<Stored>> turns = new ArrayList<>();
        for (OutboxRow row : rows) {
            List<Stored> parts = new ArrayList<>();
            addParts(row, parts);
            for (int i = 0; i < parts.size(); i++) {
                if (i == turns.size()) {
                    turns.add(new ArrayList<>());
                }
                turns.get(i).add(parts.get(i));
            }
        }
        return turns.stream().map(OutboxRows::insert).toList();
    }

    private static void addParts(OutboxRow row, List<Stored> parts) {
        String text = encode(row.entries());
        int count = row.entries().size();
        if (count == 1 || fits(text)) {
            parts.add(new Stored(row, text));
            return;
        }
        for (List<AuditEntry> half :
                List.of(row.entries().subList(0, count / 2), row.entries().subList(count / 2, count))) {
            addParts(new OutboxRow(row.organizationId(), row.batchId(), half), parts);
        }
    }

    private static boolean fits(String text) {
        return text.length() <= MAX_ROW_BYTES / MAX_UTF8_BYTES_A_CHAR
                || text.getBytes(StandardCharsets.UTF_8).length <= MAX_ROW_BYTES;
    }

    private static SqlWrite insert(List<Stored> rows) {
        int count = rows.size();
        String[] organizations = new String[count];
        UUID[] batches = new UUID[count];
        Integer[] entryCounts = new Integer[count];
        String[] entries = new String[count];
        for (int i = 0; i < count; i++) {
            OutboxRow row = rows.get(i).row();
            organizations[i] = row.organizationId();
            batches[i] = row.batchId();
            entryCounts[i] = row.entries().size();
            entries[i] = rows.get(i).text();
        }
        return new SqlWrite(INSERT, organizations, Tuple.of(batches, entryCounts, entries));
    }

    /**
     * Whether a transaction whose COMMIT got no answer took effect. Final only once that transaction is over: lock what it
     * had locked before asking.
     *
     * @param auditId one of its entries in this organization; looked for among the newest 100,000
     */
    public static Future<Boolean> committed(
            DatabaseSession connection, String organizationId, UUID batchId, UUID auditId) {
        return connection
                .preparedQuery(COMMITTED)
                .execute(Tuple.of(organizationId, batchId, auditId))
                .map(rows -> rows.size() > 0);
    }

    /**
     * Waits until no other transaction stores this batch, and keeps others from doing so until this one ends. Afterwards
     * {@link #committed} is final. The organization must have its chain head.
     */
    public static Future<Void> lockBatch(DatabaseSession connection, String organizationId, UUID batchId) {
        return connection
                .preparedQuery(LOCK_BATCH)
                .execute(Tuple.of(organizationId, batchId.toString()))
                .mapEmpty();
    }

    /**
     * The text of column {@code entries}: a JSON array with one array for each entry, its details as they are. The id of its
     * operation comes last, unless it is the entry's own: releases that know no other one read the rest.
     */
    public static String encode(List<AuditEntry> entries) {
        StringWriter text = new StringWriter(entries.size() * 512);
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartArray();
            for (AuditEntry entry : entries) {
                json.writeStartArray();
                json.writeString(entry.auditId().toString());
                json.writeString(entry.quotaId());
                json.writeString(entry.parentQuotaId());
                if (entry.quotaVersion() == null) {
                    json.writeNull();
                } else {
                    json.writeNumber(entry.quotaVersion());
                }
                json.writeString(entry.action());
                json.writeString(entry.outcome());
                json.writeString(entry.actorUserId());
                json.writeString(entry.serviceId());
                json.writeString(entry.targetUserId());
                json.writeString(entry.requestId());
                json.writeNumber(micros(entry.createdAt()));
                json.writeRawValue(entry.details());
                if (!entry.operationId().equals(entry.auditId())) {
                    json.writeString(entry.operationId().toString());
                }
                json.writeEndArray();
            }
            json.writeEndArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    /** @throws IllegalStateException when the text is not what {@link #encode} writes */
    public static List<AuditEntry> decode(String organizationId, String entries) {
        List<AuditEntry> result = new ArrayList<>();
        char[] text = entries.toCharArray();
        try (JsonParser json = JSON.createParser(text)) {
            expect(json.nextToken(), JsonToken.START_ARRAY);
            while (json.nextToken() == JsonToken.START_ARRAY) {
                result.add(entry(json, organizationId, text));
            }
        } catch (IOException e) {
            // No cause: it quotes the text.
            throw new IllegalStateException("an outbox row of organization " + organizationId + " is not JSON");
        }
        return result;
    }

    private static AuditEntry entry(JsonParser json, String organizationId, char[] text) throws IOException {
        UUID auditId = UUID.fromString(string(json));
        String quotaId = stringOrNull(json);
        String parentQuotaId = stringOrNull(json);
        Long quotaVersion = json.nextToken() == JsonToken.VALUE_NULL ? null : Long.valueOf(json.getLongValue());
        String action = string(json);
        String outcome = string(json);
        String actorUserId = string(json);
        String serviceId = string(json);
        String targetUserId = stringOrNull(json);
        String requestId = string(json);
        expect(json.nextToken(), JsonToken.VALUE_NUMBER_INT);
        Instant createdAt = fromMicros(json.getLongValue());
        // The hash covers this very text, so it is cut out, not written anew.
        expect(json.nextToken(), JsonToken.START_OBJECT);
        int start = (int) json.currentTokenLocation().getCharOffset();
        json.skipChildren();
        int end = (int) json.currentTokenLocation().getCharOffset() + 1;
        UUID operationId = auditId;
        if (json.nextToken() == JsonToken.VALUE_STRING) {
            operationId = UUID.fromString(json.getText());
            json.nextToken();
        }
        expect(json.currentToken(), JsonToken.END_ARRAY);
        return new AuditEntry(
                auditId,
                operationId,
                organizationId,
                quotaId,
                parentQuotaId,
                quotaVersion,
                action,
                outcome,
                actorUserId,
                serviceId,
                targetUserId,
                new String(text, start, end - start),
                requestId,
                createdAt);
    }

    private static String string(JsonParser json) throws IOException {
        expect(json.nextToken(), JsonToken.VALUE_STRING);
        return json.getText();
    }

    private static @Nullable String stringOrNull(JsonParser json) throws IOException {
        if (json.nextToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        expect(json.currentToken(), JsonToken.VALUE_STRING);
        return json.getText();
    }

    private static void expect(@Nullable JsonToken actual, JsonToken expected) {
        if (actual != expected) {
            throw new IllegalStateException("an outbox row has " + actual + " where " + expected + " belongs");
        }
    }

    private static long micros(Instant instant) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, instant);
    }

    private static Instant fromMicros(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
