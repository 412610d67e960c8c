package com.cagen.quota.entry.http;

import com.cagen.quota.entry.request.RawRequest;
import com.cagen.quota.entry.request.RequestReader;
import io.vertx.ext.auth.User;
import io.vertx.ext.web.RoutingContext;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** What is known of one HTTP request besides the request itself. Used on its event loop only. */
final class RequestContext {
    private static final String KEY = RequestContext.class.getName();

    final String requestId;
    final ClientConnection connection;
    final long startNanos = System.nanoTime();
    /** For logs and metrics: never the path as it came. */
    String route = "unmatched";

    String operation = "none";
    /** How it ended: {@code ok} or an error's code. */
    String code = "ok";
    /** As it came in; null until its user is authenticated. */
    @Nullable
    RawRequest raw;

    /** For whom its credential speaks; null until that is authenticated. */
    @Nullable
    User user;

    /** Set once a change is on its way: from then on, no answer does not mean that nothing happened. */
    boolean changeUnderWay;

    private RequestContext(String requestId, ClientConnection connection) {
        this.requestId = requestId;
        this.connection = connection;
    }

    static RequestContext begin(RoutingContext context, ClientConnection connection) {
        String sent = RequestReader.saneRequestId(context.request().getHeader("X-Request-ID"));
        RequestContext requestContext =
                new RequestContext(sent != null ? sent : UUID.randomUUID().toString(), connection);
        context.put(KEY, requestContext);
        return requestContext;
    }

    static RequestContext of(RoutingContext context) {
        return Objects.requireNonNull(context.get(KEY));
    }

    /** Runs with the request's id in every log line. */
    void logged(Runnable work) {
        MDC.put("request_id", requestId);
        try {
            work.run();
        } finally {
            MDC.remove("request_id");
        }
    }

    long elapsedNanos() {
        return System.nanoTime() - startNanos;
    }
}
