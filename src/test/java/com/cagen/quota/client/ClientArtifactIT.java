package com.cagen.quota.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.JarProcess;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.User;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** cagen-quota-client.jar: the example verticle compiles and runs with it and what its pom names, and with nothing else. */
@Tag("engine-independent")
class ClientArtifactIT {
    private static final Path JAR = Path.of("target/cagen-quota-client.jar");
    private static final Pattern DEPENDENCY =
            Pattern.compile("<artifactId>([^<]+)</artifactId>\\s*<version>([^<]+)</version>\\s*</dependency>");
    private static final Pattern VERSION = Pattern.compile("</artifactId>\\s*<version>([^<]+)</version>\\s*<name>");

    /** Comes along with vertx-core and jackson-databind. */
    private static final Pattern TRANSITIVE = Pattern.compile(".*/("
            + "io/netty/.*/netty-[^/]*"
            + "|io/vertx/.*/vertx-core-logging-[^/]*"
            + "|com/fasterxml/jackson/core/.*/jackson-(core|annotations)-[^/]*)\\.jar");

    /**
     * An application: the example verticle, and the operation's address, at which a consumer passes messages on to the service by
     * HTTP, as a clustered bus would. Prints what the verticle replies.
     */
    private static final String APPLICATION = """
            import com.cagen.quota.examples.UploadVerticle;
            import io.vertx.core.Vertx;
            import io.vertx.core.eventbus.ReplyException;
            import io.vertx.core.json.JsonObject;
            import java.net.URI;
            import java.net.http.HttpClient;
            import java.net.http.HttpRequest;
            import java.net.http.HttpResponse;

            public class Application {
                public static void main(String[] args) throws Exception {
                    Vertx vertx = Vertx.vertx();
                    HttpClient http = HttpClient.newHttpClient();
                    URI uri = URI.create(args[0] + "/api/v1/quotas/" + args[2] + "/usage/allocate");
                    vertx.eventBus().<JsonObject>consumer("cagen.quota.v1.usage.allocate", message ->
                        vertx.executeBlocking(() -> http.send(
                                HttpRequest.newBuilder(uri)
                                        .header("Content-Type", "application/json")
                                        .POST(HttpRequest.BodyPublishers.ofString(message.body().encode()))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString()))
                            .onSuccess(answer -> {
                                JsonObject body = new JsonObject(answer.body());
                                if (body.getBoolean("success")) {
                                    message.reply(body.getJsonObject("data"));
                                } else {
                                    message.fail(answer.statusCode() * 100 + 1, body.getString("error"));
                                }
                            }));
                    vertx.deployVerticle(new UploadVerticle(args[1])).await();
                    for (int mb : new int[] {30, 100}) {
                        JsonObject upload = new JsonObject().put("user", "alice").put("organization", "acme")
                                .put("quota", args[2]).put("upload", "upload_" + mb).put("mb", mb);
                        System.out.println(vertx.eventBus().<JsonObject>request("uploads.begin", upload)
                                .map(reply -> reply.body().encode())
                                .otherwise(failure -> String.valueOf(((ReplyException) failure).failureCode()))
                                .await());
                    }
                    vertx.close().await();
                }
            }
            """;

    @TempDir
    Path folder;

    /** The jar, those that its pom names, and what comes along with them, of this test's own class path. */
    private static String classPath() throws IOException {
        List<String> named = new ArrayList<>();
        var dependencies = DEPENDENCY.matcher(Files.readString(Path.of("src/client/pom.xml")));
        while (dependencies.find()) {
            named.add(dependencies.group(1) + "-" + dependencies.group(2) + ".jar");
        }
        assertThat(named).hasSize(2);
        List<Path> jars = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .map(Path::of)
                .filter(jar -> named.contains(String.valueOf(jar.getFileName()))
                        || TRANSITIVE.matcher(jar.toString().replace('\\', '/')).matches())
                .toList();
        assertThat(jars)
                .extracting(jar -> String.valueOf(jar.getFileName()))
                .as("versions that the service has, too")
                .containsAll(named);
        return JAR
                + File.pathSeparator
                + jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    private static String versionIn(String pom) throws IOException {
        var version = VERSION.matcher(Files.readString(Path.of(pom)));
        assertThat(version.find()).as(pom).isTrue();
        return version.group(1);
    }

    @Test
    void holdsTheClientAndTheProtocolAndNothingElse() throws IOException {
        try (JarFile jar = new JarFile(JAR.toFile())) {
            assertThat(jar.stream()
                            .map(entry -> entry.getName())
                            .filter(name -> name.endsWith(".class"))
                            .map(name -> name.substring(0, name.lastIndexOf('/')))
                            .distinct())
                    .containsExactlyInAnyOrder("com/cagen/quota/client", "com/cagen/quota/protocol");
        }
    }

    @Test
    void hasTheVersionOfTheService() throws IOException {
        assertThat(versionIn("src/client/pom.xml")).isEqualTo(versionIn("pom.xml"));
    }

    @Test
    void runsTheExampleVerticle() throws Exception {
        Path application = Files.writeString(folder.resolve("Application.java"), APPLICATION);
        String classPath = classPath();
        ByteArrayOutputStream problems = new ByteArrayOutputStream();
        int compiled = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler())
                .run(
                        null,
                        null,
                        problems,
                        "-classpath",
                        classPath,
                        "-d",
                        folder.toString(),
                        "src/test/java/com/cagen/quota/examples/UploadVerticle.java",
                        application.toString());
        assertThat(compiled).as(problems.toString(StandardCharsets.UTF_8)).isZero();
        try (RunningService service = new RunningService()) {
            User alice = service.user("acme", "alice");
            String quota = alice.root(100);
            Process process = new ProcessBuilder(
                            JarProcess.ownJava() + "/bin/java",
                            "-cp",
                            folder + File.pathSeparator + classPath,
                            "Application",
                            service.base(),
                            TestConfig.KEY,
                            quota)
                    .redirectErrorStream(true)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(output).isZero();
            assertThat(output.lines()).as(output).contains("{\"left_mb\":70}", "507");
            assertThat(alice.quota(quota).getLong("used_mb")).isEqualTo(30);
        }
    }
}
