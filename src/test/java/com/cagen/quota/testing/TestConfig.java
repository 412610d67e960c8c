package com.cagen.quota.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.Secret;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** A configuration for tests. */
public final class TestConfig {
    /** 32 bytes, in base64; not all the same, which production refuses. */
    /** As without any setting. */
    public static final Config.Bridges NO_BRIDGES = new Config.Bridges(null, "127.0.0.1", null, null, 1_000, 1_000);

    public static final String KEY =
            Base64.getEncoder().encodeToString("the key that all our tests share".getBytes(UTF_8));

    /** What the tests run as: the {@code TEST_DATABASE_ENGINE} of the environment, whatever the database really is. */
    public static final Config.Engine ENGINE = Config.Engine.valueOf(
            System.getenv().getOrDefault("TEST_DATABASE_ENGINE", "postgresql").toUpperCase(Locale.ROOT));

    private TestConfig() {}

    public static Config of(String databaseUrl) {
        return of(databaseUrl, NO_BRIDGES);
    }

    public static Config of(String databaseUrl, Config.Bridges bridges) {
        return new Config(
                Config.Environment.DEVELOPMENT,
                "127.0.0.1",
                0,
                Path.of("target", "test-data"),
                new Secret(databaseUrl),
                null,
                "svc_cagen_quota",
                Config.Services.of(new Secret(KEY)),
                Config.LogLevel.INFO,
                Config.LogFormat.TEXT,
                List.of(),
                Set.of(Config.Role.values()),
                2,
                new Config.Http(1, 15_000, 30, 1_000),
                new Config.Lanes(2, 64, 10_000, 4),
                new Config.Database(TestConfig.ENGINE, 8, 2_000, 5_000, 10_000),
                new Config.Auth(2_000),
                new Config.Audit(250, 60_000, null),
                bridges,
                null);
    }

    /** The same with other settings of the audit. */
    public static Config withAudit(Config plain, Config.Audit audit) {
        return with(plain, plain.http(), plain.auth(), audit);
    }

    /** The same with other settings of HTTP and of the auth service. */
    public static Config with(Config plain, Config.Http http, Config.Auth auth) {
        return with(plain, http, auth, plain.audit());
    }

    private static Config with(Config plain, Config.Http http, Config.Auth auth, Config.Audit audit) {
        return new Config(
                plain.environment(),
                plain.host(),
                plain.port(),
                plain.dataDir(),
                plain.databaseUrl(),
                plain.authServiceUrl(),
                plain.serviceId(),
                plain.services(),
                plain.logLevel(),
                plain.logFormat(),
                plain.allowedOrigins(),
                plain.roles(),
                plain.eventLoops(),
                http,
                plain.lanes(),
                plain.database(),
                auth,
                audit,
                plain.bridges(),
                plain.cluster());
    }
}
