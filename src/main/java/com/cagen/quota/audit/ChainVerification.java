package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.FormerAuditRows;
import com.cagen.quota.storage.rows.SealRows;
import com.cagen.quota.storage.rows.SealedRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Walks the audit chains of a database from their beginnings, a page at a time, and names the first entry that is wrong. */
public final class ChainVerification {
    private static final int PAGE = 1_000;
    /** Seals are read until they have so many entries. */
    private static final int ENTRIES = 2_000;

    /** Chains that are walked at the same time: PostgreSQL reads one while the hashes of another are made. */
    private static final int LANES = 2;

    private final Database database;
    private final int lane;
    private long organizations;
    private long entries;

    /** @param lane from 0; each has organizations of its own */
    private ChainVerification(Database database, int lane) {
        this.database = database;
        this.lane = lane;
    }

    /** An entry that does not fit: {@code seq} is its place, or the place where one is missing. */
    public record Bad(String organizationId, long seq, String why) {}

    /** @param firstBad null when all chains are whole */
    public record Report(
            long organizations, long entries, @Nullable Bad firstBad) {}

    /** Only reads; may run while the service works. Of several chains that are broken it names the first one, by organization. */
    public static Future<Report> run(Database database) {
        return Future.all(IntStream.range(0, LANES)
                        .mapToObj(lane -> new ChainVerification(database, lane).run())
                        .toList())
                .map(lanes -> lanes.<Report>list().stream()
                        .reduce(ChainVerification::merge)
                        .orElseThrow());
    }

    private static Report merge(Report one, Report other) {
        Bad first = Stream.of(one, other)
                .map(Report::firstBad)
                .filter(Objects::nonNull)
                .min(Comparator.comparing(Bad::organizationId))
                .orElse(null);
        return new Report(one.organizations + other.organizations, one.entries + other.entries, first);
    }

    private Future<Report> run() {
        return from("").map(bad -> new Report(organizations, entries, bad.isEmpty() ? null : bad.get(0)));
    }

    private boolean isOwn(String organization) {
        return Math.floorMod(organization.hashCode(), LANES) == lane;
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
                        if (isOwn(each)) {
                            found = found.compose(bad -> bad.isEmpty() ? walk(each) : Future.succeededFuture(bad));
                        }
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
                .compose(heads ->
                        former(organization, Objects.requireNonNull(heads.get(organization)), new HashChain()));
    }

    /** The entries from before there was a journal. */
    private Future<List<Bad>> former(String organization, ChainRows.Head head, HashChain chain) {
        return database.transaction(
                        SecurityScope.organization(organization),
                        connection -> FormerAuditRows.chain(connection, organization, chain.seq(), PAGE))
                .compose(page -> {
                    for (SealedEntry entry : page) {
                        Bad bad = check(organization, head, chain, entry);
                        if (bad != null) {
                            return Future.succeededFuture(List.of(bad));
                        }
                        entries++;
                    }
                    if (page.size() == PAGE) {
                        return former(organization, head, chain);
                    }
                    return seals(new SealWalk(organization, head, chain.head(), read(organization, chain.seq())));
                });
    }

    /** How far the seals of one chain were checked. */
    private static final class SealWalk {
        final String organization;
        final ChainRows.Head head;
        final QuotaIndexDigest index = new QuotaIndexDigest();
        ChainRows.Head end;
        /** The next page. Kept here alone: what a future's handlers refer to is kept until the whole walk ends. */
        Future<List<SealedRows.StoredSeal>> reading;

        SealWalk(
                String organization,
                ChainRows.Head head,
                ChainRows.Head end,
                Future<List<SealedRows.StoredSeal>> reading) {
            this.organization = organization;
            this.head = head;
            this.end = end;
            this.reading = reading;
        }

        Bad bad(long seq, String why) {
            return new Bad(organization, seq, why);
        }
    }

    private Future<List<SealedRows.StoredSeal>> read(String organization, long afterSeq) {
        return database.transaction(
                SecurityScope.organization(organization),
                connection -> SealedRows.chain(connection, organization, afterSeq, ENTRIES));
    }

    private Future<List<Bad>> seals(SealWalk walk) {
        return walk.reading.compose(page -> {
            if (page.isEmpty()) {
                return walk.end.seq() < walk.head.seq()
                        ? Future.succeededFuture(List.of(walk.bad(
                                walk.end.seq() + 1, "the chain ends before its head, which is " + walk.head.seq())))
                        : beyond(walk);
            }
            // The next page is read while this one is checked.
            walk.reading = read(walk.organization, page.get(page.size() - 1).lastSeq());
            return Objects.requireNonNull(Vertx.currentContext())
                    .executeBlocking(() -> check(walk, page), false)
                    .compose(bad -> bad.isEmpty()
                            ? seals(walk)
                            : walk.reading.transform(ignored -> Future.succeededFuture(bad)));
        });
    }

    /** On a worker thread. */
    private List<Bad> check(SealWalk walk, List<SealedRows.StoredSeal> page) {
        for (SealedRows.StoredSeal seal : page) {
            Bad bad = check(walk, seal);
            if (bad != null) {
                return List.of(bad);
            }
        }
        return List.of();
    }

    /** Seals the journal's rows once more, and compares. */
    private @Nullable Bad check(SealWalk walk, SealedRows.StoredSeal stored) {
        long expected = walk.end.seq() + 1;
        if (stored.firstSeq() != expected) {
            return walk.bad(expected, "the entry is missing");
        }
        if (!HashChain.knows(stored.format())) {
            return walk.bad(expected, "this release knows no format " + stored.format());
        }
        SealBuilder builder = new SealBuilder(walk.organization, walk.end, stored.format());
        for (SealedRows.StoredRow row : stored.rows()) {
            List<AuditEntry> some = row.entries();
            if (some == null) {
                return walk.bad(builder.head().seq() + 1, "the journal does not have the entry");
            }
            builder.add(row.position(), some);
        }
        SealRows.Seal seal = builder.seal();
        byte[] hashes = seal.hashes().getBytes();
        int different = Arrays.mismatch(hashes, stored.hashes().getBytes());
        if (different >= 0) {
            return walk.bad(expected + different / HashChain.HASH_BYTES, "the hash does not fit the entry");
        }
        if (seal.lastSeq() != stored.lastSeq()) {
            return walk.bad(stored.lastSeq(), "the seal ends at another entry");
        }
        if (walk.head.seq() > walk.end.seq() && walk.head.seq() <= seal.lastSeq()) {
            int place = (int) (walk.head.seq() - expected) * HashChain.HASH_BYTES;
            if (!Arrays.equals(
                    hashes,
                    place,
                    place + HashChain.HASH_BYTES,
                    walk.head.hash().getBytes(),
                    0,
                    HashChain.HASH_BYTES)) {
                return walk.bad(walk.head.seq(), "the chain's head has another hash");
            }
        }
        seal.quotas().forEach(quota -> walk.index.add(quota.quotaId(), seal.lastSeq(), quota.rows()));
        walk.end = builder.head();
        entries += seal.lastSeq() - seal.firstSeq() + 1;
        return null;
    }

    /** An entry is committed together with the head that it becomes, so what came meanwhile is no further than the head now. */
    private Future<List<Bad>> beyond(SealWalk walk) {
        return database.transaction(
                        SecurityScope.organization(walk.organization),
                        connection -> ChainRows.read(connection, walk.organization))
                .compose(heads -> {
                    ChainRows.Head now = heads.getOrDefault(walk.organization, walk.head);
                    return walk.end.seq() > now.seq()
                            ? Future.succeededFuture(
                                    List.of(walk.bad(now.seq() + 1, "the entry lies beyond the chain's head")))
                            : strays(walk);
                });
    }

    /** Whether the journal has rows that no seal names. */
    private Future<List<Bad>> strays(SealWalk walk) {
        return database.transaction(
                        SecurityScope.organization(walk.organization),
                        connection -> SealedRows.strays(connection, walk.organization))
                .compose(strays -> strays != 0
                        ? Future.succeededFuture(List.of(walk.bad(
                                walk.end.seq() + 1, "the journal has rows without a place in the chain: " + strays)))
                        : index(walk, new QuotaIndexDigest(), SealedRows.StoredQuota.BEFORE_ALL));
    }

    /** Whether the trail of each quota lists what its entries say. */
    private Future<List<Bad>> index(SealWalk walk, QuotaIndexDigest stored, SealedRows.StoredQuota after) {
        return database.transaction(
                        SecurityScope.organization(walk.organization),
                        connection -> SealedRows.quotas(connection, walk.organization, after, walk.end.seq(), PAGE))
                .compose(page -> {
                    page.forEach(quota -> stored.add(quota.quotaId(), quota.lastSeq(), quota.rows()));
                    if (page.size() == PAGE) {
                        return index(walk, stored, page.get(PAGE - 1));
                    }
                    return Future.succeededFuture(
                            stored.sameAs(walk.index)
                                    ? List.of()
                                    : List.of(walk.bad(
                                            1, "the entries that are listed for a quota are not those about it")));
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
        byte[] hash = chain.seal(stored.entry(), stored.format()).hash().getBytes();
        if (!Arrays.equals(hash, HexFormat.of().parseHex(stored.hash()))) {
            return new Bad(organization, expected, "the hash does not fit the entry");
        }
        if (expected == head.seq() && !Arrays.equals(hash, head.hash().getBytes())) {
            return new Bad(organization, expected, "the chain's head has another hash");
        }
        return null;
    }
}
