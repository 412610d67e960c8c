package com.cagen.quota.audit;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.SigningKey;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a signed checkpoint for each chain that moved since its last one; all of them when a file begins. */
final class Checkpoints {
    private static final int PAGE = 1_000;

    private final Database database;
    private final Config config;
    /** Null until the key was read or made; used by one blocking call at a time. */
    private @Nullable CheckpointFile file;

    /** What this process has written to the file, for each organization. */
    private final Map<String, Long> written = new HashMap<>();

    private Future<Void> last = Future.succeededFuture();

    /** @param config says where the file is, and the key to sign with */
    Checkpoints(Config config, Database database) {
        this.database = database;
        this.config = config;
    }

    /** The configured file, else {@code checkpoints.log} in the data folder. */
    static Path path(Config config) {
        Path configured = config.audit().checkpointFile();
        return configured != null ? configured : config.dataDir().resolve("checkpoints.log");
    }

    /** Reads the key to sign with, or makes it; fails when neither is possible. */
    Future<Void> prepare(Vertx vertx) {
        return vertx.executeBlocking(() -> {
            file();
            return null;
        });
    }

    private synchronized CheckpointFile file() throws IOException {
        CheckpointFile known = file;
        if (known == null) {
            known = new CheckpointFile(path(config), SigningKey.of(config));
            file = known;
        }
        return known;
    }

    /** Fails when the database cannot be read or the file not be written; the next one makes up for it. */
    Future<Void> write(Vertx vertx) {
        last = last.otherwiseEmpty()
                .compose(ignored -> vertx.executeBlocking(() -> file().isEmpty()))
                .compose(empty -> {
                    if (empty) {
                        written.clear();
                    }
                    return writeAfter(vertx, "");
                });
        return last;
    }

    private Future<Void> writeAfter(Vertx vertx, String organization) {
        return database.transaction(
                        SecurityScope.maintenance(), connection -> ChainRows.headsAfter(connection, organization, PAGE))
                .compose(heads -> append(vertx, heads).compose(ignored -> {
                    if (heads.size() < PAGE) {
                        return Future.succeededFuture();
                    }
                    List<String> names = List.copyOf(heads.keySet());
                    return writeAfter(vertx, names.get(names.size() - 1));
                }));
    }

    private Future<Void> append(Vertx vertx, Map<String, ChainRows.Head> heads) {
        String time = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        List<Checkpoint> moved = new ArrayList<>();
        heads.forEach((organization, head) -> {
            if (head.seq() > 0 && written.getOrDefault(organization, 0L) != head.seq()) {
                String hash = HexFormat.of().formatHex(head.hash().getBytes());
                moved.add(new Checkpoint(organization, head.seq(), hash, time));
            }
        });
        if (moved.isEmpty()) {
            return Future.succeededFuture();
        }
        return vertx.<Void>executeBlocking(() -> {
                    file().append(moved);
                    return null;
                })
                .onSuccess(ignored -> moved.forEach(each -> written.put(each.organizationId(), each.seq())));
    }
}
