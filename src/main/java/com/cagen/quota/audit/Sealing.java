package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.AuditRows;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.OutboxRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Seals the oldest outbox rows of many organizations in one transaction of three pipelined round trips: lock the chains'
 * heads; read the outbox; write and commit. The locks are the fence: any number of nodes may try at once, each takes what
 * nobody else holds.
 */
final class Sealing {
    /** Of about 600 bytes each: what a transaction should send and hold. The last row may exceed it, by a batch. */
    private static final int MAX_ENTRIES = 2_000;
    /**
     * Of outbox text that one transaction reads, unless its first row alone is larger. On its way into the trail the text is
     * held about ten times, as characters, fields and parameters.
     */
    static final int MAX_BYTES = 4 * 1024 * 1024;
    /** Each organization may give this many rows even when all of them are small. */
    private static final int MIN_ROWS = 64;
    /** After so many a transaction takes one row. */
    static final int MAX_HALVINGS = 11;

    private final Database database;
    private final Consumer<List<AuditEntry>> publish;

    /** @param publish gets entries in order, before they are committed to the trail, and must not throw */
    Sealing(Database database, Consumer<List<AuditEntry>> publish) {
        this.database = database;
        this.publish = publish;
    }

    /**
     * @param organizations a hundred or so; rows are taken from each in turn, in this order
     * @param halvings how often the limits are halved, from 0 to {@link #MAX_HALVINGS}
     * @return how many entries were sealed, 0 when others hold all chains; fails as {@link Database} does
     */
    Future<Integer> run(List<String> organizations, int halvings) {
        return database.connection().compose(connection -> lock(connection, organizations)
                .compose(heads -> seal(connection, organizations, heads, halvings))
                .recover(failure ->
                        connection.rollback().transform(ignored -> Future.failedFuture(Database.asRefusal(failure))))
                .eventually(connection::close));
    }

    private static Future<Map<String, ChainRows.Head>> lock(DatabaseSession connection, List<String> organizations) {
        Future<?> begun = connection.begin(SecurityScope.organizations(organizations));
        Future<Map<String, ChainRows.Head>> locked = ChainRows.lock(connection, organizations);
        return Future.all(begun, locked).map(ignored -> locked.result());
    }

    private Future<Integer> seal(
            DatabaseSession connection, List<String> organizations, Map<String, ChainRows.Head> heads, int halvings) {
        if (heads.isEmpty()) {
            return connection.commit(Future.succeededFuture()).map(0);
        }
        ChainRows.Limit limit = new ChainRows.Limit(
                halved(Math.max(MIN_ROWS, MAX_ENTRIES / heads.size()), halvings),
                halved(MAX_ENTRIES, halvings),
                halved(MAX_BYTES, halvings));
        List<String> locked = organizations.stream().filter(heads::containsKey).toList();
        return ChainRows.waiting(connection, locked, limit)
                .compose(waiting -> waiting.isEmpty()
                        ? connection.commit(Future.succeededFuture()).map(0)
                        : seal(connection, heads, waiting));
    }

    private Future<Integer> seal(
            DatabaseSession connection, Map<String, ChainRows.Head> heads, List<ChainRows.WaitingRow> waiting) {
        Map<String, HashChain> chains = new HashMap<>();
        List<AuditEntry> entries = new ArrayList<>();
        List<ChainRows.Head> places = new ArrayList<>();
        Map<String, ChainRows.Head> newHeads = new LinkedHashMap<>();
        for (ChainRows.WaitingRow row : waiting) {
            String organization = row.organizationId();
            HashChain chain = chains.computeIfAbsent(organization, ignored -> new HashChain(head(heads, organization)));
            for (AuditEntry entry : OutboxRows.decode(organization, row.entries())) {
                entries.add(entry);
                places.add(chain.seal(entry));
            }
            newHeads.put(organization, chain.head());
        }
        // Before the commit: the changes themselves are committed facts, and when this node is killed now, it leaves
        // the
        // rows to be sealed and published again. At least once, then, never not at all.
        publish.accept(entries);
        Future<?> written = connection.write(List.of(
                AuditRows.entries(entries, places, HashChain.FORMAT),
                ChainRows.forgotten(waiting),
                ChainRows.heads(newHeads)));
        return connection.commit(written).map(entries.size());
    }

    private static int halved(int number, int times) {
        return Math.max(1, number >> times);
    }

    private static ChainRows.Head head(Map<String, ChainRows.Head> heads, String organization) {
        ChainRows.Head head = heads.get(organization);
        if (head == null) {
            throw new IllegalStateException("an outbox row came of an organization that was not asked for");
        }
        return head;
    }
}
