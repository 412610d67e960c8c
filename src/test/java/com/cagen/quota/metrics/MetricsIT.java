package com.cagen.quota.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.node.QuotaService;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code /metrics} of a running service, against what docs/metrics.md says of it. */
class MetricsIT {
    /** A row of the document's tables; a name with a star is there only after something has happened. */
    private static final Pattern DOCUMENTED = Pattern.compile("^\\| `([a-z0-9_]+)`(\\*?) \\|", Pattern.MULTILINE);

    private static final Pattern SEEN = Pattern.compile("^# TYPE (\\S+) (\\S+)$", Pattern.MULTILINE);
    private static final String MARK = "visible-nowhere";

    private final String url = TestDatabase.create();
    private final HttpClient client = HttpClient.newHttpClient();

    private String send(QuotaService service, String method, String path, JsonObject body, String... headers)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + path))
                .method(method, HttpRequest.BodyPublishers.ofString(body.isEmpty() ? "" : body.encode()));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    private String metrics(QuotaService service) {
        try {
            return send(service, "GET", "/metrics", new JsonObject());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private JsonObject call(QuotaService service, String user, String path, JsonObject body) throws Exception {
        JsonObject credential = new JsonObject(send(
                        service,
                        "POST",
                        "/dev/credentials",
                        new JsonObject().put("user_id", user).put("organization_id", "org-" + MARK),
                        "Content-Type",
                        "application/json"))
                .getJsonObject("data");
        String authorization =
                "Cagen " + credential.getString("service_id") + ":" + credential.getString("encrypted_data");
        JsonObject answer = new JsonObject(send(
                service,
                "POST",
                "/api/v1" + path,
                body,
                "Content-Type",
                "application/json",
                "Authorization",
                authorization));
        return answer.getJsonObject("data", answer);
    }

    private static JsonObject usage(long mb) {
        return new JsonObject().put("resource_id", "resource-" + MARK).put("usage_mb", mb);
    }

    private static Set<String> seen(String metrics) {
        Set<String> families = new TreeSet<>();
        Set<String> summaries = new TreeSet<>();
        for (Matcher type = SEEN.matcher(metrics); type.find(); ) {
            families.add(type.group(1));
            if (!type.group(2).equals("gauge")) {
                summaries.add(type.group(1) + "_max"); // comes with its summary
            }
        }
        families.removeAll(summaries);
        return families;
    }

    private static Set<String> documented(boolean withOccasional) throws IOException {
        Set<String> names = new TreeSet<>();
        for (Matcher row = DOCUMENTED.matcher(Files.readString(Path.of("docs/metrics.md"))); row.find(); ) {
            if (withOccasional || row.group(2).isEmpty()) {
                names.add(row.group(1));
            }
        }
        return names;
    }

    @Test
    void showsWhatIsDocumentedAndNothingThatAClientMadeUp() throws Exception {
        String quotaId;
        try (QuotaService service = new QuotaService(TestConfig.of(url))) {
            service.start();
            quotaId = call(
                            service,
                            "owner-" + MARK,
                            "/quotas/create",
                            new JsonObject()
                                    .put("name", "name-" + MARK)
                                    .put("type", "organization")
                                    .put("total_mb", 1_000))
                    .getString("id");
            call(service, "owner-" + MARK, "/quotas/" + quotaId + "/usage/allocate", usage(250));
        }
        // Started again, so that the first look finds the quota.
        try (QuotaService service = new QuotaService(TestConfig.of(url))) {
            service.start();
            assertThat(call(service, "owner-" + MARK, "/quotas/" + quotaId + "/usage/allocate", usage(5_000))
                            .getString("code"))
                    .isEqualTo("insufficient_quota");
            assertThat(call(service, "guest-" + MARK, "/quotas/" + quotaId + "/usage/allocate", usage(1))
                            .getString("code"))
                    .isEqualTo("permission_denied");
            send(service, "GET", "/path-" + MARK + "?query=" + MARK, new JsonObject());
            send(service, "METHOD-" + MARK.toUpperCase(java.util.Locale.ROOT), "/health", new JsonObject());
            send(service, "GET", "/health", new JsonObject(), "X-Request-ID", "request-" + MARK);

            String utilization = "cagen_quota_utilization_ratio{quota_id=\"" + quotaId + "\"} 0.25";
            RunningService.until("all is measured", () -> {
                String metrics = metrics(service);
                return metrics.contains(utilization)
                        && metrics.contains("cagen_quota_database_up 1")
                        // With the first word about the audit lag.
                        && metrics.contains("vertx_eventbus_published_total");
            });
            String metrics = metrics(service);
            assertThat(documented(true)).containsAll(seen(metrics));
            assertThat(seen(metrics)).containsAll(documented(false));
            assertThat(metrics).doesNotContainIgnoringCase(MARK);
            assertThat(metrics)
                    .contains("cagen_quota_used_megabytes{quota_id=\"" + quotaId + "\"} 250")
                    .contains("cagen_quota_errors_total{code=\"insufficient_quota\"} 1")
                    .contains("cagen_quota_database_connections_max 8");
        }
    }

    @Test
    void takesTheSeriesOfAQuotaAwayThatIsGone() throws Exception {
        try (QuotaService service = new QuotaService(TestConfig.of(url))) {
            service.start();
            for (int i = 0; i < 2; i++) {
                call(
                        service,
                        "owner",
                        "/quotas/create",
                        new JsonObject()
                                .put("name", "name")
                                .put("type", "organization")
                                .put("total_mb", 10));
            }
        }
        Vertx vertx = Vertx.vertx();
        try {
            PrometheusMeterRegistry registry = Meters.registry(null);
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "metrics", 2);
            vertx.deployVerticle(new MetricsVerticle(database, registry, 10)).await(10, TimeUnit.SECONDS);
            awaitSeries(registry, 2);
            TestDatabase.execute(
                    url,
                    "UPDATE quota.quotas SET status = 'deleted', deleted_at = now()"
                            + " WHERE id = (SELECT min(id) FROM quota.quotas)");
            awaitSeries(registry, 1);
        } finally {
            vertx.close().await(10, TimeUnit.SECONDS);
        }
    }

    private static void awaitSeries(PrometheusMeterRegistry registry, int expected) {
        RunningService.until(
                "there are " + expected,
                () -> registry.find("cagen.quota.utilization.ratio").gauges().size() == expected);
    }
}
