package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.access.AuthMessage;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.storage.sql.BatchStatement;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the auth service has still to be told.
 *
 * <p>A message is claimed for a while ({@code claimed_until}), delivered outside any transaction, then deleted. So one node at a
 * time delivers it, and a node that died gives it back by doing nothing. Whoever has claimed a message writes its result only
 * while {@code claimed_by} still names that claim.
 *
 * <p>There is at most one message for each target user of a quota, and it is also the claim on that user's grants: a client's
 * change holds it from its decision until its record is committed.
 */
public final class AuthOutboxRows {
    private static final String REGISTER = "register";

    private static final String INSERT_FOR_TARGET = """
            INSERT INTO auth_outbox (organization_id, quota_id, target_user_id, kind, message) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """;
    /** One row: only VALUES draws its position on the node that all go through. */
    private static final BatchStatement INSERT = BatchStatement.of(form -> form == BatchStatement.Form.ONE_ORGANIZATION
            ? "INSERT INTO quota.auth_outbox (organization_id, quota_id, message)"
                    + " VALUES ($1, ($2::text[])[1], ($3::text[])[1])"
            : form.insert("quota.auth_outbox", "", "quota_id text", "message text"));

    private static final String ORGANIZATIONS_DUE = """
            SELECT organization_id FROM auth_outbox
            WHERE next_attempt_at <= now() AND claimed_until <= now()
            GROUP BY organization_id ORDER BY min(next_attempt_at) LIMIT 1000
            """;
    /** What is due, except what waits for its quota to be registered first. */
    private static final String LOCK_DUE = """
            SELECT m.position FROM auth_outbox m
            WHERE m.organization_id = $1 AND m.next_attempt_at <= now() AND m.claimed_until <= now()
              AND NOT EXISTS (SELECT FROM auth_outbox earlier WHERE earlier.organization_id = $1
                              AND earlier.quota_id = m.quota_id AND earlier.position < m.position
                              AND earlier.kind = 'register')
            ORDER BY m.position LIMIT $2 FOR UPDATE OF m SKIP LOCKED
            """;
    /** The first registration of one quota, due or not. */
    private static final String LOCK_REGISTRATION = """
            SELECT position FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 AND kind = 'register'
            ORDER BY position LIMIT 1 FOR UPDATE
            """;

    private static final String LOCK_TARGET = """
            SELECT position FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3 FOR UPDATE
            """;

    private static final String CLAIM = """
            UPDATE auth_outbox SET claimed_until = now() + $3 * interval '1 millisecond', claimed_by = $4
            WHERE organization_id = $1 AND position = ANY ($2) AND claimed_until <= now()
            RETURNING position, quota_id, kind, target_user_id, message, attempts
            """;

    private static final String REGISTRATION_PENDING = """
            SELECT 1 FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 AND kind = 'register' LIMIT 1
            """;
    private static final String STILL_CLAIMED = """
            SELECT 1 FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3
              AND claimed_by = $4 AND claimed_until > now() + $5 * interval '1 millisecond'
            """;

    private static final String DELETE_CLAIMED = """
            DELETE FROM auth_outbox WHERE organization_id = $1 AND position = $2 AND claimed_by = $3
              AND uncertain_until <= now()
            """;
    private static final String DELIVER_AGAIN = """
            UPDATE auth_outbox SET kind = 'restore', claimed_until = '-infinity', claimed_by = NULL, attempts = 0,
                next_attempt_at = uncertain_until
            WHERE organization_id = $1 AND position = $2 AND claimed_by = $3
            """;
    private static final String POSTPONE = """
            UPDATE auth_outbox SET attempts = attempts + 1, claimed_until = '-infinity', claimed_by = NULL,
                next_attempt_at = now() + $4 * interval '1 millisecond',
                uncertain_until = greatest(uncertain_until, now() + $5 * interval '1 millisecond')
            WHERE organization_id = $1 AND position = $2 AND claimed_by = $3
            """;
    private static final String RELEASE = """
            UPDATE auth_outbox SET claimed_until = '-infinity', claimed_by = NULL
            WHERE organization_id = $1 AND position = $2 AND claimed_by = $3
            """;

    /** From a change whose claim has run out: its node has given up or is gone. */
    private static final String FREE_KEY = """
            UPDATE auth_outbox SET service_id = NULL, idempotency_key = NULL
            WHERE organization_id = $1 AND service_id = $2 AND idempotency_key = $3 AND claimed_until <= now()
            """;

    private static final String KEY_IN_USE = """
            SELECT 1 FROM auth_outbox WHERE organization_id = $1 AND service_id = $2 AND idempotency_key = $3
            """;
    private static final String TAKE_OVER = """
            UPDATE auth_outbox SET kind = 'restore', message = $4, service_id = $5, idempotency_key = $6, claimed_by = $7,
                claimed_until = now() + $8 * interval '1 millisecond'
            WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3 AND claimed_until <= now()
            """;
    private static final String BEGIN_CHANGE = """
            INSERT INTO auth_outbox (organization_id, quota_id, target_user_id, kind, message, service_id, idempotency_key,
                                     claimed_by, claimed_until)
            VALUES ($1, $2, $3, 'change', $4, $5, $6, $7, now() + $8 * interval '1 millisecond')
            ON CONFLICT DO NOTHING
            """;
    /** Only when auth service and record were equal before the change. */
    private static final String END_CHANGE = """
            DELETE FROM auth_outbox WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3 AND claimed_by = $4
              AND uncertain_until <= now() AND kind = 'change'
            """;

    private static final String END_CHANGE_AND_DELIVER_AGAIN = """
            UPDATE auth_outbox SET kind = 'restore', claimed_until = '-infinity', claimed_by = NULL, service_id = NULL,
                idempotency_key = NULL, attempts = 0, next_attempt_at = greatest(now(), uncertain_until)
            WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3 AND claimed_by = $4
            """;
    private static final String GIVE_UP_CHANGE = """
            UPDATE auth_outbox SET kind = 'restore', claimed_until = '-infinity', claimed_by = NULL, service_id = NULL,
                idempotency_key = NULL, next_attempt_at = now(),
                uncertain_until = greatest(uncertain_until, now() + $5 * interval '1 millisecond')
            WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3 AND claimed_by = $4
            """;
    private static final String MAKE_UNCERTAIN = """
            UPDATE auth_outbox SET kind = 'restore',
                uncertain_until = greatest(uncertain_until, now() + $4 * interval '1 millisecond')
            WHERE organization_id = $1 AND quota_id = $2 AND target_user_id = $3
            """;

    /** What a message is for. */
    public enum Kind {
        /** Makes a quota known, then leaves a {@link #GRANT} for each of its admins. */
        REGISTER,
        /** Tells for the first time what the quota's creation recorded for the target. */
        GRANT,
        /** A client's grant or revocation for the target is under way. */
        CHANGE,
        /** Makes the auth service hold for the target exactly what is recorded. */
        RESTORE;

        private String column() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * A message that this node has claimed.
     *
     * @param target whose grants it is about; null for a registration
     * @param attempts how often it failed before
     * @param claim names the claim
     */
    public record Claimed(
            String organizationId,
            long position,
            String quotaId,
            Kind kind,
            @Nullable String target,
            AuthMessage message,
            int attempts,
            UUID claim) {}

    private AuthOutboxRows() {}

    /** What the auth service is told of a new quota. */
    public record NewMessage(String organizationId, String quotaId, AuthMessage message) {}

    /** New messages, in the transaction that creates the quotas. Ring the doorbell once it is committed. */
    public static List<SqlWrite> messages(List<NewMessage> messages) {
        return messages.stream()
                .map(message -> new SqlWrite(
                        INSERT,
                        new String[] {message.organizationId()},
                        Tuple.tuple()
                                .addArrayOfString(new String[] {message.quotaId()})
                                .addArrayOfString(new String[] {write(message.message())})))
                .toList();
    }

    /** Organizations with something due; needs {@link SecurityScope#maintenance()}. */
    public static Future<List<String>> organizationsDue(DatabaseSession connection) {
        return connection.preparedQuery(ORGANIZATIONS_DUE).execute().map(rows -> {
            List<String> organizations = new ArrayList<>(rows.size());
            rows.forEach(row -> organizations.add(row.getString(0)));
            return organizations;
        });
    }

    /**
     * Claims what is due.
     *
     * @param claimMillis after which another node may try, unless the message is gone or postponed by then
     */
    public static Future<List<Claimed>> claimDue(
            DatabaseSession connection, String organizationId, long claimMillis, int limit) {
        return connection
                .preparedQuery(LOCK_DUE)
                .execute(Tuple.of(organizationId, (long) limit))
                .compose(locked -> claim(connection, organizationId, locked, claimMillis));
    }

    /** Claims the first registration of one quota, also before its next attempt is due; at most one. */
    public static Future<List<Claimed>> claimRegistration(
            DatabaseSession connection, String organizationId, String quotaId, long claimMillis) {
        return connection
                .preparedQuery(LOCK_REGISTRATION)
                .execute(Tuple.of(organizationId, quotaId))
                .compose(locked -> claim(connection, organizationId, locked, claimMillis));
    }

    /** Claims the message about one user of a quota, also before its next attempt is due; at most one. */
    public static Future<List<Claimed>> claimTarget(
            DatabaseSession connection, String organizationId, String quotaId, String target, long claimMillis) {
        return connection
                .preparedQuery(LOCK_TARGET)
                .execute(Tuple.of(organizationId, quotaId, target))
                .compose(locked -> claim(connection, organizationId, locked, claimMillis));
    }

    private static Future<List<Claimed>> claim(
            DatabaseSession connection, String organizationId, RowSet<Row> locked, long claimMillis) {
        if (locked.size() == 0) {
            return Future.succeededFuture(List.of());
        }
        List<Long> positions = new ArrayList<>();
        locked.forEach(row -> positions.add(row.getLong(0)));
        UUID claim = UUID.randomUUID();
        return connection
                .preparedQuery(CLAIM)
                .execute(Tuple.of(organizationId, positions.toArray(Long[]::new), (double) claimMillis, claim))
                .map(rows -> claimed(organizationId, claim, rows));
    }

    /** Whether a quota has still to be made known. */
    public static Future<Boolean> registrationPending(
            DatabaseSession connection, String organizationId, String quotaId) {
        return connection
                .preparedQuery(REGISTRATION_PENDING)
                .execute(Tuple.of(organizationId, quotaId))
                .map(rows -> rows.size() > 0);
    }

    /**
     * Removes a registration that was delivered, and leaves a message for each admin. A change that is under way for one of
     * them is told something else than what was recorded for that user: all of it is told after the change.
     *
     * @return false when somebody else has claimed it meanwhile
     */
    public static Future<Boolean> registered(DatabaseSession connection, Claimed claimed) {
        String message =
                onBehalfOf(claimed.message().userId(), claimed.message().teamIds());
        return affects(connection, DELETE_CLAIMED, of(claimed)).compose(mine -> {
            Future<Void> left = Future.succeededFuture();
            if (mine) {
                for (String admin : claimed.message().adminUserIds()) {
                    Tuple target = Tuple.of(claimed.organizationId(), claimed.quotaId(), admin);
                    left = left.compose(ignored -> leave(connection, Kind.GRANT, target, message, 0));
                }
            }
            return left.map(mine);
        });
    }

    /** Leaves a message about a target; one that is there already becomes a {@link Kind#RESTORE}. */
    private static Future<Void> leave(
            DatabaseSession connection, Kind kind, Tuple target, String message, long uncertainMillis) {
        Tuple values = Tuple.of(target.getString(0), target.getString(1), target.getString(2), kind.column(), message);
        return affects(connection, INSERT_FOR_TARGET, values)
                .compose(inserted -> inserted && uncertainMillis == 0
                        ? Future.succeededFuture()
                        : affects(connection, MAKE_UNCERTAIN, target.addDouble((double) uncertainMillis))
                                .mapEmpty());
    }

    /**
     * Removes a message about a target that was delivered; or keeps it, to be delivered once more, while an earlier call may
     * still take effect.
     *
     * @return false when somebody else has claimed it meanwhile: then nothing may be concluded from the delivery
     */
    public static Future<Boolean> delivered(DatabaseSession connection, Claimed claimed) {
        return affects(connection, DELETE_CLAIMED, of(claimed))
                .compose(deleted ->
                        deleted ? Future.succeededFuture(true) : affects(connection, DELIVER_AGAIN, of(claimed)));
    }

    /**
     * Gives a message back after a failure, to be tried again in {@code delayMillis}.
     *
     * @param uncertainMillis for how long what was told may still take effect; 0: it cannot
     */
    public static Future<Void> postpone(
            DatabaseSession connection, Claimed claimed, long delayMillis, long uncertainMillis) {
        return connection
                .preparedQuery(POSTPONE)
                .execute(of(claimed).addDouble((double) delayMillis).addDouble((double) uncertainMillis))
                .mapEmpty();
    }

    /** Gives a message back that was not even tried. */
    public static Future<Void> release(DatabaseSession connection, Claimed claimed) {
        return connection.preparedQuery(RELEASE).execute(of(claimed)).mapEmpty();
    }

    /**
     * Claims the grants of a change's target, and the change's idempotency key, before the auth service is told. Needs the
     * quota's lock.
     *
     * @param key null when the change has none
     * @return false while another change or a delivery is about the same target, or another change has the same key
     */
    public static Future<Boolean> beginChange(
            DatabaseSession connection, PermissionChange change, @Nullable OperationKey key, long claimMillis) {
        Future<Boolean> keyInUse = key == null ? Future.succeededFuture(false) : keyInUse(connection, key);
        Tuple values = target(change)
                .addString(onBehalfOf(change.caller().userId(), change.caller().teamIds()))
                .addString(key == null ? null : key.serviceId())
                .addString(key == null ? null : key.key())
                .addUUID(change.claim())
                .addDouble((double) claimMillis);
        return keyInUse.compose(inUse -> inUse
                ? Future.succeededFuture(false)
                : affects(connection, TAKE_OVER, values)
                        .compose(taken ->
                                taken ? Future.succeededFuture(true) : affects(connection, BEGIN_CHANGE, values)));
    }

    private static Future<Boolean> keyInUse(DatabaseSession connection, OperationKey key) {
        Tuple values = Tuple.of(key.organizationId(), key.serviceId(), key.key());
        return connection
                .preparedQuery(FREE_KEY)
                .execute(values)
                .compose(ignored -> connection.preparedQuery(KEY_IN_USE).execute(values))
                .map(rows -> rows.size() > 0);
    }

    /** Whether a change's claim holds for another {@code millis}. */
    public static Future<Boolean> stillClaimed(DatabaseSession connection, PermissionChange change, long millis) {
        return connection
                .preparedQuery(STILL_CLAIMED)
                .execute(target(change).addUUID(change.claim()).addDouble((double) millis))
                .map(rows -> rows.size() > 0);
    }

    /**
     * Ends a change that the auth service was told of, in the transaction that records it. When it took over a message that
     * was not delivered, that message stays: a change tells no more than itself.
     *
     * @return false when its claim was lost: then it must not be recorded
     */
    public static Future<Boolean> endChange(DatabaseSession connection, PermissionChange change) {
        return affects(connection, END_CHANGE, target(change).addUUID(change.claim()))
                .compose(ended -> ended
                        ? Future.succeededFuture(true)
                        : affects(
                                connection,
                                END_CHANGE_AND_DELIVER_AGAIN,
                                target(change).addUUID(change.claim())));
    }

    /**
     * Ends a change that the auth service refused: it holds what it held before. When that may differ from what is recorded,
     * the message stays, to be delivered.
     */
    public static Future<Void> endRefusedChange(DatabaseSession connection, PermissionChange change) {
        return affects(connection, END_CHANGE, target(change).addUUID(change.claim()))
                .compose(ended -> ended ? Future.succeededFuture() : giveUpChange(connection, change, 0));
    }

    /**
     * Ends a change that is not recorded: the auth service is to be told again what is recorded, at once.
     *
     * @param uncertainMillis for how long what was told may still take effect; 0: nothing is under way
     */
    public static Future<Void> giveUpChange(DatabaseSession connection, PermissionChange change, long uncertainMillis) {
        return affects(
                        connection,
                        GIVE_UP_CHANGE,
                        target(change).addUUID(change.claim()).addDouble((double) uncertainMillis))
                .compose(mine -> mine || uncertainMillis == 0
                        ? Future.succeededFuture()
                        // What it told may come after what others told: what is recorded is told after that.
                        : leave(
                                connection,
                                Kind.RESTORE,
                                target(change),
                                onBehalfOf(
                                        change.caller().userId(),
                                        change.caller().teamIds()),
                                uncertainMillis));
    }

    private static Tuple target(PermissionChange change) {
        return Tuple.of(change.caller().organizationId(), change.resourceId(), change.targetUserId());
    }

    private static Tuple of(Claimed claimed) {
        return Tuple.of(claimed.organizationId(), claimed.position(), claimed.claim());
    }

    private static Future<Boolean> affects(DatabaseSession connection, String sql, Tuple values) {
        return connection.preparedQuery(sql).execute(values).map(rows -> rows.rowCount() > 0);
    }

    private static List<Claimed> claimed(String organizationId, UUID claim, RowSet<Row> rows) {
        List<Claimed> list = new ArrayList<>(rows.size());
        for (Row row : rows) {
            Kind kind = Kind.valueOf(row.getString("kind").toUpperCase(Locale.ROOT));
            JsonObject message = new JsonObject(row.getString("message"));
            list.add(new Claimed(
                    organizationId,
                    row.getLong("position"),
                    row.getString("quota_id"),
                    kind,
                    row.getString("target_user_id"),
                    read(message),
                    row.getInteger("attempts"),
                    claim));
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

    /** A message about a target: what is told is read when it is delivered, so it names only who asked for the change. */
    private static String onBehalfOf(String userId, List<String> teamIds) {
        return new JsonObject()
                .put("user_id", userId)
                .put("team_ids", new JsonArray(teamIds))
                .encode();
    }

    private static AuthMessage read(JsonObject json) {
        return new AuthMessage(
                json.getString("user_id"),
                strings(json.getJsonArray("team_ids")),
                json.getString("display_name", ""),
                json.getString("description", ""),
                strings(json.getJsonArray("admin_user_ids", new JsonArray())));
    }

    private static List<String> strings(JsonArray array) {
        return array.stream().map(String.class::cast).toList();
    }
}
