package com.cagen.quota.bench;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The shipped jar, in production mode with its built-in auth service, and the quotas that it is measured on. */
final class ServiceProcess implements AutoCloseable {
    static final String SERVICE_ID = "svc_cagen_quota";
    static final int ORGANIZATIONS = 100;
    private static final int SETUP_CALLERS = 64;
    private static final long TOTAL_MB = 9_000_000_000_000_000L;

    final byte[] key = new byte[32];
    final int port;
    /** Where its tables are. */
    final String database;

    private final Process process;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** Quotas of organization {@code org_<n % 100>}, made by {@link #setUp}; the first is the hot one. */
    final List<String> quotas = new ArrayList<>();

    /** @param database is made anew; its name goes into the names of the service's files as well */
    ServiceProcess(
            Path folder, BenchmarkPostgres postgres, String database, int port, List<String> javaOptions, Path jar)
            throws Exception {
        new SecureRandom().nextBytes(key);
        this.port = port;
        this.database = database;
        postgres.execute("postgres", "CREATE DATABASE " + database);
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(javaOptions);
        command.addAll(List.of("-jar", jar.toString()));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log(folder).toFile());
        builder.environment().put("MALLOC_ARENA_MAX", "2"); // as the image does: less memory between threads
        builder.environment()
                .putAll(Map.of(
                        "DATABASE_URL",
                        postgres.url(database),
                        "ENVIRONMENT",
                        "production",
                        "HOST",
                        "127.0.0.1",
                        "PORT",
                        Integer.toString(port),
                        "AUTH_SERVICE_URL",
                        "embedded",
                        "DATA_DIR",
                        folder.resolve("data-" + database).toString(),
                        "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                        Base64.getEncoder().encodeToString(key),
                        // The heap of the benchmark would allow fewer connections than its largest load has.
                        "HTTP_MAX_CONNECTIONS",
                        "1000"));
        process = builder.start();
        for (int i = 0; ; i++) {
            try {
                if (http.send(
                                        HttpRequest.newBuilder(uri("/health/ready"))
                                                .build(),
                                        HttpResponse.BodyHandlers.ofString())
                                .statusCode()
                        == 200) {
                    return;
                }
            } catch (java.io.IOException e) {
                // not yet
            }
            if (i == 300 || !process.isAlive()) {
                throw new IllegalStateException("the service did not start: see " + log(folder));
            }
            Thread.sleep(100);
        }
    }

    private Path log(Path folder) {
        return folder.resolve(database + ".log");
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    long pid() {
        return process.pid();
    }

    /** Root quotas, spread over the organizations, and a reader who is no owner for every fifth one. */
    void setUp(int count) throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(SETUP_CALLERS);
        try {
            List<Callable<String>> creations = new ArrayList<>();
            for (int n = 0; n < count; n++) {
                String organization = organization(n);
                JsonObject body = new JsonObject()
                        .put("name", "Quota " + n)
                        .put("type", "organization")
                        .put("total_mb", TOTAL_MB);
                creations.add(
                        () -> call("POST", organization, "/quotas/create", body).getString("id"));
            }
            for (Future<String> created : callers.invokeAll(creations)) {
                quotas.add(created.get());
            }
            List<Callable<JsonObject>> grants = new ArrayList<>();
            for (int n = 0; n < count; n += 5) {
                String quota = quotas.get(n);
                String organization = organization(n);
                JsonObject body =
                        new JsonObject().put("target_user_id", "reader").put("permissions", JsonArray.of("read"));
                grants.add(() -> call("POST", organization, "/quotas/" + quota + "/permissions/grant", body));
            }
            for (Future<JsonObject> granted : callers.invokeAll(grants)) {
                granted.get();
            }
        } finally {
            callers.shutdown();
        }
    }

    static String organization(int quota) {
        return "org_" + quota % ORGANIZATIONS;
    }

    /** The data of an owner's request that must succeed. */
    JsonObject call(String method, String organization, String path, JsonObject body) throws Exception {
        String credential = new CredentialCipher(SERVICE_ID, key)
                .seal(new Caller(organization, "owner", SERVICE_ID, List.of()), System.currentTimeMillis());
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(uri("/api/v1" + path))
                        .header("Content-Type", "application/json")
                        .header("Authorization", "Cagen " + SERVICE_ID + ":" + credential)
                        .method(method, HttpRequest.BodyPublishers.ofString(body.encode()))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IllegalStateException(path + ": " + response.body());
        }
        JsonObject data = new JsonObject(response.body()).getJsonObject("data");
        return data == null ? new JsonObject() : data;
    }

    @Override
    public void close() throws Exception {
        process.destroy(); // SIGTERM
        process.waitFor();
    }
}
