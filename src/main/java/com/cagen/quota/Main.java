package com.cagen.quota;

import com.cagen.quota.audit.CheckpointVerification;
import com.cagen.quota.audit.Verification;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import com.cagen.quota.config.ConfigLoader;
import com.cagen.quota.config.ConfigSources;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.credential.Credentials;
import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.DatabaseUrl;
import com.cagen.quota.storage.EmbeddedDatabase;
import com.cagen.quota.storage.Migrations;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command line. {@code serve} is what happens without a word. */
@Command(
        name = "cagen-quota",
        mixinStandardHelpOptions = true,
        description = "Hierarchical quotas on PostgreSQL.",
        versionProvider = Main.Version.class,
        subcommands = {
            Main.Serve.class,
            Main.Migrate.class,
            Main.Credential.class,
            Main.Audit.class,
            AuthServiceCommand.class,
            HealthCommand.class
        })
public final class Main implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Main.class);

    private Main() {}

    public static void main(String[] args) {
        System.setProperty("vertx.logger-delegate-factory-class-name", "io.vertx.core.logging.SLF4JLogDelegateFactory");
        int status = new CommandLine(new Main())
                .setExecutionExceptionHandler(Main::explain)
                .execute(args);
        if (status >= 0) { // a service that runs goes on until it is told to stop
            System.exit(status);
        }
    }

    @Override
    public Integer call() throws Exception {
        return new Serve().call();
    }

    /** One line for each thing that is wrong; a stack trace only for what nobody foresaw. */
    private static int explain(Exception failure, CommandLine command, CommandLine.ParseResult ignored) {
        PrintWriter err = command.getErr();
        if (failure instanceof ConfigException config) {
            config.problems().forEach(problem -> err.println("configuration: " + problem));
        } else if (failure instanceof IOException || failure instanceof IllegalStateException) {
            String.valueOf(failure.getMessage()).lines().forEach(line -> err.println("cannot start: " + line));
        } else if (failure instanceof FlywayException) {
            err.println("cannot start: the database cannot be reached or migrated: " + innermost(failure));
        } else if (failure instanceof RefusalException refused) {
            err.println("cannot start: " + refused.getMessage() + " " + innermost(failure));
        } else {
            failure.printStackTrace(err);
        }
        err.flush();
        return 1;
    }

    private static @Nullable String innermost(Throwable failure) {
        Throwable innermost = failure;
        while (innermost.getCause() != null) {
            innermost = innermost.getCause();
        }
        return innermost.getMessage();
    }

    /** The environment over {@code .env} over {@code conf/config.yaml}, where there are such files. */
    static Config configuration() {
        return ConfigLoader.load(
                ConfigSources.read(Path.of(""), System.getenv()),
                DatabaseUrl::parse,
                notice -> System.err.println(notice));
    }

    /** What the jar's manifest says. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"cagen-quota " + (version == null ? "(not from a jar)" : version)};
        }
    }

    @Command(name = "serve", description = "Runs the service (the default).")
    static final class Serve implements Callable<Integer> {
        @Override
        public Integer call() throws Exception {
            Config config = configuration();
            Logging.configure(config);
            QuotaService service = new QuotaService(config, Serve::endWithoutDatabase);
            // Before anything is started: what a start that is cut short has begun must stop as well.
            Runtime.getRuntime().addShutdownHook(new Thread(service::close, "stop"));
            service.start();
            if (config.logFormat() == Config.LogFormat.JSON) {
                LOG.info(service.address()); // standard output has nothing but JSON lines then
            } else {
                System.out.println(service.greeting());
            }
            return -1;
        }

        /** The shutdown hook stops what still runs. */
        private static void endWithoutDatabase(IOException lost) {
            String.valueOf(lost.getMessage()).lines().forEach(line -> System.err.println("stopping: " + line));
            System.exit(1);
        }
    }

    @Command(name = "migrate", description = "Brings the schema of DATABASE_URL up to date.")
    static final class Migrate implements Callable<Integer> {
        @Override
        public Integer call() {
            Config config = configuration();
            if (config.databaseUrl() == null) {
                throw new ConfigException(List.of("DATABASE_URL is needed to migrate"));
            }
            Logging.showMigrationSteps(config);
            System.out.println(Migrations.run(
                    DatabaseUrl.parse(config.databaseUrl().reveal()),
                    config.database().engine()));
            return 0;
        }
    }

    @Command(name = "credential", description = "Mints a credential from the key in the environment.")
    static final class Credential implements Callable<Integer> {
        @Option(names = "--user", required = true, description = "The user to vouch for.")
        private String user = "";

        @Option(names = "--organization", required = true, description = "The user's organization.")
        private String organization = "";

        @Option(names = "--team", description = "A team of the user; may be repeated.")
        private List<String> teams = List.of();

        @Option(
                names = "--json",
                description = "Prints the fields of a body instead of an Authorization header's value.")
        private boolean json;

        @Override
        public Integer call() {
            Config config = configuration();
            Credentials credentials = new Credentials(
                    config.serviceId(),
                    Base64.getDecoder().decode(config.secretKey().reveal()));
            String sealed = credentials.seal(
                    new Caller(organization, user, config.serviceId(), teams), System.currentTimeMillis());
            System.out.println(
                    json
                            ? new JsonObject()
                                    .put("service_id", config.serviceId())
                                    .put("encrypted_data", sealed)
                                    .encode()
                            : "Cagen " + config.serviceId() + ":" + sealed);
            return 0;
        }
    }

    @Command(name = "audit", description = "The audit trail.", subcommands = Audit.Verify.class)
    static final class Audit {
        @Command(name = "verify", description = "Walks the audit chains and names the first bad entry.")
        static final class Verify implements Callable<Integer> {
            @Option(
                    names = "--checkpoints",
                    paramLabel = "FILE",
                    arity = "1..*",
                    description =
                            "Files of signed checkpoints to compare with; by default the service's own, if there is one.")
            private List<Path> checkpoints = List.of();

            @Option(
                    names = "--public-key",
                    paramLabel = "FILE|BASE64",
                    arity = "1..*",
                    description =
                            "Public keys that checkpoints may be signed with, as GET /api/v1/audit/key answers them;"
                                    + " no secret is used then. By default the key of this node.")
            private List<String> publicKeys = List.of();

            @Override
            public Integer call() throws Exception {
                Config config = configuration();
                EmbeddedDatabase embedded =
                        config.databaseUrl() == null ? EmbeddedDatabase.start(config.dataDir()) : null;
                DatabaseUrl url = embedded == null
                        ? DatabaseUrl.parse(java.util.Objects.requireNonNull(config.databaseUrl())
                                .reveal())
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
                Verification.Report report = Verification.run(database).await();
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
    }
}
