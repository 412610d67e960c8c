package com.cagen.quota.auth;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.Secret;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.testing.TestConfig;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** What the tests of this package share. */
public final class AuthFixtures {
    public static final String SERVICE = "svc_cagen_quota";
    public static final byte[] KEY = Base64.getDecoder().decode(TestConfig.KEY);
    public static final Caller USER = new Caller("org_1", "user_1", SERVICE, List.of("team_dev"));
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private AuthFixtures() {}

    public static Config config(long timeoutMillis) {
        return new Config(
                Config.Environment.DEVELOPMENT,
                "127.0.0.1",
                0,
                Path.of("data"),
                null,
                null,
                SERVICE,
                Config.Services.of(new Secret(Base64.getEncoder().encodeToString(KEY))),
                Config.LogLevel.INFO,
                Config.LogFormat.TEXT,
                List.of(),
                EnumSet.allOf(Config.Role.class),
                2,
                new Config.Http(1, timeoutMillis + 10_000, 60, 100),
                new Config.Lanes(1, 100, 1_000, 4),
                new Config.Database(TestConfig.ENGINE, 4, 1_000, 2_000, timeoutMillis + 5_000),
                new Config.Auth(timeoutMillis),
                new Config.Audit(250, 10_000, null),
                TestConfig.NO_BRIDGES,
                null);
    }

    public static CredentialCipher credentials() {
        return new CredentialCipher(SERVICE, KEY);
    }

    /** Runs {@code work} on the context, as a verticle would, and waits for it. */
    public static <T> T on(Context context, Supplier<Future<T>> work) {
        Promise<T> done = Promise.promise();
        context.runOnContext(ignored -> work.get().onComplete(done));
        return await(done.future());
    }

    public static <T> T await(Future<T> future) {
        try {
            return future.await(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new AssertionError("no answer in " + PATIENCE, e);
        }
    }

    /** Waits until {@code condition} holds. */
    public static void until(Vertx vertx, String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not in " + PATIENCE + ": " + what);
            }
            await(vertx.timer(20, TimeUnit.MILLISECONDS));
        }
    }
}
