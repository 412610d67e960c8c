package com.cagen.quota.storage;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.Nonce;
import com.cagen.quota.domain.OperationKey;
import com.cagen.quota.domain.RecordedOperation;
import com.cagen.quota.domain.Request;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is kept about requests as such: organizations seen, nonces used, answers under idempotency keys. */
public final class RequestRows {
    private static final String ENSURE_ORGANIZATIONS = """
            INSERT INTO quota.chain_heads (organization_id)
            SELECT o FROM unnest($1::text[]) AS o ORDER BY o COLLATE "C" ON CONFLICT DO NOTHING
            """;

    private static final String CLAIM_NONCES = """
            INSERT INTO quota.nonces (organization_id, service_id, nonce, timestamp_ms)
            SELECT n.organization_id, n.service_id, n.nonce, n.timestamp_ms
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
                AS n (organization_id, service_id, nonce, timestamp_ms)
            ORDER BY n.organization_id COLLATE "C", n.service_id COLLATE "C", n.nonce COLLATE "C", n.timestamp_ms
            ON CONFLICT DO NOTHING
            RETURNING organization_id, service_id, nonce, timestamp_ms
            """;

    private static final String FIND_OPERATIONS = """
            SELECT o.organization_id, o.service_id, o.idempotency_key, o.fingerprint, o.message, o.data
            FROM unnest($1::text[], $2::text[], $3::text[]) AS k (organization_id, service_id, idempotency_key)
            JOIN quota.operations o
              ON o.organization_id = k.organization_id COLLATE "C" AND o.service_id = k.service_id COLLATE "C"
             AND o.idempotency_key = k.idempotency_key COLLATE "C"
            """;

    private static final String INSERT_OPERATIONS = """
            INSERT INTO quota.operations (organization_id, service_id, idempotency_key, fingerprint, message, data,
                created_at)
            SELECT v.organization_id, v.service_id, v.idempotency_key, v.fingerprint, v.message, v.data, $7
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[])
                AS v (organization_id, service_id, idempotency_key, fingerprint, message, data)
            ORDER BY v.organization_id COLLATE "C", v.service_id COLLATE "C", v.idempotency_key COLLATE "C"
            """;

    private static final String FORGET_OPERATIONS = """
            DELETE FROM quota.operations
            WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM quota.operations WHERE created_at < now() - interval '25 hours' LIMIT 5000))
            """;

    private RequestRows() {}

    /** A nonce as it is unique: within its organization and service. */
    public record NonceKey(String organizationId, String serviceId, Nonce nonce) {
        public static NonceKey of(Request request) {
            return new NonceKey(
                    request.caller().organizationId(), request.caller().serviceId(), request.nonce());
        }
    }

    /** Makes sure that each organization has its row: the end of its audit chain. */
    public static Future<Void> ensureOrganizations(SqlConnection connection, Collection<String> organizations) {
        return connection
                .preparedQuery(ENSURE_ORGANIZATIONS)
                .execute(Tuple.tuple().addArrayOfString(organizations.toArray(String[]::new)))
                .mapEmpty();
    }

    /** Claims nonces; those that are not in the result were used before. Their organizations must exist. */
    public static Future<Set<NonceKey>> claim(SqlConnection connection, Collection<NonceKey> nonces) {
        if (nonces.isEmpty()) {
            return Future.succeededFuture(Set.of());
        }
        return connection
                .preparedQuery(CLAIM_NONCES)
                .execute(Tuple.of(
                        nonces.stream().map(NonceKey::organizationId).toArray(String[]::new),
                        nonces.stream().map(NonceKey::serviceId).toArray(String[]::new),
                        nonces.stream().map(key -> key.nonce().value()).toArray(String[]::new),
                        nonces.stream()
                                .map(key -> key.nonce().timestampMillis())
                                .toArray(Long[]::new)))
                .map(rows -> {
                    Set<NonceKey> claimed = new HashSet<>();
                    rows.forEach(row -> claimed.add(new NonceKey(
                            row.getString(0), row.getString(1), new Nonce(row.getString(2), row.getLong(3)))));
                    return claimed;
                });
    }

    /** What was recorded under those of {@code keys} that were used before. */
    public static Future<Map<OperationKey, RecordedOperation>> findOperations(
            SqlConnection connection, Collection<OperationKey> keys) {
        if (keys.isEmpty()) {
            return Future.succeededFuture(Map.of());
        }
        return connection
                .preparedQuery(FIND_OPERATIONS)
                .execute(Tuple.of(
                        keys.stream().map(OperationKey::organizationId).toArray(String[]::new),
                        keys.stream().map(OperationKey::serviceId).toArray(String[]::new),
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

    /** Fails with SQLSTATE 23505 when one of the keys was recorded meanwhile: run the transaction again. */
    public static Future<Void> insertOperations(SqlConnection connection, List<NewOperation> operations, Instant now) {
        return connection
                .preparedQuery(INSERT_OPERATIONS)
                .execute(Tuple.tuple()
                        .addArrayOfString(operations.stream()
                                .map(o -> o.key().organizationId())
                                .toArray(String[]::new))
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
                        .addOffsetDateTime(QuotaRows.utc(now)))
                .compose(RowCounts.expect(operations.size()));
    }

    /**
     * Retention: makes the nonce partitions of the hours to come, drops those that no valid timestamp can fall into, and
     * forgets idempotency keys older than 25 hours, a bounded number at a time.
     */
    public static Future<Void> maintain(Database database) {
        return database.transaction(Scope.maintenance(), connection -> connection
                        .preparedQuery("SELECT quota.roll_nonce_partitions($1)")
                        .execute(Tuple.of(System.currentTimeMillis()))
                        .<Void>mapEmpty())
                .compose(ignored -> database.transaction(Scope.maintenance(), connection -> connection
                        .preparedQuery(FORGET_OPERATIONS)
                        .execute()
                        .<Void>mapEmpty()));
    }
}
