package com.cagen.quota.storage;

import com.cagen.quota.domain.AuthMessage;
import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;

/**
 * What the auth service has still to be told, in order for each quota.
 *
 * <p>A message is claimed for a while ({@code claimed_until}), delivered outside any transaction, then deleted. So one node at a
 * time delivers it, and a node that died gives it back by doing nothing.
 */
public final class AuthOutboxRows {
    private static final String REGISTER = "register";

    private static final String INSERT = """
            INSERT INTO auth_outbox (organization_id, quota_id, message) VALUES ($1, $2, $3)
            """;
    private static final String ORGANIZATIONS_DUE = """
            SELECT organization_id FROM auth_outbox
            WHERE next_attempt_at <= now() AND claimed_until <= now()
            GROUP BY organization_id ORDER BY min(next_attempt_at) LIMIT 1000
            """;
    /** The first message of each quota, if it is due: later ones wait for it. */
    private static final String LOCK_DUE = """
            SELECT m.position FROM auth_outbox m
            WHERE m.organization_id = $1 AND m.next_attempt_at <= now() AND m.claimed_until <= now()
              AND NOT EXISTS (SELECT FROM auth_outbox earlier WHERE earlier.organization_id = $1
                              AND earlier.quota_id = m.quota_id AND earlier.position < m.position)
            ORDER BY m.position LIMIT $2 FOR UPDATE OF m SKIP LOCKED
            """;
    /** The first message of one quota, due or not. */
    private static final String LOCK_OF_QUOTA = """
            SELECT position FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2
            ORDER BY position LIMIT 1 FOR UPDATE
            """;

    private static final String CLAIM = """
            UPDATE auth_outbox SET claimed_until = now() + $3 * interval '1 millisecond'
            WHERE organization_id = $1 AND position = ANY ($2) AND claimed_until <= now()
            RETURNING position, quota_id, message, attempts
            """;

    private static final String PENDING = """
            SELECT 1 FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 LIMIT 1
            """;
    private static final String DELETE = """
            DELETE FROM auth_outbox WHERE organization_id = $1 AND position = $2
            """;
    private static final String GRANTS_CHANGED = """
            UPDATE quotas SET grants_version = grants_version + 1 WHERE organization_id = $1 AND id = $2
            """;
    private static final String POSTPONE = """
            UPDATE auth_outbox SET attempts = attempts + 1, claimed_until = '-infinity',
                next_attempt_at = now() + $3 * interval '1 millisecond'
            WHERE organization_id = $1 AND position = $2
            """;

    private static final String RELEASE = """
            UPDATE auth_outbox SET claimed_until = '-infinity' WHERE organization_id = $1 AND position = $2
            """;

    /**
     * A message that this node has claimed.
     *
     * @param attempts how often it failed before
     */
    public record Claimed(String organizationId, long position, String quotaId, AuthMessage message, int attempts) {}

    private AuthOutboxRows() {}

    /** Leaves a message, in the transaction that creates the quota. Ring the bell once it is committed. */
    public static Future<Void> insert(Session connection, String organizationId, String quotaId, AuthMessage message) {
        return connection
                .preparedQuery(INSERT)
                .execute(Tuple.of(organizationId, quotaId, write(message)))
                .mapEmpty();
    }

    /** Organizations with something due; needs {@link Scope#maintenance()}. */
    public static Future<List<String>> organizationsDue(Session connection) {
        return connection.preparedQuery(ORGANIZATIONS_DUE).execute().map(rows -> {
            List<String> organizations = new ArrayList<>(rows.size());
            rows.forEach(row -> organizations.add(row.getString(0)));
            return organizations;
        });
    }

    /**
     * Claims what is due, at most one message of each quota.
     *
     * @param claimMillis after which another node may try, unless the message is gone or postponed by then
     */
    public static Future<List<Claimed>> claimDue(
            Session connection, String organizationId, long claimMillis, int limit) {
        return connection
                .preparedQuery(LOCK_DUE)
                .execute(Tuple.of(organizationId, (long) limit))
                .compose(locked -> claim(connection, organizationId, locked, claimMillis));
    }

    /** Claims the first message of one quota, also before its next attempt is due. */
    public static Future<List<Claimed>> claimOfQuota(
            Session connection, String organizationId, String quotaId, long claimMillis) {
        return connection
                .preparedQuery(LOCK_OF_QUOTA)
                .execute(Tuple.of(organizationId, quotaId))
                .compose(locked -> claim(connection, organizationId, locked, claimMillis));
    }

    private static Future<List<Claimed>> claim(
            Session connection, String organizationId, RowSet<Row> locked, long claimMillis) {
        if (locked.size() == 0) {
            return Future.succeededFuture(List.of());
        }
        List<Long> positions = new ArrayList<>();
        locked.forEach(row -> positions.add(row.getLong(0)));
        return connection
                .preparedQuery(CLAIM)
                .execute(Tuple.of(organizationId, positions.toArray(Long[]::new), (double) claimMillis))
                .map(rows -> claimed(organizationId, rows));
    }

    /** Whether anything about a quota has still to be delivered. */
    public static Future<Boolean> pending(Session connection, String organizationId, String quotaId) {
        return connection
                .preparedQuery(PENDING)
                .execute(Tuple.of(organizationId, quotaId))
                .map(rows -> rows.size() > 0);
    }

    /** Removes a delivered message and, when it granted something, ends what was learnt before it. */
    public static Future<Void> delivered(Session connection, Claimed claimed) {
        Future<?> deleted =
                connection.preparedQuery(DELETE).execute(Tuple.of(claimed.organizationId(), claimed.position()));
        if (claimed.message().adminUserIds().isEmpty()) {
            return deleted.mapEmpty();
        }
        return deleted.compose(ignored -> connection
                .preparedQuery(GRANTS_CHANGED)
                .execute(Tuple.of(claimed.organizationId(), claimed.quotaId()))
                .mapEmpty());
    }

    /** Gives a message back after a failure, to be tried again in {@code delayMillis}. */
    public static Future<Void> postpone(Session connection, Claimed claimed, long delayMillis) {
        return connection
                .preparedQuery(POSTPONE)
                .execute(Tuple.of(claimed.organizationId(), claimed.position(), (double) delayMillis))
                .mapEmpty();
    }

    /** Gives a message back that was not even tried. */
    public static Future<Void> release(Session connection, Claimed claimed) {
        return connection
                .preparedQuery(RELEASE)
                .execute(Tuple.of(claimed.organizationId(), claimed.position()))
                .mapEmpty();
    }

    private static List<Claimed> claimed(String organizationId, RowSet<Row> rows) {
        List<Claimed> list = new ArrayList<>(rows.size());
        for (Row row : rows) {
            list.add(new Claimed(
                    organizationId,
                    row.getLong("position"),
                    row.getString("quota_id"),
                    read(row.getString("message")),
                    row.getInteger("attempts")));
        }
        return list;
    }

    static String write(AuthMessage message) {
        return new JsonObject()
                .put("kind", REGISTER)
                .put("user_id", message.userId())
                .put("team_ids", new JsonArray(message.teamIds()))
                .put("display_name", message.displayName())
                .put("description", message.description())
                .put("admin_user_ids", new JsonArray(message.adminUserIds()))
                .encode();
    }

    static AuthMessage read(String text) {
        JsonObject json = new JsonObject(text);
        if (!REGISTER.equals(json.getString("kind"))) {
            throw new IllegalStateException("an auth message of an unknown kind");
        }
        return new AuthMessage(
                json.getString("user_id"),
                strings(json.getJsonArray("team_ids")),
                json.getString("display_name"),
                json.getString("description"),
                strings(json.getJsonArray("admin_user_ids")));
    }

    private static List<String> strings(JsonArray array) {
        return array.stream().map(String.class::cast).toList();
    }
}
