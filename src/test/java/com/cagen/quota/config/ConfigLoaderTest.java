package com.cagen.quota.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.testing.TestConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigLoaderTest {
    private static final String KEY = TestConfig.KEY;
    /** The first one of RFC 8032, section 7.1. */
    private static final String SIGNING_KEY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    @TempDir
    Path folder;

    private final List<String> said = new ArrayList<>();

    private Config load(Map<String, String> values) {
        return ConfigLoader.load(
                values,
                url -> {
                    if (!url.startsWith("postgresql://")) {
                        throw new IllegalArgumentException("must start with postgresql://");
                    }
                },
                said::add);
    }

    private List<String> problemsOf(Map<String, String> values) {
        return catchThrowableOfType(ConfigException.class, () -> load(values)).problems();
    }

    @Test
    void needsNothingButAKeyToDevelop() {
        Config config = load(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY));
        assertThat(config)
                .isEqualTo(new Config(
                        Config.Environment.DEVELOPMENT,
                        "127.0.0.1",
                        8080,
                        Path.of("data"),
                        null,
                        null,
                        "svc_cagen_quota",
                        Config.Services.of(new Secret(KEY)),
                        Config.LogLevel.INFO,
                        Config.LogFormat.TEXT,
                        List.of(),
                        EnumSet.allOf(Config.Role.class),
                        Math.max(1, Runtime.getRuntime().availableProcessors() / 2),
                        new Config.Http(
                                1,
                                10_000,
                                60,
                                ConfigLoader.connectionsThatFit(
                                        Runtime.getRuntime().maxMemory())),
                        new Config.Lanes(1, 128, 4_096, 4),
                        new Config.Database(Config.Engine.POSTGRESQL, 8, 2_000, 5_000, 8_000),
                        new Config.Auth(2_000),
                        new Config.Audit(250, 30_000, null),
                        TestConfig.NO_BRIDGES,
                        null));
    }

    private String pem(String name) throws IOException {
        return Files.writeString(folder.resolve(name), "PEM").toString();
    }

    @Test
    void opensTheTcpBridgeToOtherMachinesWithTlsOnly() throws IOException {
        assertThat(problemsOf(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "BRIDGE_TCP_HOST", "0.0.0.0")))
                .singleElement(InstanceOfAssertFactories.STRING)
                .startsWith("BRIDGE_TCP_HOST=0.0.0.0 is open to other machines");
        assertThat(problemsOf(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "BRIDGE_TCP_HOST", "127.evil.example")))
                .hasSize(1);
        for (String loopback : List.of("127.0.0.1", "127.1.2.3", "::1", "localhost")) {
            Config config = load(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "BRIDGE_TCP_HOST", loopback));
            assertThat(config.bridges().tcpHost()).isEqualTo(loopback);
        }
        assertThat(problemsOf(
                        Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "BRIDGE_TCP_CERTIFICATE_FILE", pem("cert.pem"))))
                .singleElement(InstanceOfAssertFactories.STRING)
                .contains("go together");
        assertThat(problemsOf(Map.of(
                        "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                        KEY,
                        "BRIDGE_TCP_CERTIFICATE_FILE",
                        pem("cert.pem"),
                        "BRIDGE_TCP_KEY_FILE",
                        folder.resolve("gone.pem").toString())))
                .singleElement(InstanceOfAssertFactories.STRING)
                .contains("cannot be read");
    }

    @Test
    void mapsEverySetting() throws Exception {
        Path certificate = Files.createFile(folder.resolve("node.pem"));
        Path nodeKey = Files.createFile(folder.resolve("node.key"));
        Path authority = Files.createFile(folder.resolve("ca.pem"));
        Map<String, String> values = Map.ofEntries(
                Map.entry("ENVIRONMENT", "production"),
                Map.entry("HOST", "10.0.0.1"),
                Map.entry("PORT", "81"),
                Map.entry("DATA_DIR", "/var/lib/quota"),
                Map.entry("DATABASE_URL", "postgresql://u:p@h/d"),
                Map.entry("AUTH_SERVICE_URL", "https://auth:8443/base/"),
                Map.entry("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY),
                Map.entry("QUOTA_SERVICE_ID", "svc_other"),
                Map.entry("LOG_LEVEL", "debug"),
                Map.entry("LOG_FORMAT", "JSON"),
                Map.entry("ALLOWED_ORIGINS", "https://a.example, http://localhost:3000"),
                Map.entry("QUOTA_ROLES", "http, quota"),
                Map.entry("EVENT_LOOPS", "14"),
                Map.entry("LANES", "2"),
                Map.entry("MAX_BATCH", "3"),
                Map.entry("MAX_QUEUE", "4"),
                Map.entry("TREE_CONCURRENCY", "5"),
                Map.entry("DATABASE_POOL_SIZE", "6"),
                Map.entry("LOCK_TIMEOUT_MS", "70"),
                Map.entry("STATEMENT_TIMEOUT_MS", "80"),
                Map.entry("BUS_TIMEOUT_MS", "90"),
                Map.entry("HTTP_TIMEOUT_MS", "100"),
                Map.entry("HTTP_IDLE_TIMEOUT_S", "11"),
                Map.entry("HTTP_INSTANCES", "12"),
                Map.entry("HTTP_MAX_CONNECTIONS", "13"),
                Map.entry("AUTH_TIMEOUT_MS", "85"),
                Map.entry("AUDIT_DRAIN_INTERVAL_MS", "15"),
                Map.entry("AUDIT_MAX_LAG_MS", "16"),
                Map.entry("AUDIT_CHECKPOINT_FILE", "/mnt/checkpoints"),
                Map.entry("AUDIT_SIGNING_KEY", SIGNING_KEY),
                Map.entry("BRIDGE_TCP_PORT", "7000"),
                Map.entry("BRIDGE_TCP_HOST", "10.0.0.2"),
                Map.entry("BRIDGE_TCP_CERTIFICATE_FILE", pem("cert.pem")),
                Map.entry("BRIDGE_TCP_KEY_FILE", pem("key.pem")),
                Map.entry("BRIDGE_TCP_CLIENT_CA_FILE", pem("ca.pem")),
                Map.entry("BRIDGE_SOCKJS_PORT", "7001"),
                Map.entry("DATABASE_ENGINE", "citus"),
                Map.entry("BRIDGE_MAX_CONNECTIONS", "17"),
                Map.entry("BRIDGE_MAX_MESSAGES_PER_S", "18"),
                Map.entry("CLUSTER", "on"),
                Map.entry("CLUSTER_NAME", "blue"),
                Map.entry("CLUSTER_HOST", "10.0.0.2"),
                Map.entry("CLUSTER_PORT", "17"),
                Map.entry("CLUSTER_BUS_PORT", "18"),
                Map.entry("CLUSTER_MEMBERS", "10.0.0.2:17, node-3:17"),
                Map.entry("CLUSTER_ROUTING", "hash"),
                Map.entry("CLUSTER_TLS_CERT", certificate.toString()),
                Map.entry("CLUSTER_TLS_KEY", nodeKey.toString()),
                Map.entry("CLUSTER_TLS_CA", authority.toString()));
        // Instead of members, files, https and production.
        Set<String> others = Set.of(
                "SERVICES_FILE",
                "CLUSTER_KUBERNETES_DNS",
                "CLUSTER_INSECURE",
                "AUTH_SERVICE_INSECURE",
                "DEV_ALLOW_REMOTE");
        assertThat(Stream.of(values.keySet(), others).flatMap(Set::stream).collect(Collectors.toSet()))
                .isEqualTo(Settings.NAMES);
        assertThat(load(values))
                .isEqualTo(new Config(
                        Config.Environment.PRODUCTION,
                        "10.0.0.1",
                        81,
                        Path.of("/var/lib/quota"),
                        new Secret("postgresql://u:p@h/d"),
                        "https://auth:8443/base",
                        "svc_other",
                        Config.Services.of(new Secret(KEY)),
                        Config.LogLevel.DEBUG,
                        Config.LogFormat.JSON,
                        List.of("https://a.example", "http://localhost:3000"),
                        Set.of(Config.Role.HTTP, Config.Role.QUOTA),
                        14,
                        new Config.Http(12, 100, 11, 13),
                        new Config.Lanes(2, 3, 4, 5),
                        new Config.Database(Config.Engine.CITUS, 6, 70, 80, 90),
                        new Config.Auth(85),
                        new Config.Audit(15, 16, Path.of("/mnt/checkpoints"), new Secret(SIGNING_KEY)),
                        new Config.Bridges(
                                7000,
                                "10.0.0.2",
                                new Config.ServerTls(
                                        folder.resolve("cert.pem"),
                                        folder.resolve("key.pem"),
                                        folder.resolve("ca.pem")),
                                7001,
                                17,
                                18),
                        new Config.Cluster(
                                "blue",
                                "10.0.0.2",
                                17,
                                18,
                                List.of("10.0.0.2:17", "node-3:17"),
                                null,
                                Config.Routing.HASH,
                                new Config.Tls(certificate, nodeKey, authority))));
    }

    @ParameterizedTest
    @CsvSource({
        "ENVIRONMENT, staging",
        "PORT, 65536",
        "PORT, http",
        "PORT, 8080.0",
        "AUTH_SERVICE_URL, ftp://auth",
        "AUTH_SERVICE_URL, http://auth?x=y",
        "AUTH_SERVICE_URL, internal",
        "AUTH_SERVICE_URL, HTTP://auth",
        "AUTH_SERVICE_URL, http://user@127.0.0.1@evil.example",
        "AUTH_SERVICE_INSECURE, true",
        "DEV_ALLOW_REMOTE, yes",
        "HOST, 0.0.0.0",
        "HOST, ::",
        "HOST, 10.0.0.1",
        "HOST, localhost.",
        "CAGEN_QUOTA_SERVICE_SECRET_KEY, AAAA",
        "CAGEN_QUOTA_SERVICE_SECRET_KEY, not base64!",
        "DATABASE_URL, mysql://u:p@h/d",
        "QUOTA_SERVICE_ID, a:b",
        "LOG_LEVEL, loud",
        "LOG_FORMAT, xml",
        "ALLOWED_ORIGINS, *",
        "ALLOWED_ORIGINS, https://a.example/path",
        "QUOTA_ROLES, http;quota",
        "EVENT_LOOPS, 0",
        "LANES, 0",
        "MAX_BATCH, 1001",
        "MAX_QUEUE, 0",
        "TREE_CONCURRENCY, 65",
        "DATABASE_POOL_SIZE, 1",
        "LOCK_TIMEOUT_MS, 9",
        "STATEMENT_TIMEOUT_MS, 2000",
        "BUS_TIMEOUT_MS, 5000",
        "HTTP_TIMEOUT_MS, 8000",
        "HTTP_IDLE_TIMEOUT_S, 0",
        "HTTP_INSTANCES, -1",
        "HTTP_MAX_CONNECTIONS, 99999999999999999999",
        "AUTH_TIMEOUT_MS, 8000",
        "AUDIT_DRAIN_INTERVAL_MS, 5",
        "AUDIT_MAX_LAG_MS, 250",
        "AUDIT_SIGNING_KEY, not base64!",
        "AUDIT_SIGNING_KEY, AAAA",
        "AUDIT_SIGNING_KEY, file:/no/such/file",
    })
    void refusesTheValueAndNamesIt(String name, String value) {
        Map<String, String> values = new HashMap<>(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY));
        values.put(name, value);
        assertThat(problemsOf(values)).singleElement().asString().startsWith(name + "=");
    }

    @Test
    void refusesProductionWithOneLineForEachThingThatIsMissing() {
        assertThat(problemsOf(Map.of("ENVIRONMENT", "production")))
                .satisfiesExactlyInAnyOrder(
                        line -> assertThat(line).startsWith("DATABASE_URL is required"),
                        line -> assertThat(line).startsWith("AUTH_SERVICE_URL is required"),
                        line -> assertThat(line).startsWith("CAGEN_QUOTA_SERVICE_SECRET_KEY is required"));
    }

    @Test
    void choosesTheBuiltInAuthServiceByItsWordInProductionAndListensEverywhere() {
        Config config = load(Map.of(
                "ENVIRONMENT",
                "production",
                "DATABASE_URL",
                "postgresql://u:p@h/d",
                "AUTH_SERVICE_URL",
                "embedded",
                "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                KEY));
        assertThat(config.authServiceUrl()).isNull();
        assertThat(config.host()).isEqualTo("0.0.0.0");
    }

    private static Map<String, String> production(String... more) {
        Map<String, String> values = new HashMap<>(Map.of(
                "ENVIRONMENT", "production",
                "DATABASE_URL", "postgresql://u:p@h/d",
                "AUTH_SERVICE_URL", "embedded",
                "CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY));
        for (int i = 0; i < more.length; i += 2) {
            values.put(more[i], more[i + 1]);
        }
        return values;
    }

    @Test
    void sendsCredentialsUnencryptedToAnotherMachineInProductionOnlyWhenToldTo() {
        for (String url : List.of(
                "http://auth.internal:8081", "http://10.0.0.1", "http://127.0.0.1.evil.example", "http://localhost.")) {
            assertThat(problemsOf(production("AUTH_SERVICE_URL", url)))
                    .singleElement(InstanceOfAssertFactories.STRING)
                    .startsWith("AUTH_SERVICE_URL=" + url + " sends credentials unencrypted")
                    .contains("AUTH_SERVICE_INSECURE=allow");
            Map<String, String> allowed = production("AUTH_SERVICE_URL", url, "AUTH_SERVICE_INSECURE", "allow");
            assertThat(load(allowed).authServiceUrl()).isEqualTo(url);
            assertThat(load(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "AUTH_SERVICE_URL", url))
                            .authServiceUrl())
                    .isEqualTo(url); // in development
        }
        for (String url :
                List.of("https://auth.internal", "http://localhost:1", "http://127.1.2.3", "http://[::1]:1")) {
            assertThat(load(production("AUTH_SERVICE_URL", url)).authServiceUrl())
                    .isEqualTo(url);
        }
    }

    @Test
    void listensForOtherMachinesInDevelopmentOnlyWhenToldTo() {
        Map<String, String> everywhere = Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "HOST", "0.0.0.0");
        assertThat(problemsOf(everywhere))
                .singleElement(InstanceOfAssertFactories.STRING)
                .startsWith("HOST=0.0.0.0 can be reached by other machines")
                .contains("DEV_ALLOW_REMOTE=true");
        Map<String, String> allowed = new HashMap<>(everywhere);
        allowed.put("DEV_ALLOW_REMOTE", "true");
        assertThat(load(allowed).host()).isEqualTo("0.0.0.0");
        for (String host : List.of("localhost", "::1", "[::1]", "127.0.0.2")) {
            assertThat(load(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "HOST", host))
                            .host())
                    .isEqualTo(host);
        }
    }

    @Test
    void refusesAKeyOfEqualBytesInProduction() {
        for (byte each : new byte[] {0, 1, -1}) {
            byte[] equal = new byte[32];
            Arrays.fill(equal, each);
            String key = Base64.getEncoder().encodeToString(equal);
            assertThat(problemsOf(production("CAGEN_QUOTA_SERVICE_SECRET_KEY", key)))
                    .singleElement(InstanceOfAssertFactories.STRING)
                    .startsWith("CAGEN_QUOTA_SERVICE_SECRET_KEY=*** is 32 times the same byte");
            assertThat(load(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", key))
                            .secretKey()
                            .reveal())
                    .isEqualTo(key);
            equal[31]++;
            String other = Base64.getEncoder().encodeToString(equal);
            assertThat(load(production("CAGEN_QUOTA_SERVICE_SECRET_KEY", other)))
                    .isNotNull();
        }
    }

    private static final Map<String, String> CLUSTERED = Map.of(
            "CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY,
            "DATABASE_URL", "postgresql://u:p@h/d",
            "AUTH_SERVICE_URL", "embedded",
            "CLUSTER", "on",
            "CLUSTER_HOST", "10.0.0.2",
            "CLUSTER_MEMBERS", "10.0.0.2:5701");

    private static Map<String, String> clustered(String... more) {
        Map<String, String> values = new HashMap<>(CLUSTERED);
        for (int i = 0; i < more.length; i += 2) {
            values.put(more[i], more[i + 1]);
        }
        return values;
    }

    @Test
    void takesPartInAClusterWhenToldTo() {
        assertThat(load(clustered()).cluster())
                .isEqualTo(new Config.Cluster(
                        "cagen-quota",
                        "10.0.0.2",
                        5701,
                        5702,
                        List.of("10.0.0.2:5701"),
                        null,
                        Config.Routing.LOCAL,
                        null));
        assertThat(load(clustered("CLUSTER", "true"))).isEqualTo(load(clustered())); // as YAML has it
        Config.Cluster byDns = load(clustered("CLUSTER_MEMBERS", "", "CLUSTER_KUBERNETES_DNS", "quota.prod.svc"))
                .cluster();
        assertThat(byDns).isNotNull();
        assertThat(byDns.kubernetesDns()).isEqualTo("quota.prod.svc");
        assertThat(byDns.members()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "CLUSTER, maybe",
        "CLUSTER_NAME, two words",
        "CLUSTER_HOST, 0.0.0.0",
        "CLUSTER_PORT, 0",
        "CLUSTER_BUS_PORT, 65536",
        "CLUSTER_MEMBERS, 10.0.0.2",
        "CLUSTER_MEMBERS, 10.0.0.2:5701;10.0.0.3:5701",
        "CLUSTER_ROUTING, random",
        "CLUSTER_INSECURE, yes",
    })
    void refusesTheValueOfAClusterSettingAndNamesIt(String name, String value) {
        assertThat(problemsOf(clustered(name, value)))
                .singleElement()
                .asString()
                .startsWith(name + "=");
    }

    @ParameterizedTest
    @CsvSource({"DATABASE_URL", "CAGEN_QUOTA_SERVICE_SECRET_KEY", "CLUSTER_MEMBERS"})
    void refusesAClusterWithoutWhatItsNodesShare(String name) {
        assertThat(problemsOf(clustered(name, ""))).singleElement().asString().startsWith(name + " is required");
    }

    @Test
    void refusesAClusterInProductionWithoutItsAddressAndCertificates() {
        assertThat(problemsOf(clustered("ENVIRONMENT", "production", "CLUSTER_HOST", "")))
                .satisfiesExactlyInAnyOrder(
                        line -> assertThat(line).startsWith("CLUSTER_HOST is required"),
                        line -> assertThat(line).startsWith("CLUSTER_TLS_CERT is required"));
        assertThat(load(clustered("ENVIRONMENT", "production", "CLUSTER_INSECURE", "allow"))
                        .cluster())
                .isNotNull();
    }

    @Test
    void refusesHalfOfTheCertificatesAndThoseThatAreNotThere() throws Exception {
        String file = Files.createFile(folder.resolve("node.pem")).toString();
        assertThat(problemsOf(clustered("CLUSTER_TLS_CERT", file)))
                .satisfiesExactlyInAnyOrder(
                        line -> assertThat(line).startsWith("CLUSTER_TLS_KEY is missing"),
                        line -> assertThat(line).startsWith("CLUSTER_TLS_CA is missing"));
        assertThat(problemsOf(clustered(
                        "CLUSTER_TLS_CERT", file, "CLUSTER_TLS_KEY", file, "CLUSTER_TLS_CA", "/no/such/file")))
                .singleElement()
                .asString()
                .startsWith("CLUSTER_TLS_CA=/no/such/file cannot be read");
    }

    @Test
    void leavesWorkToOtherNodesOnlyInACluster() {
        assertThat(problemsOf(Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY, "QUOTA_ROLES", "http,quota")))
                .singleElement()
                .asString()
                .startsWith("QUOTA_ROLES=http,quota leaves work to other nodes");
    }

    @Test
    void needsNoDatabaseAndNoAuthServiceToServeHttpAlone() {
        Config config = load(clustered(
                "ENVIRONMENT", "production",
                "CLUSTER_INSECURE", "allow",
                "QUOTA_ROLES", "http",
                "DATABASE_URL", "",
                "AUTH_SERVICE_URL", ""));
        assertThat(config.usesDatabase()).isFalse();
    }

    @Test
    void neverPrintsASecret() {
        Map<String, String> values = Map.of(
                "DATABASE_URL", "mysql://u:hunter2@h/d",
                "AUTH_SERVICE_URL", "http://u:hunter2@auth",
                "CAGEN_QUOTA_SERVICE_SECRET_KEY", "hunter2");
        assertThatThrownBy(() -> load(values)).hasMessageNotContaining("hunter2");
        assertThat(problemsOf(values)).hasSize(3);
        assertThat(load(Map.of("DATABASE_URL", "postgresql://u:hunter2@h/d", "CAGEN_QUOTA_SERVICE_SECRET_KEY", KEY)))
                .asString()
                .doesNotContain("hunter2")
                .doesNotContain(KEY);
    }

    @Test
    void makesAKeyForDevelopmentOnceAndKeepsItForItsOwnerAlone() throws Exception {
        Map<String, String> values = Map.of("DATA_DIR", folder.resolve("new").toString());
        Secret made = load(values).secretKey();
        Path file = folder.resolve("new").resolve("secret.key");
        assertThat(Base64.getDecoder().decode(made.reveal())).hasSize(32);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(load(values).secretKey()).isEqualTo(made);
        assertThat(said).singleElement().asString().contains(file.toString()).doesNotContain(made.reveal());
    }

    @Test
    void refusesAKeptKeyThatWasDamaged() throws Exception {
        Files.writeString(folder.resolve("secret.key"), "");
        assertThat(problemsOf(Map.of("DATA_DIR", folder.toString())))
                .singleElement()
                .asString()
                .contains("secret.key");
    }

    @Test
    void makesNoKeyForAConfigurationThatIsRefused() {
        assertThat(problemsOf(Map.of("DATA_DIR", folder.toString(), "PORT", "x")))
                .hasSize(1);
        assertThat(folder.resolve("secret.key")).doesNotExist();
    }

    @Test
    void derivesTheConnectionsFromTheHeap() {
        long megabyte = 1024 * 1024;
        assertThat(ConfigLoader.connectionsThatFit(16 * megabyte)).isEqualTo(64);
        assertThat(ConfigLoader.connectionsThatFit(256 * megabyte)).isEqualTo(819);
        assertThat(ConfigLoader.connectionsThatFit(1024 * megabyte)).isEqualTo(3_276);
        assertThat(ConfigLoader.connectionsThatFit(8 * 1024 * megabyte)).isEqualTo(10_000);
        assertThat(ConfigLoader.connectionsThatFit(Long.MAX_VALUE)).isEqualTo(10_000);
    }
}
