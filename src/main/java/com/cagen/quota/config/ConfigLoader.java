package com.cagen.quota.config;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/** Turns named values into a {@link Config}, or says everything that is wrong with them at once. */
public final class ConfigLoader {
    /** Every setting there is; conf/config.yaml and .env.example document them. */
    public static final Set<String> NAMES = Set.of(
            "ENVIRONMENT",
            "HOST",
            "DEV_ALLOW_REMOTE",
            "PORT",
            "DATA_DIR",
            "DATABASE_URL",
            "AUTH_SERVICE_URL",
            "AUTH_SERVICE_INSECURE",
            "CAGEN_QUOTA_SERVICE_SECRET_KEY",
            "QUOTA_SERVICE_ID",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "ALLOWED_ORIGINS",
            "QUOTA_ROLES",
            "EVENT_LOOPS",
            "LANES",
            "MAX_BATCH",
            "MAX_QUEUE",
            "TREE_CONCURRENCY",
            "DATABASE_ENGINE",
            "DATABASE_POOL_SIZE",
            "LOCK_TIMEOUT_MS",
            "STATEMENT_TIMEOUT_MS",
            "BUS_TIMEOUT_MS",
            "HTTP_TIMEOUT_MS",
            "HTTP_IDLE_TIMEOUT_S",
            "HTTP_INSTANCES",
            "HTTP_MAX_CONNECTIONS",
            "AUTH_TIMEOUT_MS",
            "AUDIT_DRAIN_INTERVAL_MS",
            "AUDIT_MAX_LAG_MS",
            "AUDIT_CHECKPOINT_FILE",
            "AUDIT_SIGNING_KEY",
            "BRIDGE_TCP_PORT",
            "BRIDGE_TCP_HOST",
            "BRIDGE_TCP_CERTIFICATE_FILE",
            "BRIDGE_TCP_KEY_FILE",
            "BRIDGE_TCP_CLIENT_CA_FILE",
            "BRIDGE_SOCKJS_PORT",
            "BRIDGE_MAX_CONNECTIONS",
            "BRIDGE_MAX_MESSAGES_PER_S",
            "CLUSTER",
            "CLUSTER_NAME",
            "CLUSTER_HOST",
            "CLUSTER_PORT",
            "CLUSTER_BUS_PORT",
            "CLUSTER_MEMBERS",
            "CLUSTER_KUBERNETES_DNS",
            "CLUSTER_ROUTING",
            "CLUSTER_TLS_CERT",
            "CLUSTER_TLS_KEY",
            "CLUSTER_TLS_CA",
            "CLUSTER_INSECURE");

    private static final int KEY_BYTES = 32;
    private static final String FILE_SCHEME = "file:";
    private static final int MAX_SERVICE_ID = 255;
    /** The channel with its handlers, and the line buffer of the decoder, which may have grown to the longest line. */
    private static final int BYTES_OF_A_CONNECTION = 40 * 1024;

    private static final String ORIGIN = "https?://[A-Za-z0-9._\\-\\[\\]:]+";

    private final Map<String, String> values;
    private final List<String> problems = new ArrayList<>();

    private ConfigLoader(Map<String, String> values) {
        this.values = values;
    }

    /**
     * @param values by the names of the contract, section 6; an empty one counts as absent
     * @param checkDatabaseUrl throws {@link IllegalArgumentException}, without secrets, for a URL that cannot be used
     * @param say is told what a newcomer should know, such as where a made key is kept
     * @throws ConfigException with all problems
     */
    public static Config load(Map<String, String> values, Consumer<String> checkDatabaseUrl, Consumer<String> say) {
        return new ConfigLoader(values).load(checkDatabaseUrl, say);
    }

    private Config load(Consumer<String> checkDatabaseUrl, Consumer<String> say) {
        Config.Environment environment = oneOf("ENVIRONMENT", Config.Environment.class, Config.Environment.DEVELOPMENT);
        boolean production = environment == Config.Environment.PRODUCTION;
        ClusterSettings clusterSettings = new ClusterSettings(this, production);
        boolean clustered = clusterSettings.on();
        Set<Config.Role> roles = clusterSettings.roles();
        Config.Cluster cluster = clusterSettings.cluster();
        Path dataDir = path("DATA_DIR", "data");
        Config.Engine engine = oneOf("DATABASE_ENGINE", Config.Engine.class, Config.Engine.POSTGRESQL);
        String databaseUrl = get("DATABASE_URL", "");
        if (!databaseUrl.isEmpty()) {
            try {
                checkDatabaseUrl.accept(databaseUrl);
            } catch (IllegalArgumentException e) {
                problem("DATABASE_URL", "***", e.getMessage() + "; give postgresql://user:password@host:port/database");
            }
        } else if (engine == Config.Engine.CITUS && !roles.equals(Set.of(Config.Role.HTTP))) {
            problem("DATABASE_URL", "", "is required with DATABASE_ENGINE citus; give its coordinator's");
        } else if ((production || clustered) && !roles.equals(Set.of(Config.Role.HTTP))) {
            problem(
                    "DATABASE_URL",
                    "",
                    "is required in " + (production ? "production" : "a cluster")
                            + "; give postgresql://user:password@host:port/database");
        }
        String authUrl = authServiceUrl(production, roles);
        String serviceId = get("QUOTA_SERVICE_ID", "svc_cagen_quota");
        if (!serviceId.matches("[\\x21-\\x39\\x3b-\\x7e]{1," + MAX_SERVICE_ID + "}")) {
            // A colon would end it in the Authorization header.
            problem("QUOTA_SERVICE_ID", serviceId, "must be 1 to 255 visible ASCII characters, none of them a colon");
        }
        List<String> origins = list("ALLOWED_ORIGINS");
        for (String origin : origins) {
            if (!origin.matches(ORIGIN)) {
                problem("ALLOWED_ORIGINS", origin, "is no origin; give scheme://host[:port], separated by commas");
            }
        }
        long lock = number("LOCK_TIMEOUT_MS", 2_000, n -> n >= 10 && n <= 600_000, "give 10 to 600000");
        long statement = number("STATEMENT_TIMEOUT_MS", 5_000, n -> n > lock, "must be above LOCK_TIMEOUT_MS");
        long bus = number("BUS_TIMEOUT_MS", 8_000, n -> n > statement, "must be above STATEMENT_TIMEOUT_MS");
        long http = number("HTTP_TIMEOUT_MS", 10_000, n -> n > bus, "must be above BUS_TIMEOUT_MS");
        Config.Lanes lanes = new Config.Lanes(
                (int) number("LANES", 1, n -> n >= 1 && n <= 64, "give 1 to 64"),
                (int) number("MAX_BATCH", 128, n -> n >= 1 && n <= 1_000, "give 1 to 1000"),
                (int) number("MAX_QUEUE", 4_096, n -> n >= 1 && n <= 1_000_000, "give 1 to 1000000"),
                (int) number("TREE_CONCURRENCY", 4, n -> n >= 1 && n <= 64, "give 1 to 64"));
        String host = host(production);
        int port = (int) number("PORT", 8_080, n -> n >= 0 && n <= 65_535, "give 0 to 65535");
        int instances = (int) number("HTTP_INSTANCES", 1, n -> n >= 1 && n <= 64, "give 1 to 64");
        int loops = (int) number("EVENT_LOOPS", halfOfTheProcessors(), n -> n >= 1 && n <= 64, "give 1 to 64");
        int idle = (int) number("HTTP_IDLE_TIMEOUT_S", 60, n -> n >= 1 && n <= 3_600, "give 1 to 3600");
        int connections = (int) number(
                "HTTP_MAX_CONNECTIONS",
                connectionsThatFit(Runtime.getRuntime().maxMemory()),
                n -> n >= 1 && n <= 1_000_000,
                "give 1 to 1000000");
        int poolSize = (int) number("DATABASE_POOL_SIZE", 8, n -> n >= 2 && n <= 1_000, "give 2 to 1000");
        long authTimeout = number("AUTH_TIMEOUT_MS", 2_000, n -> n >= 10 && n < bus, "must be below BUS_TIMEOUT_MS");
        long drain = number("AUDIT_DRAIN_INTERVAL_MS", 250, n -> n >= 10 && n <= 10_000, "give 10 to 10000");
        long maxLag = number("AUDIT_MAX_LAG_MS", 30_000, n -> n > drain, "must be above AUDIT_DRAIN_INTERVAL_MS");
        Config.LogLevel level = oneOf("LOG_LEVEL", Config.LogLevel.class, Config.LogLevel.INFO);
        Config.LogFormat format = oneOf("LOG_FORMAT", Config.LogFormat.class, Config.LogFormat.TEXT);
        String checkpoints = path("AUDIT_CHECKPOINT_FILE", "").toString();
        Secret signingKey = signingKey();
        Config.Bridges bridges = bridges();
        // Last, as it may write a file, which only a configuration without problems may do.
        Secret key = key(production, production || clustered, dataDir, say);
        if (!problems.isEmpty() || key == null) {
            throw new ConfigException(problems);
        }
        return new Config(
                environment,
                host,
                port,
                dataDir,
                databaseUrl.isEmpty() ? null : new Secret(databaseUrl),
                authUrl,
                serviceId,
                key,
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
    }

    /** PostgreSQL may well have the others; and each thread more is one more to be woken up on a request's way. */
    private static int halfOfTheProcessors() {
        return Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
    }

    private String host(boolean production) {
        String host = get("HOST", production ? "0.0.0.0" : "127.0.0.1");
        boolean remoteAllowed = allowed("DEV_ALLOW_REMOTE", "true");
        if (!production && !remoteAllowed && !Loopback.is(host)) {
            problem(
                    "HOST",
                    host,
                    "can be reached by other machines, and in development its /dev routes give everybody credentials; give 127.0.0.1, or DEV_ALLOW_REMOTE=true");
        }
        return host;
    }

    /** Null for the built-in one. */
    private @Nullable String authServiceUrl(boolean production, Set<Config.Role> roles) {
        String url = get("AUTH_SERVICE_URL", "");
        boolean insecureAllowed = allowed("AUTH_SERVICE_INSECURE", "allow");
        if (url.isEmpty() || url.equals("embedded")) {
            if (url.isEmpty() && production && roles.contains(Config.Role.AUTH)) {
                problem("AUTH_SERVICE_URL", "", "is required in production; give its URL, or the word embedded");
            }
            return null;
        }
        URI uri = httpUrl(url);
        if (uri == null) {
            // Not shown: a URL that is refused for its user info would print a password.
            problem("AUTH_SERVICE_URL", "***", "is no plain http(s) URL; give http://host:port, or the word embedded");
        } else if (production && !insecureAllowed && uri.getScheme().equals("http") && !Loopback.is(uri.getHost())) {
            problem(
                    "AUTH_SERVICE_URL",
                    url,
                    "sends credentials unencrypted to another machine; give an https URL, or AUTH_SERVICE_INSECURE=allow where nobody else can reach that network");
        }
        return url.replaceAll("/+$", "");
    }

    /** Whether a setting has the one word that allows something; any other word is a problem. */
    boolean allowed(String name, String word) {
        String given = get(name, "");
        if (!given.isEmpty() && !given.equals(word)) {
            problem(name, given, "is unknown; the only word is " + word);
        }
        return given.equals(word);
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
        String host = get("BRIDGE_TCP_HOST", "127.0.0.1");
        if (tls == null && !Loopback.is(host)) {
            problem(
                    "BRIDGE_TCP_HOST",
                    host,
                    "is open to other machines; give BRIDGE_TCP_CERTIFICATE_FILE and BRIDGE_TCP_KEY_FILE, or 127.0.0.1");
        }
        return new Config.Bridges(
                portOrNone("BRIDGE_TCP_PORT"),
                host,
                tls,
                portOrNone("BRIDGE_SOCKJS_PORT"),
                (int) number("BRIDGE_MAX_CONNECTIONS", 1_000, n -> n >= 1 && n <= 1_000_000, "give 1 to 1000000"),
                (int) number("BRIDGE_MAX_MESSAGES_PER_S", 1_000, n -> n >= 1 && n <= 1_000_000, "give 1 to 1000000"));
    }

    private @Nullable Integer portOrNone(String name) {
        return get(name, "").isEmpty() ? null : (int) number(name, 0, n -> n >= 0 && n <= 65_535, "give 0 to 65535");
    }

    private Config.@Nullable ServerTls tls() {
        Path certificate = file("BRIDGE_TCP_CERTIFICATE_FILE");
        Path key = file("BRIDGE_TCP_KEY_FILE");
        Path clientCa = file("BRIDGE_TCP_CLIENT_CA_FILE");
        if (certificate != null && key != null) {
            return new Config.ServerTls(certificate, key, clientCa);
        }
        if (certificate != null || key != null || clientCa != null) {
            problem(
                    "BRIDGE_TCP_CERTIFICATE_FILE",
                    "",
                    "and BRIDGE_TCP_KEY_FILE go together, with or without BRIDGE_TCP_CLIENT_CA_FILE; give both");
        }
        return null;
    }

    private @Nullable Path file(String name) {
        Path file = path(name, "");
        if (file.toString().isEmpty()) {
            return null;
        }
        if (!Files.isReadable(file)) {
            problem(name, file.toString(), "cannot be read; give a PEM file");
        }
        return file;
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

    Path path(String name, String otherwise) {
        String text = get(name, otherwise);
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            problem(name, text, "is no path; give a folder or file name");
            return Path.of(otherwise);
        }
    }

    List<String> list(String name) {
        return Arrays.stream(get(name, "").split(",", -1))
                .map(String::strip)
                .filter(each -> !each.isEmpty())
                .toList();
    }

    private @Nullable Secret signingKey() {
        String name = "AUDIT_SIGNING_KEY";
        String given = get(name, "");
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
            problem(name, "***", e.getMessage() + "; make one with: openssl genpkey -algorithm ed25519");
        } catch (IOException e) {
            problem(name, given, "cannot be read; give file:PATH of a PEM file, or the key in base64");
        }
        return null;
    }

    private @Nullable Secret key(boolean production, boolean required, Path dataDir, Consumer<String> say) {
        String name = "CAGEN_QUOTA_SERVICE_SECRET_KEY";
        String given = get(name, "");
        if (given.isEmpty() && required) {
            problem(name, "", "is required in production and in a cluster; give base64 of 32 random bytes");
            return null;
        }
        if (!given.isEmpty()) {
            if (!isKey(given)) {
                problem(name, "***", "is not base64 of 32 bytes; make one with: openssl rand -base64 32");
            } else if (production && hasEqualBytes(given)) {
                problem(name, "***", "is 32 times the same byte; make one with: openssl rand -base64 32");
            }
            return new Secret(given);
        }
        return problems.isEmpty() ? keptKey(dataDir.resolve("secret.key"), say) : null;
    }

    private static boolean isKey(String text) {
        try {
            return Base64.getDecoder().decode(text).length == KEY_BYTES;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean hasEqualBytes(String key) {
        byte[] bytes = Base64.getDecoder().decode(key);
        byte[] equal = new byte[bytes.length];
        Arrays.fill(equal, bytes[0]);
        return Arrays.equals(bytes, equal);
    }

    /** Development only: a key of its own, readable by nobody else. */
    private @Nullable Secret keptKey(Path file, Consumer<String> say) {
        try {
            if (!Files.exists(file)) {
                makeKey(file);
                say.accept("No CAGEN_QUOTA_SERVICE_SECRET_KEY was given: made one, kept in " + file);
            }
            String kept = Files.readString(file).strip();
            if (isKey(kept)) {
                return new Secret(kept);
            }
            problems.add(file + " holds no base64 of 32 bytes; put the key back, or delete the file to get a new one");
        } catch (IOException e) {
            problem("DATA_DIR", file.toString(), "cannot be read or written (" + e + "); give a folder that can");
        }
        return null;
    }

    private static void makeKey(Path file) throws IOException {
        byte[] bytes = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(bytes);
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        // Under another name first: a file that is there is a whole one. Only its owner may read it.
        Path made = Files.createTempFile(folder, "secret", ".new");
        Files.writeString(made, Base64.getEncoder().encodeToString(bytes) + "\n");
        Files.move(made, file);
    }

    String get(String name, String otherwise) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException(name + " is not in NAMES");
        }
        String value = values.getOrDefault(name, "").strip();
        return value.isEmpty() ? otherwise : value;
    }

    void problem(String name, String value, String why) {
        problems.add(value.isEmpty() ? name + " " + why : name + "=" + value + " " + why);
    }

    long number(String name, long otherwise, LongPredicate allowed, String remedy) {
        String text = get(name, Long.toString(otherwise));
        Function<String, Long> wrong = why -> {
            problem(name, text, why + "; " + remedy);
            return otherwise;
        };
        try {
            long value = Long.parseLong(text);
            return allowed.test(value) ? value : wrong.apply("is out of range");
        } catch (NumberFormatException e) {
            return wrong.apply("is no whole number");
        }
    }

    <E extends Enum<E>> E oneOf(String name, Class<E> type, E otherwise) {
        E given = constant(name, get(name, otherwise.name()), type);
        return given == null ? otherwise : given;
    }

    /** Null, and a problem, for a text that is none of them. */
    <E extends Enum<E>> @Nullable E constant(String name, String text, Class<E> type) {
        for (E each : type.getEnumConstants()) {
            if (each.name().equalsIgnoreCase(text)) {
                return each;
            }
        }
        problem(
                name,
                text,
                "is unknown; give one of "
                        + Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT));
        return null;
    }
}
