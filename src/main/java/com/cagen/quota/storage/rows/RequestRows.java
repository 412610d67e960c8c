package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is kept about requests as such: organizations seen, nonces used, answers under idempotency keys. */
public final class RequestRows {
    private static final Logger LOG = LoggerFactory.getLogger(RequestRows.class);

    private static final BatchStatement ENSURE_ORGANIZATIONS = BatchStatement.of(form -> """
            INSERT INTO quota.chain_heads (organization_id) %s ON CONFLICT DO NOTHING
            """.formatted(
                    form == BatchStatement.Form.ONE_ORGANIZATION
                            ? "VALUES ($1)"
                            : "SELECT o FROM unnest($1::text[]) AS o ORDER BY o COLLATE \"C\""));

    private static final BatchStatement CLAIM_ALL_NONCES = BatchStatement.of(RequestRows::insertNonces);

    /** Twice the work on the index: it is looked into before as well. */
    private static final BatchStatement CLAIM_NONCES = BatchStatement.of(form ->
            insertNonces(form) + " ON CONFLICT DO NOTHING RETURNING organization_id, service_id, nonce, timestamp_ms");

    private static final BatchStatement FIND_OPERATIONS = BatchStatement.of(
            form -> """
            SELECT o.organization_id, o.service_id, o.idempotency_key, o.fingerprint, o.message, o.data
            FROM %s
            JOIN quota.operations o
              ON %s AND o.service_id = v.service_id COLLATE "C" AND o.idempotency_key = v.idempotency_key COLLATE "C"
            """.formatted(form.rows("service_id text", "idempotency_key text"), form.same("o")));

    private static final BatchStatement INSERT_OPERATIONS = BatchStatement.of(form -> form.insert(
                    "quota.operations",
                    "created_at $7",
                    "service_id text",
                    "idempotency_key text",
                    "fingerprint bytea",
                    "message text",
                    "data text")
            + form.orderBy("v.service_id COLLATE \"C\", v.idempotency_key COLLATE \"C\""));

    private static final String ROLL_NONCES = """
            SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, quota.roll_nonce_partitions()
            """;

    private static final String FORGET_OPERATIONS = """
            DELETE FROM quota.operations
            WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM quota.operations WHERE created_at < now() - interval '25 hours' LIMIT $1::bigint))
            """;
    /** Every node deletes its own; a row's place means nothing across them. */
    private static final String FORGET_OPERATIONS_ON_ALL_NODES =
            "DELETE FROM quota.operations WHERE created_at < now() - interval '25 hours'";

    /** Rows that one transaction deletes. */
    private static final long FORGET_AT_ONCE = 5_000;

    /** Clocks that are kept by NTP differ by far less; credentials are valid for five minutes. */
    private static final long TOLERATED_CLOCK_SECONDS = 30;

    private RequestRows() {}

    /** A nonce as it is unique: within its organization and service. */
    public record NonceKey(String organizationId, String serviceId, Nonce nonce) {
        public static NonceKey of(Request request) {
            return new NonceKey(
                    request.caller().organizationId(),
                    request.caller().serviceId(),
                    Objects.requireNonNull(request.nonce(), "the system has no nonce"));
        }
    }

    /** Makes sure that each organization has its row: the end of its audit chain. */
    public static Future<Void> ensureOrganizations(DatabaseSession connection, Collection<String> organizations) {
        return connection
                .run(ENSURE_ORGANIZATIONS, organizations.toArray(String[]::new), Tuple.tuple())
                .mapEmpty();
    }

    private static String insertNonces(BatchStatement.Form form) {
        return form.insert("quota.nonces", "", "service_id text", "nonce text", "timestamp_ms bigint")
                + form.orderBy("v.service_id COLLATE \"C\", v.timestamp_ms, v.nonce COLLATE \"C\"");
    }

    /**
     * Claims nonces, or fails with SQLSTATE 23505 when one of them was used before. Their organizations must exist.
     *
     * @return {@code nonces}
     */
    public static Future<Set<NonceKey>> claimAll(DatabaseSession connection, Set<NonceKey> nonces) {
        return nonces.isEmpty()
                ? Future.succeededFuture(nonces)
                : connection
                        .write(new SqlWrite(CLAIM_ALL_NONCES, organizations(nonces), nonceArrays(nonces)))
                        .map(nonces);
    }

    /** Claims nonces; those that are not in the result were used before. Their organizations must exist. */
    public static Future<Set<NonceKey>> claim(DatabaseSession connection, Set<NonceKey> nonces) {
        return nonces.isEmpty()
                ? Future.succeededFuture(nonces)
                : connection
                        .run(CLAIM_NONCES, organizations(nonces), nonceArrays(nonces))
                        .map(RequestRows::keys);
    }

    private static String[] organizations(Collection<NonceKey> nonces) {
        return nonces.stream().map(NonceKey::organizationId).toArray(String[]::new);
    }

    private static Tuple nonceArrays(Collection<NonceKey> nonces) {
        return Tuple.of(
                nonces.stream().map(NonceKey::serviceId).toArray(String[]::new),
                nonces.stream().map(key -> key.nonce().value()).toArray(String[]::new),
                nonces.stream().map(key -> key.nonce().timestampMillis()).toArray(Long[]::new));
    }

    private static Set<NonceKey> keys(Iterable<Row> rows) {
        Set<NonceKey> keys = new HashSet<>();
        rows.forEach(row -> keys.add(
                new NonceKey(row.getString(0), row.getString(1), new Nonce(row.getString(2), row.getLong(3)))));
        return keys;
    }

    /** What was recorded under those of {@code keys} that were used before. */
    public static Future<Map<OperationKey, RecordedOperation>> findOperations(
            DatabaseSession connection, Collection<OperationKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection
                .run(
                        FIND_OPERATIONS,
                        keys.stream().map(OperationKey::organizationId).toArray(String[]::new),
                        Tuple.tuple()
                                .addArrayOfString(keys.stream()
                                        .map(OperationKey::serviceId)
                                        .toArray(String[]::new))
                                .addArrayOfString(
                                        keys.stream().map(OperationKey::key).toArray(String[]::new)))
                .map(rows -> {
                    Map<OperationKey, RecordedOperation> found = new HashMap<>();
                    rows.forEach(row -> found.put(
                            new OperationKey(row.getString(0), row.getString(1), row.getString(2)),
                            new RecordedOperation(
                                    row.getBuffer(3).getBytes(),
                                    new Answer.Success(row.getString(4), row.getString(5), true))));
                    return found;
                });
    }

    /** An answer to be kept under its key. */
    public record NewOperation(OperationKey key, RecordedOperation operation) {}

    /** New records; fails with SQLSTATE 23505 when one of the keys was recorded meanwhile: run the transaction again. */
    public static SqlWrite operations(List<NewOperation> operations, Instant now) {
        return new SqlWrite(
                INSERT_OPERATIONS,
                operations.stream().map(o -> o.key().organizationId()).toArray(String[]::new),
                Tuple.tuple()
                        .addArrayOfString(operations.stream()
                                .map(o -> o.key().serviceId())
                                .toArray(String[]::new))
                        .addArrayOfString(
                                operations.stream().map(o -> o.key().key()).toArray(String[]::new))
                        .addArrayOfBuffer(operations.stream()
                                .map(o -> Buffer.buffer(o.operation().fingerprint()))
                                .toArray(Buffer[]::new))
                        .addArrayOfString(operations.stream()
                                .map(o -> o.operation().answer().message())
                                .toArray(String[]::new))
                        .addArrayOfString(operations.stream()
                                .map(o -> o.operation().answer().data())
                                .toArray(String[]::new))
                        .addOffsetDateTime(QuotaRows.utc(now)));
    }

    /**
     * Makes the nonce partitions of the hours to come and drops those that no valid timestamp can fall into. The database's
     * clock decides which these are. Warns when this node's clock, by which it judges timestamps, differs much from it.
     */
    public static Future<Void> rollNonces(Database database) {
        return database.transaction(SecurityScope.maintenance(), connection -> connection
                        .query(ROLL_NONCES)
                        .execute()
                        .map(rows -> rows.iterator().next().getLong(0)))
                .onSuccess(databaseMillis -> {
                    long aheadSeconds = (System.currentTimeMillis() - databaseMillis) / 1_000;
                    if (Math.abs(aheadSeconds) > TOLERATED_CLOCK_SECONDS) {
                        LOG.warn(
                                "the clock of this node is {} s {} the database's: it refuses valid credentials, or accepts"
                                        + " expired ones",
                                Math.abs(aheadSeconds),
                                aheadSeconds > 0 ? "ahead of" : "behind");
                    }
                })
                .mapEmpty();
    }

    /**
     * Whether a nonce was refused because the database keeps none of its timestamp's hour: the clock of the node that
     * accepted the timestamp, or the database's, is wrong by more than an hour.
     */
    public static boolean hourNotKept(PgException refused) {
        // SQLSTATE 23514 of a partitioned table names no constraint; of a CHECK it does.
        return "23514".equals(refused.getSqlState()) && "nonces".equals(refused.getTable());
    }

    /** Forgets idempotency keys older than 25 hours: all of them, which may take a while, a bounded number at a time. */
    public static Future<Void> forgetOperations(Database database) {
        return database.transaction(SecurityScope.maintenance(), RequestRows::forgetSomeOperations)
                .compose(count -> count < FORGET_AT_ONCE ? Future.succeededFuture() : forgetOperations(database));
    }

    private static Future<Integer> forgetSomeOperations(DatabaseSession connection) {
        if (connection.onOneNode()) {
            return connection
                    .preparedQuery(FORGET_OPERATIONS)
                    .execute(Tuple.of(FORGET_AT_ONCE))
                    .map(rows -> rows.rowCount());
        }
        return connection
                .query("SET LOCAL statement_timeout = '10min'")
                .execute()
                .compose(ignored ->
                        connection.preparedQuery(FORGET_OPERATIONS_ON_ALL_NODES).execute())
                .map(0);
    }
}
