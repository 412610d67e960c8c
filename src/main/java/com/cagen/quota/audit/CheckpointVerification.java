package com.cagen.quota.audit;

import com.cagen.quota.config.Config;
import com.cagen.quota.storage.AuditRows;
import com.cagen.quota.storage.ChainRows;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.Scope;
import io.vertx.core.Future;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Holds the database against a file of signed checkpoints, a few hundred lines at a time. Finds what the chains alone cannot
 * show: a tail cut off together with the head, a chain recomputed, an organization gone. Blocks; not for event loops.
 */
public final class CheckpointVerification {
    private static final int PAGE = 500;
    private static final int MAX_LINE_CHARS = 16 * 1024;

    private final Database database;
    private final Path file;
    private final Checkpoint.Key key;
    private final List<Checkpoint> page = new ArrayList<>();
    private long checkpoints;
    private String previous = Checkpoint.FIRST;

    private CheckpointVerification(Database database, Path file, Checkpoint.Key key) {
        this.database = database;
        this.file = file;
        this.key = key;
    }

    /**
     * @param checkpoints that were found right
     * @param firstBad what is wrong, naming organization and entry, or the file and line; null when all is right
     */
    public record Report(long checkpoints, @Nullable String firstBad) {}

    /**
     * Only reads; may run while the service works.
     *
     * @param config says with which key the file was signed
     * @throws IOException when the file cannot be read
     */
    public static Report run(Database database, Path file, Config config) throws IOException {
        CheckpointVerification verification =
                new CheckpointVerification(database, file, new Checkpoint.Key(config.secretKey()));
        String firstBad = verification.read();
        return new Report(verification.checkpoints, firstBad);
    }

    /** Where the service writes its checkpoints. */
    public static Path defaultFile(Config config) {
        return Checkpoints.path(config);
    }

    private @Nullable String read() throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            long number = 0;
            long torn = 0;
            for (String line = nextLine(reader); line != null; line = nextLine(reader)) {
                number++;
                Checkpoint.Line text = new Checkpoint.Line(line.stripTrailing());
                if (text.mac() == null) {
                    torn = line.endsWith("\n") && torn == 0 ? number : torn;
                    continue; // a power cut's, if the next one follows the one before
                }
                Checkpoint checkpoint = text.open(key, previous);
                if (checkpoint == null) {
                    return file + ", line " + (torn > 0 ? torn : number)
                            + ": the signature does not fit: a line was changed, added or removed here";
                }
                torn = 0;
                previous = Objects.requireNonNull(text.mac());
                page.add(checkpoint);
                String bad = page.size() == PAGE ? comparePage() : null;
                if (bad != null) {
                    return bad;
                }
            }
            String bad = comparePage();
            return bad != null || torn == 0 ? bad : file + ", line " + torn + ": not a checkpoint";
        }
    }

    /** With its end, which the last one may lack. */
    private static @Nullable String nextLine(BufferedReader reader) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = reader.read(); c >= 0; c = reader.read()) {
            if (line.length() < MAX_LINE_CHARS || c == '\n') {
                line.append((char) c);
            }
            if (c == '\n') {
                break;
            }
        }
        return line.isEmpty() ? null : line.toString();
    }

    /** Of one organization. */
    private record Stored(Map<Long, String> hashes, ChainRows.@Nullable Head head) {}

    private Stored stored(String organization, Set<Long> seqs) {
        return await(database.transaction(
                Scope.organization(organization), connection -> AuditRows.hashes(connection, organization, seqs)
                        .compose(hashes -> ChainRows.read(connection, organization)
                                .map(heads -> new Stored(hashes, heads.get(organization))))));
    }

    private @Nullable String comparePage() {
        Map<String, Set<Long>> seqs = new HashMap<>();
        page.forEach(each -> seqs.computeIfAbsent(each.organizationId(), ignored -> new HashSet<>())
                .add(each.seq()));
        Map<String, Stored> stored = new HashMap<>();
        seqs.forEach((organization, some) -> stored.put(organization, stored(organization, some)));
        for (Checkpoint checkpoint : page) {
            Stored of = Objects.requireNonNull(stored.get(checkpoint.organizationId()));
            String bad = compare(checkpoint, of.hashes().get(checkpoint.seq()), of.head());
            if (bad != null) {
                return bad;
            }
            checkpoints++;
        }
        page.clear();
        return null;
    }

    private static @Nullable String compare(
            Checkpoint checkpoint, @Nullable String hash, ChainRows.@Nullable Head head) {
        if (checkpoint.hash().equals(hash)) {
            return null;
        }
        String organization = "organization " + checkpoint.organizationId();
        String signed = "the checkpoint of " + checkpoint.time() + " has entry " + checkpoint.seq();
        if (head == null) {
            return organization + ", entry 1: the organization is gone; " + signed;
        }
        if (head.seq() < checkpoint.seq()) {
            return organization + ", entry " + (head.seq() + 1) + ": the end of the chain is missing; " + signed;
        }
        return organization + ", entry " + checkpoint.seq()
                + (hash == null ? ": the entry is missing; " : ": it, or one before it, was rewritten; ") + signed
                + (hash == null ? "" : " with another hash");
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(1, TimeUnit.MINUTES);
        } catch (TimeoutException e) {
            throw new IllegalStateException("the database does not answer", e);
        }
    }
}
