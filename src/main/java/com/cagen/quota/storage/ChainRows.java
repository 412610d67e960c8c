package com.cagen.quota.storage;

import com.cagen.quota.domain.AuditEntry;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The heads of the audit chains, and the outbox as the audit writer drains it. */
public final class ChainRows {
    private static final String WAITING =
            "SELECT DISTINCT organization_id FROM quota.outbox ORDER BY organization_id LIMIT $1";
    private static final String LAG =
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000, 0)::bigint FROM quota.outbox";
    private static final String ORGANIZATIONS =
            "SELECT organization_id FROM quota.chain_heads WHERE organization_id > $1 ORDER BY organization_id LIMIT 1000";
    private static final String READ = "SELECT seq, hash FROM quota.chain_heads WHERE organization_id = $1";
    // Not FOR UPDATE: inserts that refer to the row may go on.
    private static final String LOCK = READ + " FOR NO KEY UPDATE";
    private static final String ADVANCE = "UPDATE quota.chain_heads SET seq = $2, hash = $3 WHERE organization_id = $1";
    private static final String OUTBOX = """
            SELECT position, entries FROM quota.outbox WHERE organization_id = $1 ORDER BY position LIMIT $2
            """;
    private static final String FORGET =
            "DELETE FROM quota.outbox WHERE organization_id = $1 AND position = ANY ($2::bigint[])";

    private ChainRows() {}

    /** The end of a chain. */
    public record Head(long seq, Buffer hash) {}

    /** Outbox rows of one organization, in order, by their positions. */
    public record Waiting(Map<Long, List<AuditEntry>> rows) {}

    /** Organizations with entries to seal; needs the maintenance scope. */
    public static Future<List<String>> organizationsWaiting(SqlConnection connection, int limit) {
        return connection.preparedQuery(WAITING).execute(Tuple.of((long) limit)).map(rows -> {
            List<String> organizations = new ArrayList<>();
            rows.forEach(row -> organizations.add(row.getString(0)));
            return organizations;
        });
    }

    /** Age of the oldest unsealed entry in milliseconds, 0 when there is none; needs the maintenance scope. */
    public static Future<Long> lagMillis(SqlConnection connection) {
        return connection.preparedQuery(LAG).execute().map(rows -> rows.iterator()
                .next()
                .getLong(0));
    }

    /** Up to 1,000 organizations after the given one; needs the maintenance scope. */
    public static Future<List<String>> organizationsAfter(SqlConnection connection, String organization) {
        return connection
                .preparedQuery(ORGANIZATIONS)
                .execute(Tuple.of(organization))
                .map(rows -> {
                    List<String> organizations = new ArrayList<>();
                    rows.forEach(row -> organizations.add(row.getString(0)));
                    return organizations;
                });
    }

    /** The head of an organization's chain, which must exist. */
    public static Future<Head> read(SqlConnection connection, String organization) {
        return head(connection, READ, organization);
    }

    /** As {@link #read}, keeping every other writer of this chain out until the transaction ends. */
    public static Future<Head> lock(SqlConnection connection, String organization) {
        return head(connection, LOCK, organization);
    }

    private static Future<Head> head(SqlConnection connection, String sql, String organization) {
        return connection.preparedQuery(sql).execute(Tuple.of(organization)).map(rows -> {
            var row = rows.iterator().next();
            return new Head(row.getLong(0), row.getBuffer(1));
        });
    }

    /** Moves the head, whose lock the caller holds. */
    public static Future<Void> advance(SqlConnection connection, String organization, Head head) {
        return connection
                .preparedQuery(ADVANCE)
                .execute(Tuple.of(organization, head.seq(), head.hash()))
                .compose(RowCounts.expect(1));
    }

    /** The oldest outbox rows of an organization. */
    public static Future<Waiting> waiting(SqlConnection connection, String organization, int limit) {
        return connection
                .preparedQuery(OUTBOX)
                .execute(Tuple.of(organization, (long) limit))
                .map(rows -> {
                    Map<Long, List<AuditEntry>> waiting = new TreeMap<>();
                    rows.forEach(row -> waiting.put(row.getLong(0), OutboxRows.decode(organization, row.getString(1))));
                    return new Waiting(waiting);
                });
    }

    /** Deletes the rows that were sealed. */
    public static Future<Void> forget(SqlConnection connection, String organization, Waiting sealed) {
        Long[] positions = sealed.rows().keySet().toArray(Long[]::new);
        return connection
                .preparedQuery(FORGET)
                .execute(Tuple.tuple().addString(organization).addArrayOfLong(positions))
                .compose(RowCounts.expect(positions.length));
    }
}
