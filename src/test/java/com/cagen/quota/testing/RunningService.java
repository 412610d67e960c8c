package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigLoader;
import com.cagen.quota.node.QuotaService;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The whole service, as {@code main} would start it, on a fresh database and a free port. Whatever it answers is held against
 * the OpenAPI document; when it is closed, the invariants and the audit chains are checked.
 */
public final class RunningService implements AutoCloseable {
    public static final String SERVICE = "svc_cagen_quota";
    private static final long PATIENCE_SECONDS = 30;

    private final Map<String, String> settings = new HashMap<>();
    private final CredentialCipher credentials =
            new CredentialCipher(SERVICE, Base64.getDecoder().decode(TestConfig.KEY));
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ContractChecker contract = new ContractChecker();
    private QuotaService service;

    /** With the built-in auth service, for development. */
    public RunningService() {
        this(Map.of());
    }

    /** @param settings over the defaults, by the names of the environment */
    public RunningService(Map<String, String> settings) {
        this(TestDatabase.create(), settings);
    }

    /** @param url of a database that may have a schema of an earlier release */
    public RunningService(String url, Map<String, String> settings) {
        this.settings.putAll(Map.of(
                "DATABASE_URL",
                url,
                "DATABASE_ENGINE",
                TestConfig.ENGINE.name(),
                "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                TestConfig.KEY,
                "HOST",
                "127.0.0.1",
                "PORT",
                "0",
                "DATA_DIR",
                "target/test-data/" + DatabaseUrl.parse(url).database(),
                "LANES",
                "2"));
        this.settings.putAll(settings);
        this.service = start(config());
    }

    private Config config() {
        return ConfigLoader.load(settings, DatabaseUrl::parse, notice -> {});
    }

    private static QuotaService start(Config config) {
        try {
            QuotaService service = new QuotaService(config);
            service.start();
            return service;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops it and starts it again on the same database, on another port. */
    public void restart() {
        service.close();
        service = start(config());
    }

    /** For the login that migrates: whatever it does, the service has no part in it. */
    public String databaseUrl() {
        return settings.getOrDefault("DATABASE_URL", "");
    }

    public Path dataDir() {
        return config().dataDir();
    }

    /** {@code http://host:port} */
    public String base() {
        return "http://127.0.0.1:" + service.port();
    }

    public QuotaService service() {
        return service;
    }

    /** Somebody with these teams. */
    public User user(String organization, String user, String... teams) {
        return new User(this, new Caller(organization, user, SERVICE, List.of(teams)));
    }

    /** {@code encrypted_data} of a credential made at {@code millis}. */
    public synchronized String seal(Caller caller, long millis) {
        return credentials.seal(caller, millis);
    }

    /** Sends as it is, without a credential. */
    public Reply send(String method, String path, String body, String... headers) {
        return await(sendAsync(method, path, body, headers));
    }

    /**
     * Sends without a credential.
     *
     * @param body none when empty
     * @param headers names and values in turn
     */
    public CompletableFuture<Reply> sendAsync(String method, String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base() + path))
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
                .thenApply(response -> checked(method, path, response));
    }

    private Reply checked(String method, String path, HttpResponse<String> response) {
        MultiMap headers = MultiMap.caseInsensitiveMultiMap();
        response.headers().map().forEach(headers::add);
        int query = path.indexOf('?');
        String plain = query < 0 ? path : path.substring(0, query);
        contract.check(method, plain, response.statusCode(), headers, response.body());
        return new Reply(response.statusCode(), headers, response.body());
    }

    /** The value, however long it takes within reason. */
    public static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError("no answer in " + PATIENCE_SECONDS + " s", e);
        }
    }

    /** The values of all, in their order. */
    public static <T> List<T> awaitAll(List<CompletableFuture<T>> futures) {
        return futures.stream().map(RunningService::await).toList();
    }

    /** Waits for {@code condition}, which is asked again and again. */
    public static void until(String what, BooleanSupplier condition) {
        until(PATIENCE_SECONDS, what, condition);
    }

    /** As {@link #until(String, BooleanSupplier)}, for {@code seconds} at most. */
    public static void until(long seconds, String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - deadline)
                    .as("not in %d s: %s", seconds, what)
                    .isNegative();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    /** Waits until the auth service knows of every quota and of the admins named at its creation. */
    public void awaitRegistrations() {
        until("the auth outbox is empty", () -> {
            try (Connection connection = TestDatabase.connect(databaseUrl());
                    var statement = connection.createStatement();
                    var rows = statement.executeQuery("SELECT FROM quota.auth_outbox LIMIT 1")) {
                return !rows.next();
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
        });
    }

    /** Stops the service and asserts that what it leaves is in order. */
    @Override
    public void close() {
        Invariants.awaitSealed(databaseUrl());
        service.close();
        ChainVerification.Report report = verify();
        assertThat(report.firstBad()).isNull();
        Invariants.check(databaseUrl());
    }

    private ChainVerification.Report verify() {
        Vertx vertx = Vertx.vertx();
        try {
            Database database =
                    Database.open(vertx, DatabaseUrl.parse(databaseUrl()), config().database(), "verify", 2);
            return await(ChainVerification.run(database));
        } finally {
            await(vertx.close());
        }
    }

    /** As {@link #await(CompletableFuture)}. */
    public static <T> T await(Future<T> future) {
        return await(future.toCompletionStage().toCompletableFuture());
    }
}
