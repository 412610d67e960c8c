package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.cagen.quota.testing.JarProcess;
import com.cagen.quota.testing.PreparedDataFolder;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.Shell;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar as somebody runs it who has nothing but a JDK. */
@Tag("engine-independent")
class JarIT {
    private static final int SIGTERM = 128 + 15;
    private static final int WORKERS = 8;
    private static final Pattern JAVA_VERSION = Pattern.compile("JAVA_VERSION=\"(\\d+)");

    @TempDir
    Path folder;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Test
    void startsWithNothingAndDoesWhatItGreetsWith() throws Exception {
        startsAndStops(JarProcess.ownJava());
    }

    @Test
    void worksOnANewerJavaToo() throws Exception {
        Optional<Path> newer = newerJava();
        assumeTrue(newer.isPresent(), "there is no newer JDK under /usr/lib/jvm");
        startsAndStops(newer.get());
    }

    /** As in a container whose user is just a number. */
    @Test
    void worksForAUserWithoutAName() throws Exception {
        String as = "setpriv --reuid=12345 --regid=12345 --clear-groups ";
        assumeTrue(
                Shell.run(as + "test -r target/cagen-quota.jar && echo yes")
                        .output()
                        .startsWith("yes"),
                "only root may become somebody else");
        Path bin = Files.createDirectories(folder.resolve("java/bin"));
        Path java = Files.writeString(
                bin.resolve("java"), "#!/bin/sh\nexec " + as + JarProcess.ownJava() + "/bin/java \"$@\"\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        Files.setAttribute(folder, "unix:uid", 12_345);
        try (JarProcess service = JarProcess.serve(folder.resolve("java"), folder)) {
            service.terminate();
            assertThat(service.awaitExit()).as(service.output()).isIn(0, SIGTERM);
            assertThat(service.postgres()).isEmpty();
        }
    }

    private static Optional<Path> newerJava() throws IOException {
        Path root = Path.of("/usr/lib/jvm");
        if (!Files.isDirectory(root)) {
            return Optional.empty();
        }
        try (Stream<Path> homes = Files.list(root)) {
            return homes.filter(home -> version(home) > Runtime.version().feature())
                    .sorted()
                    .findFirst();
        }
    }

    private static int version(Path home) {
        try {
            Matcher matcher = JAVA_VERSION.matcher(Files.readString(home.resolve("release")));
            return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    private void startsAndStops(Path java) throws Exception {
        try (JarProcess service = JarProcess.serve(java, folder)) {
            Shell.Result greeted = Shell.run(service.greetedCommands());
            assertThat(greeted.errors()).isEmpty();
            JsonObject quota = new JsonObject(greeted.output()).getJsonObject("data");
            assertThat(quota.getString("owner_id")).isEqualTo("alice");

            // A credential of the command line, from the key that the service has made itself.
            JarProcess credential =
                    new JarProcess(java, folder, Map.of(), "credential", "--user", "alice", "--organization", "acme");
            assertThat(credential.awaitExit()).as(credential.output()).isZero();
            HttpRequest get = HttpRequest.newBuilder(
                            URI.create(service.base() + "/api/v1/quotas/" + quota.getString("id")))
                    .header("Authorization", credential.output().strip())
                    .build();
            HttpResponse<String> answer = client.send(get, HttpResponse.BodyHandlers.ofString());
            JsonObject read = new JsonObject(answer.body()).getJsonObject("data");
            // Only who reads a quota is told what they may do with it.
            assertThat(read.remove("my_permissions")).isEqualTo(new JsonArray(List.of("read", "admin", "owner")));
            assertThat(read).isEqualTo(quota);

            JarProcess second = new JarProcess(java, folder, Map.of("PORT", "0"));
            assertThat(second.awaitExit()).isOne();
            assertThat(second.output())
                    .doesNotContain("\tat ")
                    .contains("another quota service is running on the data folder");

            assertThat(service.output()).doesNotContain("WARNING").doesNotContain("Exception");
            service.terminate();
            assertThat(service.awaitExit()).isIn(0, SIGTERM);
            assertThat(service.postgres()).isEmpty();
        }
    }

    @Test
    void losesNothingWhenItIsStoppedUnderLoadOrKilled() throws Exception {
        PreparedDataFolder.copyTo(folder.resolve("data"));
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        Set<String> unanswered = ConcurrentHashMap.newKeySet();
        String quota;
        try (JarProcess service = JarProcess.serve(JarProcess.ownJava(), folder)) {
            quota = send(
                            service,
                            "POST",
                            "/quotas/create",
                            new JsonObject()
                                    .put("name", "n")
                                    .put("type", "organization")
                                    .put("total_mb", 1_000_000))
                    .getString("id");
            List<CompletableFuture<Void>> load = new ArrayList<>();
            for (int i = 0; i < WORKERS; i++) {
                int worker = i;
                load.add(CompletableFuture.runAsync(() -> work(service, quota, worker, acknowledged, unanswered)));
            }
            RunningService.until("the load is on", () -> acknowledged.size() > 40 * WORKERS);
            service.terminate();
            load.forEach(RunningService::await);
            assertThat(service.awaitExit()).as(service.output()).isIn(0, SIGTERM);
            assertThat(service.postgres()).isEmpty();
            assertThat(service.output()).doesNotContain("ERROR").doesNotContain("while stopping");
        }
        // Whatever was begun was answered: what got no answer, because the door was shut, has had no effect either.
        try (JarProcess again = JarProcess.serve(JarProcess.ownJava(), folder)) {
            assertThat(used(again, quota))
                    .isEqualTo(new TreeSet<>(acknowledged))
                    .doesNotContainAnyElementsOf(unanswered);
            acknowledged.add(take(again, quota, "before the kill"));
            again.kill();
            again.awaitExit();
            assertThat(again.postgres()).as("lives on without its service").isPresent();

            try (JarProcess recovered = JarProcess.serve(JarProcess.ownJava(), folder)) {
                assertThat(used(recovered, quota)).isEqualTo(new TreeSet<>(acknowledged));
                acknowledged.add(take(recovered, quota, "after the kill"));
                recovered.terminate();
                assertThat(recovered.awaitExit()).isIn(0, SIGTERM);
            }
        }
        JarProcess verify = new JarProcess(JarProcess.ownJava(), folder, Map.of(), "audit", "verify");
        assertThat(verify.awaitExit()).as(verify.output()).isZero();
        assertThat(verify.output())
                .contains("1 organizations, " + (acknowledged.size() + 1) + " entries")
                .contains("all chains are whole");
        assertThat(verify.postgres()).isEmpty();
    }

    @Test
    void startsItsPostgresqlAgainWithoutLosingAnythingAndEndsWhenThatIsImpossible() throws Exception {
        PreparedDataFolder.copyTo(folder.resolve("data"));
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        Set<String> unknown = ConcurrentHashMap.newKeySet();
        Set<String> refusals = ConcurrentHashMap.newKeySet();
        AtomicBoolean enough = new AtomicBoolean();
        Path control = folder.resolve("data/postgres/global/pg_control");
        try (JarProcess service = JarProcess.serve(JarProcess.ownJava(), folder)) {
            JsonObject create = new JsonObject()
                    .put("name", "n")
                    .put("type", "organization")
                    .put("total_mb", 1_000_000);
            String quota = send(service, "POST", "/quotas/create", create).getString("id");
            List<CompletableFuture<Void>> load = new ArrayList<>();
            for (int i = 0; i < WORKERS; i++) {
                int worker = i;
                load.add(CompletableFuture.runAsync(() -> {
                    for (int n = 0; !enough.get(); n++) {
                        tryToTake(service, quota, worker + "/" + n, acknowledged, unknown, refusals);
                    }
                }));
            }
            RunningService.until("the load is on", () -> acknowledged.size() > 40 * WORKERS);
            for (int i = 0; i < 2; i++) {
                int before = acknowledged.size();
                long killed = System.nanoTime();
                ProcessHandle postgres = service.postgres().orElseThrow();
                postgres.destroyForcibly();
                RunningService.until("requests are refused", () -> !refusals.isEmpty());
                // Also refusals from the time before may still come: the new process shows that this one has ended.
                RunningService.until("another PostgreSQL runs", () -> runsAnother(service, postgres));
                refusals.clear();
                int during = acknowledged.size();
                RunningService.until("it answers again", () -> acknowledged.size() > during + WORKERS);
                System.out.printf(
                        "the killed PostgreSQL was back after %d ms; %d operations before%n",
                        (System.nanoTime() - killed) / 1_000_000, before);
            }
            enough.set(true);
            load.forEach(RunningService::await);
            assertThat(used(service, quota)).containsAll(acknowledged).isSubsetOf(union(acknowledged, unknown));

            Files.move(control, folder.resolve("pg_control"));
            service.postgres().orElseThrow().destroyForcibly();
            assertThat(service.awaitExit()).as(service.output()).isOne();
            assertThat(service.output())
                    .contains("stopping: the embedded PostgreSQL does not start")
                    .contains("could not find the database system");
        }
        Files.move(folder.resolve("pg_control"), control);
        JarProcess verify = new JarProcess(JarProcess.ownJava(), folder, Map.of(), "audit", "verify");
        assertThat(verify.awaitExit()).as(verify.output()).isZero();
        assertThat(verify.output()).contains("all chains are whole");
    }

    private static boolean runsAnother(JarProcess service, ProcessHandle postgres) {
        try {
            return service.postgres()
                    .filter(other -> other.pid() != postgres.pid())
                    .isPresent();
        } catch (IOException e) {
            return false; // the file that names it is being written
        }
    }

    private static Set<String> union(Set<String> one, Set<String> other) {
        Set<String> both = new TreeSet<>(one);
        both.addAll(other);
        return both;
    }

    private void tryToTake(
            JarProcess service,
            String quota,
            String resource,
            Set<String> acknowledged,
            Set<String> unknown,
            Set<String> refusals) {
        try {
            HttpResponse<String> answer = request(
                    service,
                    "POST",
                    "/api/v1/quotas/" + quota + "/usage/allocate",
                    User.usage(resource, 1),
                    authorization(service));
            if (answer.statusCode() == 200) {
                acknowledged.add(resource);
                return;
            }
            String code = new JsonObject(answer.body()).getString("code");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
            assertThat(code).isIn("database_unavailable", "outcome_unknown", "overloaded");
            refusals.add(code);
            if (code.equals("outcome_unknown")) {
                unknown.add(resource);
            }
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Takes 1 MB for one resource after the other until the door is shut. */
    private void work(JarProcess service, String quota, int worker, Set<String> acknowledged, Set<String> unanswered) {
        for (int i = 0; ; i++) {
            String resource = "worker " + worker + " resource " + i;
            try {
                acknowledged.add(take(service, quota, resource));
            } catch (IOException e) {
                unanswered.add(resource);
                return;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private String take(JarProcess service, String quota, String resource) throws IOException, InterruptedException {
        JsonObject usage = send(service, "POST", "/quotas/" + quota + "/usage/allocate", User.usage(resource, 1));
        assertThat(usage.getLong("held_mb")).isOne();
        return resource;
    }

    private Set<String> used(JarProcess service, String quota) throws IOException, InterruptedException {
        Set<String> resources = new TreeSet<>();
        String cursor = "";
        while (cursor != null) {
            JsonObject page = send(service, "GET", "/quotas/" + quota + "/usage?limit=100" + cursor, new JsonObject());
            page.getJsonArray("entries")
                    .forEach(entry -> assertThat(resources.add(((JsonObject) entry).getString("resource_id")))
                            .isTrue());
            cursor = page.getString("next_cursor") == null ? null : "&cursor=" + page.getString("next_cursor");
        }
        return resources;
    }

    /** The data of a success; alice asks. */
    private JsonObject send(JarProcess service, String method, String path, JsonObject body)
            throws IOException, InterruptedException {
        return exchange(service, method, "/api/v1" + path, body, authorization(service));
    }

    private String authorization(JarProcess service) throws IOException, InterruptedException {
        JsonObject credential = exchange(
                service,
                "POST",
                "/dev/credentials",
                new JsonObject().put("user_id", "alice").put("organization_id", "acme"),
                "");
        return "Cagen " + credential.getString("service_id") + ":" + credential.getString("encrypted_data");
    }

    private JsonObject exchange(JarProcess service, String method, String path, JsonObject body, String authorization)
            throws IOException, InterruptedException {
        HttpResponse<String> answer = request(service, method, path, body, authorization);
        assertThat(answer.statusCode()).as(answer.body()).isIn(200, 201);
        return new JsonObject(answer.body()).getJsonObject("data");
    }

    private HttpResponse<String> request(
            JarProcess service, String method, String path, JsonObject body, String authorization)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(service.base() + path))
                .method(
                        method,
                        method.equals("GET") ? BodyPublishers.noBody() : BodyPublishers.ofString(body.encode()));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
}
