package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.AuditRows;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Walks the audit chains of a database from their beginnings, a page at a time, and names the first entry that is wrong. */
public final class ChainVerification {
    private static final int PAGE = 1_000;

    private final Database database;
    private long organizations;
    private long entries;

    private ChainVerification(Database database) {
        this.database = database;
    }

    /** An entry that does not fit: {@code seq} is its place, or the place where one is missing. */
    public record Bad(String organizationId, long seq, String why) {}

    /** @param firstBad null when all chains are whole */
    public record Report(
            long organizations, long entries, @Nullable Bad firstBad) {}

    /** Only reads; may run while the service works. */
    public static Future<Report> run(Database database) {
        ChainVerification verification = new ChainVerification(database);
        return verification
                .from("")
                .map(bad -> new Report(
                        verification.organizations, verification.entries, bad.isEmpty() ? null : bad.get(0)));
    }

    /** A list of one bad entry, or an empty one. */
    private Future<List<Bad>> from(String organization) {
        return database.transaction(
                        SecurityScope.maintenance(), connection -> ChainRows.headsAfter(connection, organization, PAGE))
                .map(heads -> List.copyOf(heads.keySet()))
                .compose(next -> {
                    if (next.isEmpty()) {
                        return Future.succeededFuture(List.of());
                    }
                    Future<List<Bad>> found = Future.succeededFuture(List.of());
                    for (String each : next) {
                        found = found.compose(bad -> bad.isEmpty() ? walk(each) : Future.succeededFuture(bad));
                    }
                    return found.compose(
                            bad -> bad.isEmpty() ? from(next.get(next.size() - 1)) : Future.succeededFuture(bad));
                });
    }

    private Future<List<Bad>> walk(String organization) {
        organizations++;
        // The head first: entries that come while we walk lie beyond it and are checked as far as they go.
        return database.transaction(
                        SecurityScope.organization(organization),
                        connection -> ChainRows.read(connection, organization))
                .compose(heads -> page(organization, Objects.requireNonNull(heads.get(organization)), new HashChain()));
    }

    private Future<List<Bad>> page(String organization, ChainRows.Head head, HashChain chain) {
        return database.transaction(
                        SecurityScope.organization(organization),
                        connection -> AuditRows.chain(connection, organization, chain.seq(), PAGE))
                .compose(page -> {
                    for (SealedEntry entry : page) {
                        Bad bad = check(organization, head, chain, entry);
                        if (bad != null) {
                            return Future.succeededFuture(List.of(bad));
                        }
                        entries++;
                    }
                    if (page.size() == PAGE) {
                        return page(organization, head, chain);
                    }
                    return chain.seq() < head.seq()
                            ? Future.succeededFuture(List.of(new Bad(
                                    organization,
                                    chain.seq() + 1,
                                    "the chain ends before its head, which is " + head.seq())))
                            : beyond(organization, head, chain);
                });
    }

    /** An entry is committed together with the head that it becomes, so what came meanwhile is no further than the head now. */
    private Future<List<Bad>> beyond(String organization, ChainRows.Head head, HashChain chain) {
        if (chain.seq() == head.seq()) {
            return Future.succeededFuture(List.of());
        }
        return database.transaction(
                        SecurityScope.organization(organization),
                        connection -> ChainRows.read(connection, organization))
                .map(heads -> {
                    ChainRows.Head now = heads.getOrDefault(organization, head);
                    return chain.seq() > now.seq()
                            ? List.of(new Bad(organization, now.seq() + 1, "the entry lies beyond the chain's head"))
                            : List.of();
                });
    }

    private static @Nullable Bad check(String organization, ChainRows.Head head, HashChain chain, SealedEntry stored) {
        long expected = chain.seq() + 1;
        if (stored.seq() != expected) {
            return new Bad(organization, expected, "the entry is missing");
        }
        if (!HashChain.knows(stored.format())) {
            return new Bad(organization, expected, "this release knows no format " + stored.format());
        }
        if (!HexFormat.of()
                .formatHex(chain.seal(stored.entry(), stored.format()).hash().getBytes())
                .equals(stored.hash())) {
            return new Bad(organization, expected, "the hash does not fit the entry");
        }
        if (expected == head.seq()
                && !HexFormat.of().formatHex(head.hash().getBytes()).equals(stored.hash())) {
            return new Bad(organization, expected, "the chain's head has another hash");
        }
        return null;
    }
}
