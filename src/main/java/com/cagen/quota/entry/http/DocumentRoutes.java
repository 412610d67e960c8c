package com.cagen.quota.entry.http;

import com.cagen.quota.entry.request.OpenApiContract;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.Router;

/** The OpenAPI document and the metrics. */
final class DocumentRoutes {
    private final Buffer yaml;
    private final Buffer json;
    private final PrometheusMeterRegistry metrics;

    DocumentRoutes(OpenApiContract contract, PrometheusMeterRegistry metrics) {
        this.yaml = contract.yaml();
        this.json = contract.json().toBuffer();
        this.metrics = metrics;
    }

    void mount(Router router) {
        serve(router, "/openapi.yaml", "application/yaml", () -> yaml);
        serve(router, "/openapi.json", "application/json", () -> json);
        serve(
                router,
                "/metrics",
                "text/plain; version=0.0.4; charset=utf-8",
                () -> Buffer.buffer(metrics.scrape("text/plain; version=0.0.4; charset=utf-8")));
    }

    private static void serve(
            Router router, String path, String contentType, java.util.function.Supplier<Buffer> content) {
        router.get(path).handler(context -> {
            RequestContext.of(context).route = path;
            context.response().putHeader(HttpHeaders.CONTENT_TYPE, contentType);
            HttpAnswers.end(context, content.get());
        });
    }
}
