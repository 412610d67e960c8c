package com.cagen.quota.entry.http;

import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.CorsHandler;
import java.util.List;
import java.util.Set;

/** Lets browsers call from the configured origins, and from no other. */
final class Cors {
    private static final int PREFLIGHT_SECONDS = 600;

    private final List<String> origins;

    Cors(List<String> origins) {
        this.origins = List.copyOf(origins);
    }

    void mount(Router router) {
        if (origins.isEmpty()) {
            return;
        }
        CorsHandler handler = CorsHandler.create()
                .addOrigins(origins)
                .allowedMethods(Set.of(HttpMethod.GET, HttpMethod.POST, HttpMethod.PATCH, HttpMethod.DELETE))
                .allowedHeaders(Set.of("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Request-ID"))
                .exposedHeaders(Set.of("X-Request-ID", "ETag", "Idempotent-Replayed", "Retry-After"))
                .maxAgeSeconds(PREFLIGHT_SECONDS);
        router.route().handler(context -> {
            String origin = context.request().getHeader(HttpHeaders.ORIGIN);
            if (origin != null && origins.contains(origin)) {
                handler.handle(context);
            } else {
                // The library would answer 403: without the headers, the browser says no by itself.
                context.response().putHeader(HttpHeaders.VARY, HttpHeaders.ORIGIN);
                context.next();
            }
        });
    }
}
