package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.SealRows;
import com.cagen.quota.storage.rows.UsageMinutes;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Gives the oldest unsealed entries of many organizations their places in the chains, in one transaction of three pipelined round
 * trips: lock the heads of the chains; read the journal; write and commit. Two nodes never write to one chain at the same time, as
 * the lock on its head keeps one of them out. Any number of nodes may try: each takes the heads that are free.
 */
final class Sealing {
    /** The most entries that one transaction seals. An entry has about 600 bytes. The last row may exceed it by a batch. */
    private static final int MAX_ENTRIES = 4_000;
    /**
     * The most text that one transaction reads, in bytes, unless its first row alone is larger. The text is held several times, as
     * characters and fields.
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
        // Decoding and hashing thousands of entries takes tens of milliseconds: no request shall wait for that.
        return Vertx.currentContext()
                .executeBlocking(() -> Sealed.of(heads, waiting), false)
                .compose(done -> {
                    // Before the commit: the changes themselves are committed facts. When this node is killed now,
                    // the rows are sealed and published again, so an event is published at least once.
                    publish.accept(done.entries);
                    List<SqlWrite> writes = new ArrayList<>(SealRows.writes(
                            done.seals.values().stream().map(SealBuilder::seal).toList(), HashChain.FORMAT));
                    writes.addAll(UsageMinutes.writes(done.seals.values().stream()
                            .flatMap(seal -> seal.minutes().stream())
                            .toList()));
                    Map<String, ChainRows.Head> newHeads = new LinkedHashMap<>();
                    done.seals.forEach((organization, seal) -> newHeads.put(organization, seal.head()));
                    writes.add(ChainRows.deleteUnsealed(waiting));
                    writes.add(ChainRows.updateHeads(newHeads));
                    return connection.commit(connection.write(writes)).map(done.entries.size());
                });
    }

    /** Entries that have their places, and the seals of the organizations. */
    private record Sealed(List<AuditEntry> entries, Map<String, SealBuilder> seals) {
        static Sealed of(Map<String, ChainRows.Head> heads, List<ChainRows.WaitingRow> waiting) {
            Sealed done = new Sealed(new ArrayList<>(), new LinkedHashMap<>());
            for (ChainRows.WaitingRow row : waiting) {
                String organization = row.organizationId();
                List<AuditEntry> some = JournalRows.decode(organization, row.entries());
                done.seals
                        .computeIfAbsent(
                                organization,
                                ignored -> new SealBuilder(organization, head(heads, organization), HashChain.FORMAT))
                        .add(row.position(), some);
                done.entries.addAll(some);
            }
            return done;
        }
    }

    private static int halved(int number, int times) {
        return Math.max(1, number >> times);
    }

    private static ChainRows.Head head(Map<String, ChainRows.Head> heads, String organization) {
        ChainRows.Head head = heads.get(organization);
        if (head == null) {
            throw new IllegalStateException("a row came of an organization that was not asked for");
        }
        return head;
    }
}
