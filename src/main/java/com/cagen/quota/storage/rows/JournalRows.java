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
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Table {@code journal}: what each transaction did in each organization, as audit entries. Inserted into and read, never changed.
 * A row without a place in the chain is named in table {@code unsealed}.
 */
public final class JournalRows {
    private static final JsonFactory JSON = new JsonFactory();
    /** The limit on the text of one row, in bytes of UTF-8. A single entry may exceed it. */
    static final int MAX_ROW_BYTES = 256 * 1024;

    private static final int MAX_UTF8_BYTES_A_CHAR = 3;
    /** The sequence's increment: so many rows of one organization fit between two positions that are drawn. */
    private static final int MAX_ROWS = 256;

    private static final String NEXT_MOMENT = "SELECT nextval('quota.journal_position_seq'), clock_timestamp()";

    private static final BatchStatement INSERT = BatchStatement.of(
            form -> form.insert("quota.journal", "batch_id $5", "position bigint", "entry_count int", "entries text"));

    private static final BatchStatement INSERT_UNSEALED =
            BatchStatement.of(form -> form.insert("quota.unsealed", "", "position bigint"));

    /** The newest rows are enough: who asks has just lost the connection. */
    private static final String COMMITTED = """
            SELECT 1 FROM (
                SELECT batch_id FROM quota.journal
                WHERE organization_id = $1 ORDER BY position DESC LIMIT 50000) AS newest
            WHERE batch_id = $2 LIMIT 1
            """;

    /** Held until the transaction ends, also one whose connection is lost. */
    private static final String LOCK_BATCH = """
            SELECT pg_advisory_xact_lock(hashtextextended($2, 0)) IS NULL
            FROM quota.chain_heads WHERE organization_id = $1
            """;

    private JournalRows() {}

    /**
     * The place of a transaction among all others.
     *
     * @param position of its rows
     * @param now by the clock of the database, in whole microseconds
     */
    public record Moment(long position, Instant now) {}

    /**
     * The position of a transaction's rows, and its time. To be drawn when the transaction has its locks: both must rise in the order
     * of the changes of each quota.
     */
    public static Future<Moment> nextMoment(DatabaseSession connection) {
        return connection.preparedQuery(NEXT_MOMENT).execute().map(rows -> {
            Row row = rows.iterator().next();
            return new Moment(row.getLong(0), row.getOffsetDateTime(1).toInstant());
        });
    }

    /**
     * New rows. The scope must claim each organization, and each must have its chain head.
     *
     * @param batchId the transaction's
     * @param position as {@link #nextMoment} gave it
     * @param entries of each organization, in the order in which they happened; a row that would be too large becomes several
     */
    public static List<SqlWrite> entries(UUID batchId, long position, Map<String, List<AuditEntry>> entries) {
        List<String> organizations = new ArrayList<>();
        List<Long> positions = new ArrayList<>();
        List<Integer> counts = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        entries.forEach((organization, some) -> {
            int first = texts.size();
            addRows(some, counts, texts);
            for (int i = first; i < texts.size(); i++) {
                organizations.add(organization);
                positions.add(position + i - first);
            }
            if (texts.size() - first > MAX_ROWS) {
                throw new IllegalStateException("a transaction has too many audit entries for its position");
            }
        });
        if (texts.isEmpty()) {
            return List.of();
        }
        String[] keys = organizations.toArray(String[]::new);
        Long[] places = positions.toArray(Long[]::new);
        Tuple row = Tuple.of(places, counts.toArray(Integer[]::new), texts.toArray(String[]::new), batchId);
        return List.of(new SqlWrite(INSERT, keys, row), new SqlWrite(INSERT_UNSEALED, keys, Tuple.of((Object) places)));
    }

    /** Draws a position and writes the entries of one organization, in a transaction that has its locks. */
    public static Future<Void> write(
            DatabaseSession connection, UUID batchId, String organization, List<AuditEntry> entries) {
        return nextMoment(connection)
                .compose(
                        moment -> connection.write(entries(batchId, moment.position(), Map.of(organization, entries))));
    }

    private static void addRows(List<AuditEntry> entries, List<Integer> counts, List<String> texts) {
        String text = encode(entries);
        int count = entries.size();
        if (count == 1 || fits(text)) {
            counts.add(count);
            texts.add(text);
            return;
        }
        addRows(entries.subList(0, count / 2), counts, texts);
        addRows(entries.subList(count / 2, count), counts, texts);
    }

    private static boolean fits(String text) {
        return text.length() <= MAX_ROW_BYTES / MAX_UTF8_BYTES_A_CHAR
                || text.getBytes(StandardCharsets.UTF_8).length <= MAX_ROW_BYTES;
    }

    /**
     * Whether a transaction whose COMMIT got no answer took effect. Final only once that transaction is over: lock what it
     * had locked before asking.
     *
     * @param batchId looked for among the organization's newest 50,000 rows
     */
    public static Future<Boolean> committed(DatabaseSession connection, String organizationId, UUID batchId) {
        return connection
                .preparedQuery(COMMITTED)
                .execute(Tuple.of(organizationId, batchId))
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
            throw new IllegalStateException("a journal row of organization " + organizationId + " is not JSON");
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
            throw new IllegalStateException("a journal row has " + actual + " where " + expected + " belongs");
        }
    }

    private static long micros(Instant instant) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, instant);
    }

    private static Instant fromMicros(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
