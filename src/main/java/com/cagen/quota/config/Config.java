package com.cagen.quota.config;

import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The whole configuration. Every record of it refuses values that it cannot have, with an {@link IllegalArgumentException}. Secrets
 * are in {@link Secret}s, which do not print.
 *
 * @param environment development switches on the {@code /dev} routes
 * @param host the address HTTP listens on
 * @param port the port HTTP listens on; 0 picks a free one (tests)
 * @param dataDir where the embedded PostgreSQL and a made key live
 * @param databaseUrl {@code postgresql://user:password@host:port/db?sslmode=…}; null: the embedded PostgreSQL
 * @param authServiceUrl base URL of the auth service; null: the built-in one
 * @param serviceId what the service calls itself towards the auth service; credentials may name it, too
 * @param services who may call, and the keys that are shared with them
 * @param allowedOrigins origins that browsers may call from; empty: none
 * @param roles what this node does; those that are missing, other nodes of the cluster do
 * @param eventLoops threads that all of its work shares, but for the few things that block
 * @param cluster null: this node is alone
 */
public record Config(
        Environment environment,
        String host,
        int port,
        Path dataDir,
        @Nullable Secret databaseUrl,
        @Nullable String authServiceUrl,
        String serviceId,
        Services services,
        LogLevel logLevel,
        LogFormat logFormat,
        List<String> allowedOrigins,
        Set<Role> roles,
        int eventLoops,
        Http http,
        Lanes lanes,
        Database database,
        Auth auth,
        Audit audit,
        Bridges bridges,
        @Nullable Cluster cluster) {
    static final Range PORT = new Range("PORT", 0, 65_535);
    static final Range EVENT_LOOPS = new Range("EVENT_LOOPS", 1, 64);

    public Config {
        PORT.check(port);
        EVENT_LOOPS.check(eventLoops);
        allowedOrigins = List.copyOf(allowedOrigins);
        roles = Set.copyOf(roles);
        check(!roles.isEmpty(), "a node has a role at least");
        check(http.requestTimeoutMillis > database.busTimeoutMillis, "HTTP_TIMEOUT_MS must be above BUS_TIMEOUT_MS");
        check(auth.timeoutMillis < database.busTimeoutMillis, "AUTH_TIMEOUT_MS must be below BUS_TIMEOUT_MS");
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /**
     * Who may call.
     *
     * @param keys of the service {@link #serviceId}, one at least, each base64 of 32 bytes: the first one seals, every one opens
     * @param file describes other services; null: there are none
     */
    public record Services(List<Secret> keys, @Nullable Path file) {
        public Services {
            keys = List.copyOf(keys);
            check(!keys.isEmpty(), "a service has a key at least");
        }

        /** Of a single key. */
        public static Services of(Secret key) {
            return new Services(List.of(key), null);
        }
    }

    /** The key that seals, in base64. */
    public Secret secretKey() {
        return services.keys.get(0);
    }

    /** The bytes of {@link #secretKey}. */
    public byte[] key() {
        return Base64.getDecoder().decode(secretKey().reveal());
    }

    public boolean does(Role role) {
        return roles.contains(role);
    }

    /** Whether this node talks to PostgreSQL: one that only serves HTTP does not. */
    public boolean usesDatabase() {
        return does(Role.QUOTA) || does(Role.AUDIT) || does(Role.AUTH);
    }

    public enum Environment {
        DEVELOPMENT,
        PRODUCTION
    }

    public enum LogLevel {
        DEBUG,
        INFO,
        WARN,
        ERROR
    }

    public enum LogFormat {
        TEXT,
        JSON
    }

    /** What a node does. */
    public enum Role {
        HTTP,
        QUOTA,
        AUDIT,
        AUTH
    }

    /**
     * @param instances event loops that serve HTTP
     * @param requestTimeoutMillis after which a request that has no answer gets 503, and a connection is closed that has not sent
     *     the whole of a request since its first byte
     * @param idleTimeoutSeconds after which a connection is closed on which no request begins, or whose client has not taken an
     *     answer
     * @param maxConnections more are closed at once
     */
    public record Http(int instances, long requestTimeoutMillis, int idleTimeoutSeconds, int maxConnections) {
        static final Range INSTANCES = new Range("HTTP_INSTANCES", 1, 64);
        static final Range IDLE_TIMEOUT = new Range("HTTP_IDLE_TIMEOUT_S", 1, 3_600);
        static final Range MAX_CONNECTIONS = new Range("HTTP_MAX_CONNECTIONS", 1, 1_000_000);

        public Http {
            INSTANCES.check(instances);
            IDLE_TIMEOUT.check(idleTimeoutSeconds);
            MAX_CONNECTIONS.check(maxConnections);
        }
    }

    /**
     * @param count lanes of a node; a quota's operations all go through one of them
     * @param maxBatch operations that share a transaction at most
     * @param maxQueue operations that may wait in a lane; an organization may have as many waiting as there are places left,
     *     more are refused as overloaded
     * @param treeConcurrency transactions of other operations (tree, lists) that a lane runs at once; of one organization at
     *     most half of them
     */
    public record Lanes(int count, int maxBatch, int maxQueue, int treeConcurrency) {
        static final Range COUNT = new Range("LANES", 1, 64);
        static final Range MAX_BATCH = new Range("MAX_BATCH", 1, 1_000);
        static final Range MAX_QUEUE = new Range("MAX_QUEUE", 1, 1_000_000);
        static final Range TREE_CONCURRENCY = new Range("TREE_CONCURRENCY", 1, 64);

        public Lanes {
            COUNT.check(count);
            MAX_BATCH.check(maxBatch);
            MAX_QUEUE.check(maxQueue);
            TREE_CONCURRENCY.check(treeConcurrency);
        }
    }

    /** What the database is. */
    public enum Engine {
        POSTGRESQL,
        /** PostgreSQL spread over many nodes, by organization: a transaction keeps to one organization. */
        CITUS
    }

    /**
     * Deadlines of the ladder: lock &lt; statement &lt; bus &lt; HTTP.
     *
     * @param poolSize connections to PostgreSQL
     */
    public record Database(
            Engine engine, int poolSize, long lockTimeoutMillis, long statementTimeoutMillis, long busTimeoutMillis) {
        static final Range POOL_SIZE = new Range("DATABASE_POOL_SIZE", 2, 1_000);
        static final Range LOCK_TIMEOUT = new Range("LOCK_TIMEOUT_MS", 10, 600_000);

        public Database {
            POOL_SIZE.check(poolSize);
            LOCK_TIMEOUT.check(lockTimeoutMillis);
            check(statementTimeoutMillis > lockTimeoutMillis, "STATEMENT_TIMEOUT_MS must be above LOCK_TIMEOUT_MS");
            check(busTimeoutMillis > statementTimeoutMillis, "BUS_TIMEOUT_MS must be above STATEMENT_TIMEOUT_MS");
        }

        /** Whether operations of different organizations must not share a transaction. */
        public boolean oneOrganizationATransaction() {
            return engine == Engine.CITUS;
        }
    }

    /** @param timeoutMillis after which the auth service counts as down */
    public record Auth(long timeoutMillis) {
        private static final int CALLS_IN_A_CLAIM = 15;
        private static final int CALLS_UNTIL_TOO_LATE = 5;
        private static final long MIN_TIMEOUT_MILLIS = 10;

        public Auth {
            check(timeoutMillis >= MIN_TIMEOUT_MILLIS, "AUTH_TIMEOUT_MS must be 10 or more");
        }

        /**
         * How long one node may be about a message to the auth service before another node takes it over, in milliseconds: far
         * longer than the calls for one message take.
         */
        public long claimMillis() {
            return CALLS_IN_A_CLAIM * timeoutMillis;
        }

        /** How long a call that got no answer may still take effect, in milliseconds. */
        public long uncertainMillis() {
            return CALLS_UNTIL_TOO_LATE * timeoutMillis;
        }
    }

    /**
     * @param drainIntervalMillis the longest time between two looks for entries that are not sealed, when no notification comes
     * @param maxLagMillis age of the oldest unsealed entry from which on changes are refused
     * @param checkpointFile where signed checkpoints are appended; null: {@code checkpoints.log} in the data folder
     * @param signingKey what {@link SigningKey#parse} takes; null: a key made in the data folder
     */
    public record Audit(
            long drainIntervalMillis,
            long maxLagMillis,
            @Nullable Path checkpointFile,
            @Nullable Secret signingKey) {
        /** Of the setting. A longer interval means that only notifications count, as some tests want it. */
        static final Range DRAIN_INTERVAL = new Range("AUDIT_DRAIN_INTERVAL_MS", 10, 10_000);

        public Audit {
            check(drainIntervalMillis >= DRAIN_INTERVAL.min(), "AUDIT_DRAIN_INTERVAL_MS must be 10 or more");
            check(maxLagMillis > drainIntervalMillis, "AUDIT_MAX_LAG_MS must be above AUDIT_DRAIN_INTERVAL_MS");
        }

        /** With a key made in the data folder. */
        public Audit(long drainIntervalMillis, long maxLagMillis, @Nullable Path checkpointFile) {
            this(drainIntervalMillis, maxLagMillis, checkpointFile, null);
        }
    }

    /**
     * The event bus for clients outside of it. Both bridges are off unless they have a port; 0 picks a free one (tests).
     *
     * @param tcpPort of the TCP bridge, or null
     * @param tcpHost what it listens on: this machine only, unless there is {@code tls}
     * @param sockJsPort of the SockJS bridge, or null; it listens where HTTP does
     * @param maxConnections of this node, to both bridges together; more are closed at once, and fewer fit a small heap
     * @param messagesASecond what one socket may send; more is refused as overloaded, twice as much closes the socket
     */
    public record Bridges(
            @Nullable Integer tcpPort,
            String tcpHost,
            @Nullable ServerTls tls,
            @Nullable Integer sockJsPort,
            int maxConnections,
            int messagesASecond) {
        static final Range MAX_CONNECTIONS = new Range("BRIDGE_MAX_CONNECTIONS", 1, 1_000_000);
        static final Range MESSAGES_A_SECOND = new Range("BRIDGE_MAX_MESSAGES_PER_S", 1, 1_000_000);

        public Bridges {
            PORT.check(tcpPort == null ? 0 : tcpPort);
            PORT.check(sockJsPort == null ? 0 : sockJsPort);
            MAX_CONNECTIONS.check(maxConnections);
            MESSAGES_A_SECOND.check(messagesASecond);
        }
    }

    /**
     * PEM files.
     *
     * @param clientCaFile whoever connects must show a certificate that this one signed; null: no certificate is asked for
     */
    public record ServerTls(
            Path certificateFile, Path keyFile, @Nullable Path clientCaFile) {}

    /** Which quota node a request goes to. */
    public enum Routing {
        /** To this node when it has the role, else as {@link #HASH}. */
        LOCAL,
        /** To the node that the quota hashes to, whichever node took the request in. */
        HASH
    }

    /**
     * @param name nodes of the same name belong together
     * @param host at which the other nodes reach this one
     * @param port of the cluster manager
     * @param busPort of the event bus; 0: a free one
     * @param members {@code host:port} of the cluster manager of nodes to join; empty with {@code kubernetesDns}
     * @param kubernetesDns the headless service whose addresses are the nodes'; null with {@code members}
     * @param tls of the event bus; null: none
     */
    public record Cluster(
            String name,
            String host,
            int port,
            int busPort,
            List<String> members,
            @Nullable String kubernetesDns,
            Routing routing,
            @Nullable Tls tls) {
        static final Range PORT = new Range("CLUSTER_PORT", 1, 65_535);
        static final Range BUS_PORT = new Range("CLUSTER_BUS_PORT", 0, 65_535);

        public Cluster {
            PORT.check(port);
            BUS_PORT.check(busPort);
            members = List.copyOf(members);
        }
    }

    /**
     * PEM files. Whoever holds a certificate of {@code authority} is trusted as a node.
     *
     * @param certificate of this node
     * @param key of {@code certificate}, PKCS 8
     * @param authority that signed the certificates of all nodes, and nothing else
     */
    public record Tls(Path certificate, Path key, Path authority) {}
}
