package com.cagen.quota.storage.rows;

import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The heads of the audit chains, and the rows of the journal that wait for their places in them. */
public final class ChainRows {
    /**
     * Jumps from one organization to the next in the primary key's index, so that its price is the number of organizations
     * and not of rows.
     */
    private static final String WAITING = """
            WITH RECURSIVE waiting AS (
                (SELECT organization_id, created_at FROM quota.unsealed
                 WHERE organization_id > $1 ORDER BY organization_id, position LIMIT 1)
                UNION ALL
                SELECT following.organization_id, following.created_at
                FROM waiting CROSS JOIN LATERAL (
                    SELECT o.organization_id, o.created_at FROM quota.unsealed o
                    WHERE o.organization_id > waiting.organization_id
                    ORDER BY o.organization_id, o.position LIMIT 1) AS following
            )
            SELECT organization_id, (extract(epoch FROM clock_timestamp() - created_at) * 1000)::bigint
            FROM waiting LIMIT $2
            """;

    /** By all nodes, each for its organizations. */
    private static final String WAITING_ON_ALL_NODES = """
            SELECT organization_id, (extract(epoch FROM now() - min(created_at)) * 1000)::bigint
            FROM quota.unsealed WHERE organization_id > $1
            GROUP BY organization_id ORDER BY organization_id LIMIT $2
            """;

    private static final String HEADS_AFTER = """
            SELECT organization_id, seq, hash FROM quota.chain_heads
            WHERE organization_id > $1 ORDER BY organization_id LIMIT $2
            """;
    private static final String HEAD =
            "SELECT organization_id, seq, hash FROM quota.chain_heads WHERE organization_id = $1";
    /** What another node holds is left to it. */
    private static final BatchStatement LOCK =
            BatchStatement.of(form -> """
            SELECT organization_id, seq, hash FROM quota.chain_heads
            WHERE organization_id = %s ORDER BY organization_id FOR UPDATE SKIP LOCKED
            """.formatted(form == BatchStatement.Form.ONE_ORGANIZATION ? "$1" : "ANY ($1)"));

    /**
     * The oldest rows of each organization, one of each in turn, until the entries or their bytes are enough. The length of a text
     * is known without reading it, so a row beyond the limit is never read. OFFSET 0 keeps the planner from joining the whole
     * journal: few rows wait whenever statistics are taken, or none.
     */
    private static final BatchStatement WAITING_ROWS =
            BatchStatement.of(form -> form == BatchStatement.Form.ONE_ORGANIZATION ? """
            SELECT organization_id, position, entries FROM (
                SELECT o.organization_id, o.position, o.entries, row_number() OVER w AS number,
                    sum(o.entry_count) OVER w - o.entry_count AS entries_before,
                    sum(octet_length(o.entries)) OVER w AS bytes
                FROM (
                    SELECT j.organization_id, j.position, j.entry_count, j.entries
                    FROM (SELECT position FROM quota.unsealed WHERE organization_id = $1 ORDER BY position LIMIT $2) AS x
                    CROSS JOIN LATERAL (
                        SELECT * FROM quota.journal
                        WHERE organization_id = $1 AND position = x.position OFFSET 0) AS j) AS o
                WINDOW w AS (ORDER BY o.position)
            ) AS counted WHERE entries_before < $3 AND (bytes <= $4 OR number = 1) ORDER BY position
            """ : """
            SELECT organization_id, position, entries FROM (
                SELECT o.organization_id, o.position, o.entries, row_number() OVER w AS number,
                    sum(o.entry_count) OVER w - o.entry_count AS entries_before,
                    sum(octet_length(o.entries)) OVER w AS bytes
                FROM unnest($1::text[]) WITH ORDINALITY AS k (organization_id, place)
                CROSS JOIN LATERAL (
                    SELECT position, row_number() OVER (ORDER BY position) AS turn
                    FROM quota.unsealed WHERE organization_id = k.organization_id COLLATE "C"
                    ORDER BY position LIMIT $2) AS x
                CROSS JOIN LATERAL (
                    SELECT j.*, x.turn FROM quota.journal j
                    WHERE j.organization_id = k.organization_id COLLATE "C" AND j.position = x.position OFFSET 0) AS o
                WINDOW w AS (ORDER BY o.turn, k.place)
            ) AS counted WHERE entries_before < $3 AND (bytes <= $4 OR number = 1) ORDER BY organization_id, position
            """);

    /**
     * Of many organizations, by their places, each looked up by the primary key: a plain join may be planned the other way
     * round, as the table is nearly empty whenever anybody counts its rows, and then compares every row with every key.
     */
    private static final BatchStatement DELETE_UNSEALED =
            BatchStatement.guarded(form -> form == BatchStatement.Form.ONE_ORGANIZATION
                    ? "DELETE FROM quota.unsealed WHERE organization_id = $1 AND position = ANY ($2::bigint[])"
                    : """
                    DELETE FROM quota.unsealed WHERE ctid = ANY (ARRAY(
                        SELECT o.ctid FROM unnest($1::text[], $2::bigint[]) AS k (organization_id, position)
                        CROSS JOIN LATERAL (
                            SELECT x.ctid FROM quota.unsealed x
                            WHERE x.organization_id = k.organization_id COLLATE "C" AND x.position = k.position
                            OFFSET 0) AS o))
                    """);

    private static final BatchStatement UPDATE_HEADS =
            BatchStatement.guarded(form -> """
            UPDATE quota.chain_heads h SET seq = v.seq, hash = v.hash FROM %s WHERE %s
            """.formatted(form.rows("seq bigint", "hash bytea"), form.same("h")));

    private ChainRows() {}

    /**
     * The end of a chain, or the place of an entry in it.
     *
     * @param hash 32 bytes
     */
    public record Head(long seq, Buffer hash) {}

    /**
     * An organization with entries to seal.
     *
     * @param ageMillis of its oldest row
     */
    public record WaitingOrganization(String organizationId, long ageMillis) {}

    /**
     * How much one transaction may seal. The first row is always taken.
     *
     * @param rows of each organization
     * @param entries after which no further row is taken
     * @param bytes of the rows' entries together, in UTF-8
     */
    public record Limit(int rows, int entries, int bytes) {}

    /** A row of the journal as it is stored; {@link JournalRows#decode} reads its entries. */
    public record WaitingRow(String organizationId, long position, String entries) {}

    /** Organizations with entries to seal, those after the given one, in order; needs the maintenance scope. */
    public static Future<List<WaitingOrganization>> organizationsWaiting(
            DatabaseSession connection, String after, int limit) {
        Tuple values = Tuple.of(after, (long) limit);
        Future<RowSet<Row>> found;
        if (connection.onOneNode()) {
            // Planned when about a hundred rows are there, each jump would be a bitmap of all rows behind it.
            Future<?> planned =
                    connection.query("SET LOCAL enable_bitmapscan = off").execute();
            Future<RowSet<Row>> rows = connection.preparedQuery(WAITING).execute(values);
            found = Future.all(planned, rows).map(ignored -> rows.result());
        } else {
            found = connection.preparedQuery(WAITING_ON_ALL_NODES).execute(values);
        }
        return found.map(rows -> {
            List<WaitingOrganization> organizations = new ArrayList<>();
            rows.forEach(row -> organizations.add(new WaitingOrganization(row.getString(0), row.getLong(1))));
            return organizations;
        });
    }

    /** The heads of organizations after the given one, in order; needs the maintenance scope. */
    public static Future<Map<String, Head>> headsAfter(DatabaseSession connection, String organization, int limit) {
        return connection
                .preparedQuery(HEADS_AFTER)
                .execute(Tuple.of(organization, (long) limit))
                .map(ChainRows::heads);
    }

    /** The head of the organization's chain, by its name; nothing when it has none. */
    public static Future<Map<String, Head>> read(DatabaseSession connection, String organization) {
        return connection.preparedQuery(HEAD).execute(Tuple.of(organization)).map(ChainRows::heads);
    }

    /**
     * The heads of those organizations whose chains no other node is writing to at the moment, keeping every other writer of
     * these out until the transaction ends. Never waits. The scope must claim each organization.
     */
    public static Future<Map<String, Head>> lock(DatabaseSession connection, Collection<String> organizations) {
        return connection.run(LOCK, names(organizations), Tuple.tuple()).map(ChainRows::heads);
    }

    private static Map<String, Head> heads(Iterable<Row> rows) {
        Map<String, Head> heads = new LinkedHashMap<>();
        rows.forEach(row -> heads.put(row.getString(0), new Head(row.getLong(1), row.getBuffer(2))));
        return heads;
    }

    private static String[] names(Collection<String> organizations) {
        return organizations.toArray(String[]::new);
    }

    /**
     * The oldest unsealed rows of organizations whose heads the caller has locked, in a statement before: so it sees what the
     * locks' last holders did. Taken from each in turn, in the order given.
     *
     * @return in order of organizations and positions
     */
    public static Future<List<WaitingRow>> waiting(DatabaseSession connection, Collection<String> locked, Limit limit) {
        return connection
                .run(WAITING_ROWS, names(locked), Tuple.of((long) limit.rows(), (long) limit.entries(), (long)
                        limit.bytes()))
                .map(rows -> {
                    List<WaitingRow> waiting = new ArrayList<>();
                    rows.forEach(
                            row -> waiting.add(new WaitingRow(row.getString(0), row.getLong(1), row.getString(2))));
                    return waiting;
                });
    }

    /** Rows that have their places now are no longer unsealed. */
    public static SqlWrite deleteUnsealed(List<WaitingRow> sealed) {
        String[] organizations = sealed.stream().map(WaitingRow::organizationId).toArray(String[]::new);
        Long[] positions = sealed.stream().map(WaitingRow::position).toArray(Long[]::new);
        return new SqlWrite(DELETE_UNSEALED, organizations, Tuple.tuple().addArrayOfLong(positions));
    }

    /** The new ends of chains, whose locks the caller holds. */
    public static SqlWrite updateHeads(Map<String, Head> heads) {
        Tuple values = Tuple.tuple()
                .addArrayOfLong(heads.values().stream().map(Head::seq).toArray(Long[]::new))
                .addArrayOfBuffer(heads.values().stream().map(Head::hash).toArray(Buffer[]::new));
        return new SqlWrite(UPDATE_HEADS, names(heads.keySet()), values);
    }
}
