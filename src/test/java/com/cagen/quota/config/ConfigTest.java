package com.cagen.quota.config;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.testing.TestConfig;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Records refuse what they cannot be, whoever makes them. */
class ConfigTest {
    private static void refuses(String setting, ThrowingCallable... wrong) {
        for (ThrowingCallable each : wrong) {
            assertThatThrownBy(each)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith(setting);
        }
    }

    @Test
    void acceptsTheLimitsThemselves() {
        assertThatCode(() -> {
                    new Config.Lanes(1, 1, 1, 1);
                    new Config.Lanes(64, 1_000, 1_000_000, 64);
                    new Config.Http(1, 1, 1, 1);
                    new Config.Http(64, 1, 3_600, 1_000_000);
                    new Config.Database(Config.Engine.CITUS, 2, 10, 11, 12);
                })
                .doesNotThrowAnyException();
    }

    @Test
    void refusesNumbersOutOfRange() {
        refuses("LANES", () -> new Config.Lanes(0, 1, 1, 1), () -> new Config.Lanes(65, 1, 1, 1));
        refuses("MAX_BATCH", () -> new Config.Lanes(1, 0, 1, 1), () -> new Config.Lanes(1, 1_001, 1, 1));
        refuses("MAX_QUEUE", () -> new Config.Lanes(1, 1, 0, 1));
        refuses("TREE_CONCURRENCY", () -> new Config.Lanes(1, 1, 1, 65));
        refuses("HTTP_INSTANCES", () -> new Config.Http(0, 1, 1, 1));
        refuses("HTTP_IDLE_TIMEOUT_S", () -> new Config.Http(1, 1, 0, 1));
        refuses("HTTP_MAX_CONNECTIONS", () -> new Config.Http(1, 1, 1, 0));
        refuses("DATABASE_POOL_SIZE", () -> new Config.Database(Config.Engine.CITUS, 1, 10, 11, 12));
        refuses("LOCK_TIMEOUT_MS", () -> new Config.Database(Config.Engine.CITUS, 2, 9, 11, 12));
        refuses("AUTH_TIMEOUT_MS", () -> new Config.Auth(9));
        refuses("AUDIT_DRAIN_INTERVAL_MS", () -> new Config.Audit(9, 60_000, null));
        refuses("BRIDGE_MAX_CONNECTIONS", () -> new Config.Bridges(null, "127.0.0.1", null, null, 0, 1));
        refuses("BRIDGE_MAX_MESSAGES_PER_S", () -> new Config.Bridges(null, "127.0.0.1", null, null, 1, 0));
        refuses("PORT", () -> new Config.Bridges(65_536, "127.0.0.1", null, null, 1, 1));
        refuses(
                "CLUSTER_PORT",
                () -> new Config.Cluster("c", "h", 0, 0, List.of("h:1"), null, Config.Routing.HASH, null));
    }

    @Test
    void refusesDeadlinesThatOvertakeEachOther() {
        refuses("STATEMENT_TIMEOUT_MS", () -> new Config.Database(Config.Engine.CITUS, 2, 10, 10, 12));
        refuses("BUS_TIMEOUT_MS", () -> new Config.Database(Config.Engine.CITUS, 2, 10, 11, 11));
        refuses("AUDIT_MAX_LAG_MS", () -> new Config.Audit(10, 10, null));
        Config plain = TestConfig.of("postgresql://localhost/test");
        refuses("HTTP_TIMEOUT_MS", () -> TestConfig.with(plain, new Config.Http(1, 10_000, 1, 1), plain.auth()));
        refuses("AUTH_TIMEOUT_MS", () -> TestConfig.with(plain, plain.http(), new Config.Auth(10_000)));
    }
}
