package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.config.ConfigException;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Several services, what each may do, and how their keys change. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CallingServicesIT {
    private static final String OLD_KEY = key(1);
    private static final String NEW_KEY = key(2);

    private final Path folder = folder();
    private final Path file = folder.resolve("services.yaml");
    private final RunningService service = start();
    private final User alice = service.user("acme", "alice");

    private static String key(int start) {
        byte[] bytes = new byte[32];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (start + i);
        }
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static Path folder() {
        try {
            return Files.createTempDirectory(Files.createDirectories(Path.of("target", "test-data")), "services");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private RunningService start() {
        write(OLD_KEY);
        return new RunningService(Map.of("SERVICES_FILE", file.toString()));
    }

    @AfterAll
    void stop() {
        service.close();
    }

    /** What the file says all the time, with these keys of the service for uploads. */
    private void write(String... keys) {
        writeFile("""
                services:
                  - id: svc_uploads
                    keys: [%s]
                    operations: [usage.*, quota.get]
                  - id: svc_acme
                    keys: ["file:acme.key"]
                    operations: ["*"]
                    organizations: [acme]
                """.formatted(String.join(", ", keys)));
    }

    private void writeFile(String text) {
        try {
            Files.writeString(folder.resolve("acme.key"), key(3) + "\n");
            Path made = Files.writeString(folder.resolve("services.new"), text);
            Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonObject credential(String serviceId, String key, String organization) {
        CredentialCipher cipher =
                new CredentialCipher(serviceId, Base64.getDecoder().decode(key));
        Caller caller = new Caller(organization, "alice", serviceId, List.of());
        return new JsonObject()
                .put("service_id", serviceId)
                .put("encrypted_data", cipher.seal(caller, System.currentTimeMillis()));
    }

    private Reply post(JsonObject credential, String path, JsonObject body) {
        return service.send("POST", "/api/v1" + path, credential.mergeIn(body).encode());
    }

    private Reply take(String key, String quota) {
        return post(
                credential("svc_uploads", key, "acme"), "/quotas/" + quota + "/usage/allocate", User.usage("res", 1));
    }

    @Test
    void eachServiceDoesWhatTheFileSays() {
        String quota = alice.root(1_000);
        assertThat(take(OLD_KEY, quota).data().getLong("used_mb")).isOne();
        assertThat(alice.get("/quotas/" + quota + "/usage")
                        .list("entries")
                        .get(0)
                        .getString("service_id"))
                .isEqualTo("svc_uploads");
        Reply refused =
                post(credential("svc_uploads", OLD_KEY, "acme"), "/quotas/" + quota + "/suspend", new JsonObject());
        assertThat(refused.refused(ErrorCode.PERMISSION_DENIED).getJsonArray("required"))
                .containsExactly("service:quota.suspend");
        post(credential("svc_acme", key(3), "acme"), "/quotas/" + quota + "/suspend", new JsonObject())
                .data();
        post(credential("svc_acme", key(3), "acme"), "/quotas/" + quota + "/resume", new JsonObject())
                .data();
        Reply other = post(
                credential("svc_acme", key(3), "globex"),
                "/quotas/create",
                new JsonObject().put("name", "n").put("type", "organization").put("total_mb", 1));
        assertThat(other.refused(ErrorCode.PERMISSION_DENIED).getJsonArray("required"))
                .containsExactly("service:organization");
        // Each service's key opens its own credentials alone.
        post(credential("svc_acme", OLD_KEY, "acme"), "/quotas/" + quota + "/suspend", new JsonObject())
                .refused(ErrorCode.INVALID_CREDENTIAL);
        post(credential("svc_unknown", OLD_KEY, "acme"), "/quotas/" + quota + "/suspend", new JsonObject())
                .refused(ErrorCode.INVALID_CREDENTIAL);
    }

    @Test
    void theEventBusAsksForTheSame() {
        String quota = alice.root(1_000);
        var bus = service.service().vertx().eventBus();
        JsonObject body = credential("svc_uploads", OLD_KEY, "acme").put("quota_id", quota);
        assertThat(RunningService.await(bus.<JsonObject>request("cagen.quota.v1.quota.get", body))
                        .body()
                        .getString("id"))
                .isEqualTo(quota);
        JsonObject suspend = credential("svc_uploads", OLD_KEY, "acme").put("quota_id", quota);
        assertThatThrownBy(() ->
                        bus.request("cagen.quota.v1.quota.suspend", suspend).await())
                .isInstanceOfSatisfying(ReplyException.class, failure -> assertThat(failure.failureCode())
                        .isEqualTo(ErrorCode.PERMISSION_DENIED.busFailureCode()))
                .hasMessageContaining("service:quota.suspend");
    }

    @Test
    void whatAServiceMayNotDoIsInTheTrail() {
        // Before the one that is audited: nothing of it is in the trail when that is.
        post(credential("svc_acme", key(3), "invented"), "/quotas/create", new JsonObject())
                .refused(ErrorCode.PERMISSION_DENIED);
        User bob = service.user("refusals", "alice");
        String quota = bob.root(10);
        post(credential("svc_uploads", OLD_KEY, "refusals"), "/quotas/" + quota + "/release", new JsonObject())
                .refused(ErrorCode.PERMISSION_DENIED);
        RunningService.until("it is audited", () -> bob.audit(quota).stream()
                .anyMatch(entry -> entry.getString("action").equals("credential.use")
                        && entry.getJsonObject("details").getString("operation").equals("quota.release")
                        && entry.getJsonObject("details").getString("code").equals("permission_denied")));
        assertThat(organizations()).contains("refusals").doesNotContain("invented");
    }

    /** Those that have a trail. */
    private List<String> organizations() {
        try (Connection connection = TestDatabase.connect(service.databaseUrl());
                var statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT organization_id FROM quota.chain_heads")) {
            List<String> organizations = new ArrayList<>();
            while (rows.next()) {
                organizations.add(rows.getString(1));
            }
            return organizations;
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** New behind old, then new alone: requests under the key that is in use are never refused. */
    @Test
    void aKeyChangesUnderLoadWithoutARefusedRequest() {
        String quota = alice.root(1_000_000);
        take(NEW_KEY, quota).refused(ErrorCode.INVALID_CREDENTIAL);
        write(OLD_KEY, NEW_KEY);
        RunningService.until("the new key opens", () -> {
            take(OLD_KEY, quota).data();
            return take(NEW_KEY, quota).status() == 200;
        });
        write(NEW_KEY);
        RunningService.until("the old key is out of force", () -> {
            take(NEW_KEY, quota).data();
            return take(OLD_KEY, quota).status() == 401;
        });
        // A file that cannot be used changes nothing, however it is broken.
        for (String broken : List.of(
                "services: [",
                "services: [{id: svc_uploads, keys: [short], operations: [usage.*]}]",
                "services: [{id: svc_uploads, keys: [" + OLD_KEY + "], operations: [usage.take]}]",
                "services: [{id: svc_uploads, keys: [" + OLD_KEY + "]}]")) {
            writeFile(broken);
            awaitValid(0);
            take(NEW_KEY, quota).data();
            write(NEW_KEY);
            awaitValid(1);
        }
        write(OLD_KEY);
        RunningService.until(
                "the file is read again", () -> take(OLD_KEY, quota).status() == 200);
    }

    private void awaitValid(int value) {
        RunningService.until("the file was read", () -> service.send("GET", "/metrics", "")
                .body()
                .contains("cagen_quota_services_file_valid " + value + ".0"));
    }

    @Test
    void aStartNamesEverythingThatIsWrong() throws IOException {
        Path bad = Files.writeString(folder.resolve("bad.yaml"), """
                services:
                  - id: "a:b"
                    keys: [short, "file:nowhere.key"]
                    operations: [Usage]
                    colour: red
                  - id: svc_two
                    keys: []
                """);
        assertThatThrownBy(() -> new RunningService(Map.of("SERVICES_FILE", bad.toString())))
                .isInstanceOfSatisfying(ConfigException.class, e -> assertThat(e.problems())
                        .hasSize(7)
                        .allSatisfy(problem -> assertThat(problem).startsWith("SERVICES_FILE=" + bad))
                        .noneSatisfy(problem -> assertThat(problem).contains("short")));
        Path unknown = Files.writeString(
                folder.resolve("unknown.yaml"),
                "services: [{id: svc, keys: [" + OLD_KEY + "], operations: [usage.take]}]");
        assertThatThrownBy(() -> new RunningService(Map.of("SERVICES_FILE", unknown.toString())))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("usage.take");
    }
}
