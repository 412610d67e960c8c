package com.cagen.quota.cli;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.audit.CheckpointVerification;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.storage.embedded.EmbeddedDatabase;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Verifies the audit chains, and compares them with signed checkpoints. Ends with status 2 when something does not hold. */
@Command(name = "verify", description = "Walks the audit chains and names the first bad entry.")
final class AuditVerifyCommand implements Callable<Integer> {
    @Option(
            names = "--checkpoints",
            paramLabel = "FILE",
            arity = "1..*",
            description = "Files of signed checkpoints to compare with; by default the service's own, if there is one.")
    private List<Path> checkpoints = List.of();

    @Option(
            names = "--public-key",
            paramLabel = "FILE|BASE64",
            arity = "1..*",
            description = "Public keys that checkpoints may be signed with, as GET /api/v1/audit/key answers them;"
                    + " no secret is used then. By default the key of this node.")
    private List<String> publicKeys = List.of();

    @Override
    public Integer call() throws Exception {
        Config config = CommandConfig.read();
        EmbeddedDatabase embedded = config.databaseUrl() == null ? EmbeddedDatabase.start(config.dataDir()) : null;
        DatabaseUrl url = embedded == null
                ? DatabaseUrl.parse(Objects.requireNonNull(config.databaseUrl()).reveal())
                : embedded.url();
        Vertx vertx = Vertx.vertx();
        try {
            return verify(config, Database.open(vertx, url, config.database(), "verify", 2));
        } finally {
            vertx.close().await(10, TimeUnit.SECONDS);
            if (embedded != null) {
                embedded.close();
            }
        }
    }

    private int verify(Config config, Database database) throws Exception {
        ChainVerification.Report report = ChainVerification.run(database).await();
        System.out.println(report.organizations() + " organizations, " + report.entries() + " entries");
        if (report.firstBad() != null) {
            System.out.println("BAD: organization " + report.firstBad().organizationId() + ", entry "
                    + report.firstBad().seq() + ": " + report.firstBad().why());
            return 2;
        }
        System.out.println("all chains are whole");
        CheckpointVerification.Keys keys = keys(config);
        for (Path file : files(config)) {
            CheckpointVerification.Report compared = CheckpointVerification.run(database, file, keys);
            System.out.println(compared.checkpoints() + " checkpoints in " + file);
            if (compared.oldFormat() > 0) {
                System.out.println(compared.oldFormat() + " lines are in the format of earlier releases, "
                        + (publicKeys.isEmpty()
                                ? "signed with a key that every calling service can derive:"
                                        + " they prove nothing against one of those"
                                : "which no public key verifies: they were passed over"));
            }
            if (compared.firstBad() != null) {
                System.out.println("BAD: " + compared.firstBad());
                return 2;
            }
        }
        return 0;
    }

    private CheckpointVerification.Keys keys(Config config) throws IOException {
        if (publicKeys.isEmpty()) {
            return CheckpointVerification.Keys.of(config);
        }
        List<VerifyingKey> keys = new ArrayList<>();
        for (String given : publicKeys) {
            boolean file = Files.isRegularFile(Path.of(given));
            try {
                keys.add(VerifyingKey.parse(file ? Files.readString(Path.of(given)) : given));
            } catch (IllegalArgumentException e) {
                throw new ConfigException(List.of("--public-key " + given + " " + e.getMessage()));
            }
        }
        return CheckpointVerification.Keys.publicOnly(keys);
    }

    private List<Path> files(Config config) {
        Path own = CheckpointVerification.defaultFile(config);
        if (checkpoints.isEmpty() && !Files.exists(own)) {
            System.out.println("no checkpoints to compare with: " + own + " is not there");
            return List.of();
        }
        return checkpoints.isEmpty() ? List.of(own) : checkpoints;
    }
}
