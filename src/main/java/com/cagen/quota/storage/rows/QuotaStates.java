package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Table {@code quota_states}: what a quota was, whenever something other than its usage changed. Rows are only ever inserted, in the
 * transaction of the change. What was used and reserved between two of them is in the journal ({@link FiguresThen}).
 */
public final class QuotaStates {
    private static final BatchStatement INSERT = BatchStatement.of(form -> form.insert(
            "quota.quota_states",
            "",
            "quota_id text",
            "changed_at timestamptz",
            "version bigint",
            "parent_quota_id text",
            "owner_id text",
            "name text",
            "description text",
            "key text",
            "status text",
            "total_mb bigint",
            "used_mb bigint",
            "reserved_mb bigint",
            "allocated_mb bigint",
            "drain_to_mb bigint"));

    /** The newest state of a quota at $3, and of each of its ancestors of then, from the quota upwards. */
    private static final String AT = """
            WITH RECURSIVE upwards AS (
                (SELECT s.*, 0 AS height FROM quota.quota_states s
                 WHERE s.organization_id = $1 AND s.quota_id = $2 AND s.changed_at <= $3
                 ORDER BY s.changed_at DESC, s.version DESC LIMIT 1)
                UNION ALL
                SELECT p.*, u.height + 1 FROM upwards u CROSS JOIN LATERAL (
                    SELECT s.* FROM quota.quota_states s
                    WHERE s.organization_id = $1 AND s.quota_id = u.parent_quota_id AND s.changed_at <= $3
                    ORDER BY s.changed_at DESC, s.version DESC LIMIT 1) p
                WHERE u.height < %d
            )
            SELECT quota_id, changed_at, version, parent_quota_id, owner_id, name, description, key, status,
                total_mb, used_mb, reserved_mb, allocated_mb, drain_to_mb
            FROM upwards ORDER BY height
            """.formatted(Quota.MAX_LEVEL);

    /** What never changes, and the clock. */
    private static final String TODAY =
            "SELECT clock_timestamp(), created_at, type, team_id FROM quota.quotas WHERE organization_id = $1 AND id = $2";

    private static final String FIRST = """
            SELECT changed_at, version, used_mb, clock_timestamp() FROM quota.quota_states
            WHERE organization_id = $1 AND quota_id = $2 ORDER BY changed_at, version LIMIT 1
            """;

    private static final String WAIT = "SELECT id FROM quota.quotas WHERE organization_id = $1 AND id = $2 FOR SHARE";

    /** No transaction takes this long: its statements, and its waiting for locks, have shorter limits. */
    private static final long LONGEST_TRANSACTION_S = 120;

    private QuotaStates() {}

    /**
     * The states of quotas that differ in more than what usage and reservations change.
     *
     * @param before the same quotas as the transaction found them; those that are missing are new
     */
    public static List<SqlWrite> writes(Map<QuotaKey, Quota> before, Collection<Quota> after) {
        List<Quota> changed = new ArrayList<>(0);
        for (Quota quota : after) {
            Quota was = before.get(QuotaKey.of(quota));
            if (was == null
                    || was.allocatedMb() != quota.allocatedMb()
                    || (was.version() != quota.version() && !quota.differsInCapacityOnly(was))) {
                changed.add(quota);
            }
        }
        if (changed.isEmpty()) {
            return List.of();
        }
        Tuple values = Tuple.tuple()
                .addArrayOfString(texts(changed, Quota::id))
                .addArrayOfOffsetDateTime(changed.stream()
                        .map(quota -> QuotaRows.utc(quota.updatedAt()))
                        .toArray(OffsetDateTime[]::new))
                .addArrayOfLong(numbers(changed, Quota::version))
                .addArrayOfString(texts(changed, Quota::parentId))
                .addArrayOfString(texts(changed, Quota::ownerId))
                .addArrayOfString(texts(changed, Quota::name))
                .addArrayOfString(texts(changed, Quota::description))
                .addArrayOfString(texts(changed, Quota::key))
                .addArrayOfString(texts(changed, quota -> quota.status().wireName()))
                .addArrayOfLong(numbers(changed, Quota::totalMb))
                .addArrayOfLong(numbers(changed, Quota::usedMb))
                .addArrayOfLong(numbers(changed, Quota::reservedMb))
                .addArrayOfLong(numbers(changed, Quota::allocatedMb))
                .addArrayOfLong(numbers(changed, Quota::drainToMb));
        return List.of(new SqlWrite(INSERT, texts(changed, Quota::organizationId), values));
    }

    private static String[] texts(List<Quota> quotas, Function<Quota, @Nullable String> column) {
        return quotas.stream().map(column).toArray(String[]::new);
    }

    private static Long[] numbers(List<Quota> quotas, Function<Quota, @Nullable Long> column) {
        return quotas.stream().map(column).toArray(Long[]::new);
    }

    /** What is known of a quota at a moment. */
    public sealed interface Then {}

    /**
     * It was like this.
     *
     * @param quota without its lists of owners
     */
    public record Known(Quota quota) implements Then {}

    /** It did not exist yet. */
    public record NotCreated() implements Then {}

    /**
     * An earlier release changed it then, and kept no states.
     *
     * @param since when the first state is from
     */
    public record NotKept(Instant since) implements Then {}

    /** The moment has not come yet. */
    public record NotYet() implements Then {}

    /**
     * What a quota was at a moment, by the clock of the database. It is final: transactions that may still change it are waited for.
     *
     * @param key of a quota that exists, or did
     * @return fails with a {@link com.cagen.quota.domain.request.RefusalException} when these take too long
     */
    public static Future<Then> at(DatabaseSession connection, QuotaKey key, Instant moment) {
        Tuple quota = Tuple.of(key.organizationId(), key.quotaId());
        return connection.preparedQuery(TODAY).execute(quota).compose(rows -> {
            Row today = rows.iterator().next();
            Instant now = today.getOffsetDateTime(0).toInstant();
            if (moment.isAfter(now)) {
                return Future.succeededFuture(new NotYet());
            } else if (moment.isBefore(today.getOffsetDateTime(1).toInstant())) {
                return Future.succeededFuture(new NotCreated());
            }
            Future<?> settled = moment.isBefore(now.minusSeconds(LONGEST_TRANSACTION_S))
                    ? Future.succeededFuture()
                    : connection.preparedQuery(WAIT).execute(quota);
            return settled.compose(ignored -> connection
                            .preparedQuery(AT)
                            .execute(Tuple.of(key.organizationId(), key.quotaId(), QuotaRows.utc(moment))))
                    .compose(states -> states.size() == 0
                            ? first(connection, key).map(first -> new NotKept(first.changedAt()))
                            : FiguresThen.find(connection, read(key, today, states), moment)
                                    .map(Known::new));
        });
    }

    /**
     * The first state that is kept of a quota.
     *
     * @param ofCreation whether it is the one that it was created with
     * @param now by the clock of the database
     */
    public record First(Instant changedAt, boolean ofCreation, long usedMb, Instant now) {}

    /** @param key of a quota that exists, or did */
    public static Future<First> first(DatabaseSession connection, QuotaKey key) {
        return connection
                .preparedQuery(FIRST)
                .execute(Tuple.of(key.organizationId(), key.quotaId()))
                .map(rows -> {
                    Row row = rows.iterator().next();
                    return new First(
                            row.getOffsetDateTime(0).toInstant(),
                            row.getLong(1) == 1,
                            row.getLong(2),
                            row.getOffsetDateTime(3).toInstant());
                });
    }

    /** @param states from the quota upwards; not empty */
    private static Quota read(QuotaKey key, Row today, Iterable<Row> states) {
        List<Row> upwards = new ArrayList<>();
        states.forEach(upwards::add);
        Row own = upwards.get(0);
        Row root = upwards.get(upwards.size() - 1);
        StringBuilder path = new StringBuilder();
        String suspendedBy = null;
        for (int i = upwards.size() - 1; i >= 0; i--) {
            Row state = upwards.get(i);
            path.append('/').append(state.getString(0));
            if (state.getString(8).equals(QuotaStatus.SUSPENDED.wireName())) {
                suspendedBy = state.getString(0);
            }
        }
        QuotaStatus status = QuotaStatus.ofWireName(own.getString(8));
        Instant changedAt = own.getOffsetDateTime(1).toInstant();
        Quota.Placement placement = new Quota.Placement(
                key.organizationId(),
                key.quotaId(),
                own.getString(3),
                path.toString(),
                upwards.size() - 1,
                QuotaType.ofWireName(today.getString(2)),
                today.getString(3));
        return new Quota(
                placement,
                new Quota.Label(own.getString(5), own.getString(6), own.getString(7)),
                new Quota.Ownership(root.getString(4), List.of(), List.of(), 0),
                new Quota.Figures(
                        own.getLong(9), own.getLong(10), own.getLong(12), own.getLong(11), null, own.getLong(13)),
                status,
                suspendedBy,
                own.getLong(2),
                today.getOffsetDateTime(1).toInstant(),
                changedAt,
                status == QuotaStatus.DELETED ? changedAt : null);
    }
}
