package com.cagen.quota.audit;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.SigningKey;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.storage.rows.AuditTrail;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
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
    private final Keys keys;
    private final List<Checkpoint> page = new ArrayList<>();
    private long checkpoints;
    private long oldFormat;
    private boolean newFormat;
    private String previous = Checkpoint.FIRST;

    private CheckpointVerification(Database database, Path file, Keys keys) {
        this.database = database;
        this.file = file;
        this.keys = keys;
    }

    /** What lines may be signed with. */
    public static final class Keys {
        private final Map<String, VerifyingKey> byId = new HashMap<>();
        private final Checkpoint.@Nullable OldKey old;

        private Keys(Collection<VerifyingKey> keys, Checkpoint.@Nullable OldKey old) {
            keys.forEach(key -> byId.put(key.id(), key));
            this.old = old;
        }

        /** These alone, and no secret: lines of earlier releases are passed over. */
        public static Keys publicOnly(Collection<VerifyingKey> keys) {
            return new Keys(keys, null);
        }

        /**
         * The node's own key, when it has one, and that of earlier releases. Blocks.
         *
         * @throws IOException when the key is there but cannot be read
         */
        public static Keys of(Config config) throws IOException {
            SigningKey key = SigningKey.ifKnown(config);
            return new Keys(
                    key == null ? List.of() : List.of(key.verifyingKey()), new Checkpoint.OldKey(config.secretKey()));
        }
    }

    /**
     * @param checkpoints that were found right
     * @param oldFormat lines in the format of earlier releases: among the right ones, or passed over without that key
     * @param firstBad what is wrong, naming organization and entry, or the file and line; null when all is right
     */
    public record Report(
            long checkpoints, long oldFormat, @Nullable String firstBad) {}

    /**
     * Only reads; may run while the service works.
     *
     * @throws IOException when the file cannot be read
     */
    public static Report run(Database database, Path file, Keys keys) throws IOException {
        CheckpointVerification verification = new CheckpointVerification(database, file, keys);
        String firstBad = verification.read();
        return new Report(verification.checkpoints, verification.oldFormat, firstBad);
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
                if (text.seal() == null) {
                    torn = line.endsWith("\n") && torn == 0 ? number : torn;
                    continue; // a power cut's, if the next one follows the one before
                }
                String problem = take(text);
                if (problem != null) {
                    return file + ", line " + (torn > 0 ? torn : number) + ": " + problem;
                }
                torn = 0;
                previous = Objects.requireNonNull(text.seal());
                String bad = page.size() == PAGE ? comparePage() : null;
                if (bad != null) {
                    return bad;
                }
            }
            String bad = comparePage();
            if (bad == null && oldFormat > 0 && !newFormat && keys.old == null) {
                return file + ": no line is signed with a public key; all are in the format of earlier releases";
            }
            return bad != null || torn == 0 ? bad : file + ", line " + torn + ": not a checkpoint";
        }
    }

    /** Adds the line to the page; says what is wrong with it otherwise. */
    private @Nullable String take(Checkpoint.Line line) {
        Checkpoint checkpoint;
        if (line.old()) {
            if (newFormat) {
                return "in the format of earlier releases behind a line in the present one: it was added";
            }
            oldFormat++;
            if (keys.old == null) {
                return null; // the next line of the present format signs the last one's mac
            }
            checkpoint = line.open(keys.old, previous);
        } else {
            newFormat = true;
            String id = line.keyId();
            VerifyingKey key = id == null ? null : keys.byId.get(id);
            if (key == null) {
                return "signed with the key " + id + ", which is not at hand: give it with --public-key";
            }
            checkpoint = line.open(key, previous);
        }
        if (checkpoint == null) {
            return "the signature does not fit: a line was changed, added or removed here";
        }
        page.add(checkpoint);
        return null;
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
        return await(database.transaction(SecurityScope.organization(organization), connection -> AuditTrail.hashes(
                        connection, organization, seqs)
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
