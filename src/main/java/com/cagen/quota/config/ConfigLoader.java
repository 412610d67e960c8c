package com.cagen.quota.config;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Turns named values into a {@link Config}, or says everything that is wrong with them at once. */
public final class ConfigLoader {
    private static final String FILE_SCHEME = "file:";
    /** The channel with its handlers, and the line buffer of the decoder, which may have grown to the longest line. */
    private static final int BYTES_OF_A_CONNECTION = 40 * 1024;

    private static final String ORIGIN = "https?://[A-Za-z0-9._\\-\\[\\]:]+";

    private final Settings settings;

    private ConfigLoader(Settings settings) {
        this.settings = settings;
    }

    /**
     * @param values by the names of the contract, section 6; an empty one counts as absent
     * @param checkDatabaseUrl throws {@link IllegalArgumentException}, without secrets, for a URL that cannot be used
     * @param say is told what a newcomer should know, such as where a made key is kept
     * @throws ConfigException with all problems
     */
    public static Config load(Map<String, String> values, Consumer<String> checkDatabaseUrl, Consumer<String> say) {
        return new ConfigLoader(new Settings(values)).load(checkDatabaseUrl, say);
    }

    private Config load(Consumer<String> checkDatabaseUrl, Consumer<String> say) {
        Config.Environment environment =
                settings.oneOf("ENVIRONMENT", Config.Environment.class, Config.Environment.DEVELOPMENT);
        boolean production = environment == Config.Environment.PRODUCTION;
        ClusterSettings clusterSettings = new ClusterSettings(settings, production);
        boolean clustered = clusterSettings.on();
        Set<Config.Role> roles = clusterSettings.roles();
        Config.Cluster cluster = clusterSettings.cluster();
        Path dataDir = settings.path("DATA_DIR", "data");
        Config.Engine engine = settings.oneOf("DATABASE_ENGINE", Config.Engine.class, Config.Engine.POSTGRESQL);
        String databaseUrl = settings.get("DATABASE_URL", "");
        if (!databaseUrl.isEmpty()) {
            try {
                checkDatabaseUrl.accept(databaseUrl);
            } catch (IllegalArgumentException e) {
                settings.problem(
                        "DATABASE_URL", "***", e.getMessage() + "; give postgresql://user:password@host:port/database");
            }
        } else if (engine == Config.Engine.CITUS && !roles.equals(Set.of(Config.Role.HTTP))) {
            settings.problem("DATABASE_URL", "", "is required with DATABASE_ENGINE citus; give its coordinator's");
        } else if ((production || clustered) && !roles.equals(Set.of(Config.Role.HTTP))) {
            settings.problem(
                    "DATABASE_URL",
                    "",
                    "is required in " + (production ? "production" : "a cluster")
                            + "; give postgresql://user:password@host:port/database");
        }
        String authUrl = authServiceUrl(production, roles);
        String serviceId = settings.get("QUOTA_SERVICE_ID", "svc_cagen_quota");
        if (!serviceId.matches(CallingServices.SERVICE_ID)) {
            // A colon would end it in the Authorization header.
            settings.problem(
                    "QUOTA_SERVICE_ID", serviceId, "must be 1 to 255 visible ASCII characters, none of them a colon");
        }
        List<String> origins = settings.list("ALLOWED_ORIGINS");
        for (String origin : origins) {
            if (!origin.matches(ORIGIN)) {
                settings.problem(
                        "ALLOWED_ORIGINS", origin, "is no origin; give scheme://host[:port], separated by commas");
            }
        }
        long lock = settings.number(Config.Database.LOCK_TIMEOUT, 2_000);
        long statement = settings.number("STATEMENT_TIMEOUT_MS", 5_000, n -> n > lock, "must be above LOCK_TIMEOUT_MS");
        long bus = settings.number("BUS_TIMEOUT_MS", 8_000, n -> n > statement, "must be above STATEMENT_TIMEOUT_MS");
        long http = settings.number("HTTP_TIMEOUT_MS", 10_000, n -> n > bus, "must be above BUS_TIMEOUT_MS");
        Config.Lanes lanes = new Config.Lanes(
                settings.number(Config.Lanes.COUNT, 1),
                settings.number(Config.Lanes.MAX_BATCH, 128),
                settings.number(Config.Lanes.MAX_QUEUE, 4_096),
                settings.number(Config.Lanes.TREE_CONCURRENCY, 4));
        String host = host(production);
        int port = settings.number(Config.PORT, 8_080);
        int instances = settings.number(Config.Http.INSTANCES, 1);
        int loops = settings.number(Config.EVENT_LOOPS, halfOfTheProcessors());
        int idle = settings.number(Config.Http.IDLE_TIMEOUT, 60);
        int connections = settings.number(
                Config.Http.MAX_CONNECTIONS,
                connectionsThatFit(Runtime.getRuntime().maxMemory()));
        int poolSize = settings.number(Config.Database.POOL_SIZE, 8);
        long authTimeout =
                settings.number("AUTH_TIMEOUT_MS", 2_000, n -> n >= 10 && n < bus, "must be below BUS_TIMEOUT_MS");
        long drain = settings.number(Config.Audit.DRAIN_INTERVAL, 250);
        long maxLag =
                settings.number("AUDIT_MAX_LAG_MS", 30_000, n -> n > drain, "must be above AUDIT_DRAIN_INTERVAL_MS");
        Config.LogLevel level = settings.oneOf("LOG_LEVEL", Config.LogLevel.class, Config.LogLevel.INFO);
        Config.LogFormat format = settings.oneOf("LOG_FORMAT", Config.LogFormat.class, Config.LogFormat.TEXT);
        String checkpoints = settings.path("AUDIT_CHECKPOINT_FILE", "").toString();
        Secret signingKey = signingKey();
        Config.Bridges bridges = bridges();
        Path servicesFile = settings.file("SERVICES_FILE");
        // Last, as it may write a file, which only a configuration without problems may do.
        List<Secret> keys = ServiceKey.read(settings, production, production || clustered, dataDir, say);
        if (!settings.problems().isEmpty() || keys.isEmpty()) {
            throw new ConfigException(settings.problems());
        }
        Config config = new Config(
                environment,
                host,
                port,
                dataDir,
                databaseUrl.isEmpty() ? null : new Secret(databaseUrl),
                authUrl,
                serviceId,
                new Config.Services(keys, servicesFile),
                level,
                format,
                origins,
                roles,
                loops,
                new Config.Http(instances, http, idle, connections),
                lanes,
                new Config.Database(engine, poolSize, lock, statement, bus),
                new Config.Auth(authTimeout),
                new Config.Audit(drain, maxLag, checkpoints.isEmpty() ? null : Path.of(checkpoints), signingKey),
                bridges,
                cluster);
        CallingServices.of(config); // throws when the file cannot be used
        return config;
    }

    /** PostgreSQL can use the other processors. Each further thread adds one more switch between threads to a request. */
    private static int halfOfTheProcessors() {
        return Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
    }

    private String host(boolean production) {
        String host = settings.get("HOST", production ? "0.0.0.0" : "127.0.0.1");
        boolean remoteAllowed = settings.allowed("DEV_ALLOW_REMOTE", "true");
        if (!production && !remoteAllowed && !Loopback.is(host)) {
            settings.problem(
                    "HOST",
                    host,
                    "can be reached by other machines, and in development its /dev routes give everybody credentials; give 127.0.0.1, or DEV_ALLOW_REMOTE=true");
        }
        return host;
    }

    /** Null for the built-in one. */
    private @Nullable String authServiceUrl(boolean production, Set<Config.Role> roles) {
        String url = settings.get("AUTH_SERVICE_URL", "");
        boolean insecureAllowed = settings.allowed("AUTH_SERVICE_INSECURE", "allow");
        if (url.isEmpty() || url.equals("embedded")) {
            if (url.isEmpty() && production && roles.contains(Config.Role.AUTH)) {
                settings.problem(
                        "AUTH_SERVICE_URL", "", "is required in production; give its URL, or the word embedded");
            }
            return null;
        }
        URI uri = httpUrl(url);
        if (uri == null) {
            // Not shown: a URL that is refused for its user info would print a password.
            settings.problem(
                    "AUTH_SERVICE_URL", "***", "is no plain http(s) URL; give http://host:port, or the word embedded");
        } else if (production && !insecureAllowed && uri.getScheme().equals("http") && !Loopback.is(uri.getHost())) {
            settings.problem(
                    "AUTH_SERVICE_URL",
                    url,
                    "sends credentials unencrypted to another machine; give an https URL, or AUTH_SERVICE_INSECURE=allow where nobody else can reach that network");
        }
        return url.replaceAll("/+$", "");
    }

    /**
     * How many HTTP connections take an eighth of the heap when all of them are idle, or receive the head of a request.
     *
     * @param heapBytes the most that the heap may have
     */
    static int connectionsThatFit(long heapBytes) {
        return (int) Math.max(64, Math.min(10_000, heapBytes / 8 / BYTES_OF_A_CONNECTION));
    }

    private Config.Bridges bridges() {
        Config.ServerTls tls = tls();
        String host = settings.get("BRIDGE_TCP_HOST", "127.0.0.1");
        if (tls == null && !Loopback.is(host)) {
            settings.problem(
                    "BRIDGE_TCP_HOST",
                    host,
                    "is open to other machines; give BRIDGE_TCP_CERTIFICATE_FILE and BRIDGE_TCP_KEY_FILE, or 127.0.0.1");
        }
        return new Config.Bridges(
                settings.portOrNone("BRIDGE_TCP_PORT"),
                host,
                tls,
                settings.portOrNone("BRIDGE_SOCKJS_PORT"),
                settings.number(Config.Bridges.MAX_CONNECTIONS, 1_000),
                settings.number(Config.Bridges.MESSAGES_A_SECOND, 1_000));
    }

    private Config.@Nullable ServerTls tls() {
        Path certificate = settings.file("BRIDGE_TCP_CERTIFICATE_FILE");
        Path key = settings.file("BRIDGE_TCP_KEY_FILE");
        Path clientCa = settings.file("BRIDGE_TCP_CLIENT_CA_FILE");
        if (certificate != null && key != null) {
            return new Config.ServerTls(certificate, key, clientCa);
        }
        if (certificate != null || key != null || clientCa != null) {
            settings.problem(
                    "BRIDGE_TCP_CERTIFICATE_FILE",
                    "",
                    "and BRIDGE_TCP_KEY_FILE go together, with or without BRIDGE_TCP_CLIENT_CA_FILE; give both");
        }
        return null;
    }

    /** Null for anything but a plain URL of http or https. */
    private static @Nullable URI httpUrl(String text) {
        try {
            URI uri = new URI(text);
            boolean plain = ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && uri.getHost() != null
                    && uri.getRawUserInfo() == null
                    && uri.getRawQuery() == null
                    && uri.getRawFragment() == null;
            return plain ? uri : null;
        } catch (URISyntaxException e) {
            return null;
        }
    }

    private @Nullable Secret signingKey() {
        String name = "AUDIT_SIGNING_KEY";
        String given = settings.get(name, "");
        if (given.isEmpty()) {
            return null;
        }
        try {
            String text = given.startsWith(FILE_SCHEME)
                    ? Files.readString(Path.of(given.substring(FILE_SCHEME.length())))
                    : given;
            SigningKey.parse(text);
            return new Secret(text);
        } catch (IllegalArgumentException e) {
            settings.problem(name, "***", e.getMessage() + "; make one with: openssl genpkey -algorithm ed25519");
        } catch (IOException e) {
            settings.problem(name, given, "cannot be read; give file:PATH of a PEM file, or the key in base64");
        }
        return null;
    }
}
