package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a quota used and reserved at a moment: what its newest change before it left, in the journal. Its changes are in the order of
 * versions and times there, whatever the clocks of other entries say. Used once.
 */
final class FiguresThen {
    private static final int ROWS_AT_ONCE = 20;

    /**
     * The number of the seal with the quota's first change after $3; null when there is none between the entries $4 and $5, which
     * are from well before it and well after it.
     */
    private static final String SEAL_AFTER = """
            SELECT min(last_seq) FROM (
                SELECT x.last_seq FROM quota.seal_quotas x
                WHERE x.organization_id = $1 AND x.quota_id = $2 AND x.last_seq > $4 AND x.last_seq <= $5
                  AND x.changed_at > $3
                ORDER BY x.last_seq LIMIT 1) AS first_one
            """;

    /** Rows with changes of the quota from $5 on, of the seals up to the number $3, and from before the entry $4. Newest first. */
    private static final String CHANGES = """
            SELECT x.last_seq, q.first_seq, j.entries FROM (
                SELECT x.last_seq, x.positions, x.first_seqs FROM quota.seal_quotas x
                WHERE x.organization_id = $1 AND x.quota_id = $2 AND x.last_seq <= $3 AND x.changed_at >= $5
                ORDER BY x.last_seq DESC LIMIT $6::bigint) AS x
            CROSS JOIN LATERAL unnest(x.positions, x.first_seqs) AS q (position, first_seq)
            CROSS JOIN LATERAL (
                SELECT entries FROM quota.journal
                WHERE organization_id = $1 AND position = q.position OFFSET 0) AS j
            WHERE q.first_seq < $4
            ORDER BY q.first_seq DESC LIMIT $6::bigint
            """;

    private final DatabaseSession connection;
    private final Quota state;
    private final Instant moment;

    private FiguresThen(DatabaseSession connection, Quota state, Instant moment) {
        this.connection = connection;
        this.state = state;
        this.moment = moment;
    }

    /**
     * @param state of the quota, the newest one at the moment
     * @return the same with what was used and reserved
     */
    static Future<Quota> find(DatabaseSession connection, Quota state, Instant moment) {
        FiguresThen search = new FiguresThen(connection, state, moment);
        // These first: what is sealed in between is found twice, and not missed.
        return search.unsealed(Long.MAX_VALUE)
                .compose(found -> found != null ? Future.succeededFuture(found) : search.sealed())
                .map(found -> found != null ? found : state);
    }

    private Future<@Nullable Quota> unsealed(long before) {
        return SealedRows.unsealedNewestFirst(connection, state.organizationId(), before)
                .compose(page -> {
                    for (SealedRows.JournalRow row : page.rows()) {
                        Quota found = newest(row.entries());
                        if (found != null) {
                            return Future.succeededFuture(found);
                        }
                    }
                    return page.more()
                            ? unsealed(page.rows().get(page.rows().size() - 1).position())
                            : Future.succeededFuture();
                });
    }

    private Future<@Nullable Quota> sealed() {
        String organization = state.organizationId();
        Future<SealedRows.Place> since =
                SealedRows.place(connection, organization, moment.minus(MomentSearch.CLOCKS_APART));
        Future<SealedRows.Place> until =
                SealedRows.place(connection, organization, moment.plus(MomentSearch.CLOCKS_APART));
        return Future.all(since, until)
                .compose(ignored -> connection
                        .preparedQuery(SEAL_AFTER)
                        .execute(Tuple.of(
                                organization,
                                state.id(),
                                QuotaRows.utc(moment),
                                since.result().after(),
                                until.result().before())))
                .compose(rows -> {
                    Long after = rows.iterator().next().getLong(0);
                    return sealed(after != null ? after : until.result().before(), Long.MAX_VALUE);
                });
    }

    private Future<@Nullable Quota> sealed(long lastSeq, long beforeSeq) {
        return connection
                .preparedQuery(CHANGES)
                .execute(Tuple.of(
                        state.organizationId(), state.id(), lastSeq, beforeSeq, QuotaRows.utc(state.updatedAt()), (long)
                                ROWS_AT_ONCE))
                .compose(rows -> {
                    Row last = null;
                    for (Row row : rows) {
                        Quota found = newest(JournalRows.decode(state.organizationId(), row.getString(2)));
                        if (found != null) {
                            return Future.succeededFuture(found);
                        }
                        last = row;
                    }
                    return last == null ? Future.succeededFuture() : sealed(last.getLong(0), last.getLong(1));
                });
    }

    /** What the newest of the quota's changes before the moment left; null when there is none after the state. */
    private @Nullable Quota newest(List<AuditEntry> entries) {
        for (int i = entries.size() - 1; i >= 0; i--) {
            AuditEntry entry = entries.get(i);
            Long version = entry.quotaVersion();
            if (version != null
                    && version > state.version()
                    && state.id().equals(entry.quotaId())
                    && !entry.createdAt().isAfter(moment)) {
                Quota found = newest(entry);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private @Nullable Quota newest(AuditEntry entry) {
        JsonArray changes = new JsonObject(entry.details()).getJsonArray("changes", new JsonArray());
        for (int i = changes.size() - 1; i >= 0; i--) {
            JsonObject change = changes.getJsonObject(i);
            long version = change.getLong("version");
            Long usedMb = change.getJsonObject("after").getLong("used_mb");
            if (state.id().equals(change.getString("quota_id")) && version > state.version() && usedMb != null) {
                long reservedMb = change.getJsonObject("after").getLong("reserved_mb");
                return state.used(usedMb, reservedMb, version, entry.createdAt());
            }
        }
        return null;
    }
}
