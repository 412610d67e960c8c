package com.cagen.quota.entry.bridge;

import io.vertx.core.Handler;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import java.util.List;

/** Lets in browsers from the configured origins; what sends no origin is no browser. */
final class Origins implements Handler<RoutingContext> {
    private final List<String> allowed;

    Origins(List<String> allowed) {
        this.allowed = List.copyOf(allowed);
    }

    @Override
    public void handle(RoutingContext context) {
        String origin = context.request().getHeader(HttpHeaders.ORIGIN);
        if (origin == null || allowed.contains(origin)) {
            context.next();
        } else {
            context.response().setStatusCode(403).end();
        }
    }
}
