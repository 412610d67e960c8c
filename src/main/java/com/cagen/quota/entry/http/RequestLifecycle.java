package com.cagen.quota.entry.http;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.ErrorCode;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What goes around every request: its id, headers, deadline, access log and metrics, and the errors of the router itself. */
final class RequestLifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(RequestLifecycle.class);
    private static final Logger ACCESS = LoggerFactory.getLogger("access");

    private static final CharSequence REQUEST_ID = HttpHeaders.createOptimized("X-Request-ID");
    private static final List<Map.Entry<CharSequence, CharSequence>> HEADERS = List.of(
            header("X-Content-Type-Options", "nosniff"),
            header("Cache-Control", "no-store"),
            header("X-Frame-Options", "DENY"),
            header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
            header("Referrer-Policy", "no-referrer"));

    private final Vertx vertx;
    private final long timeoutMillis;
    private final RequestMetrics metrics;
    private final ConnectionLimits limits;

    RequestLifecycle(Vertx vertx, long timeoutMillis, MeterRegistry registry, ConnectionLimits limits) {
        this.limits = limits;
        this.vertx = vertx;
        this.timeoutMillis = timeoutMillis;
        this.metrics = new RequestMetrics(registry);
    }

    private static Map.Entry<CharSequence, CharSequence> header(String name, String value) {
        return Map.entry(HttpHeaders.createOptimized(name), HttpHeaders.createOptimized(value));
    }

    void mount(Router router) {
        router.route().handler(this::begin);
        router.errorHandler(
                404, context -> HttpAnswers.refuse(context, ErrorCode.NOT_FOUND, "There is nothing at this path."));
        router.errorHandler(
                413, context -> HttpAnswers.refuse(context, ErrorCode.PAYLOAD_TOO_LARGE, "A body has at most 64 KiB."));
        router.errorHandler(400, context -> HttpAnswers.refuse(context, malformed("request", "cannot be read")));
        router.errorHandler(500, RequestLifecycle::failed);
    }

    /**
     * Refuses, at every path that there is, the methods that it does not have. To be mounted last: the router's own 405 names
     * no methods once the answer is ours to write.
     */
    static void mountLast(Router router) {
        Map<String, Set<String>> methods = new LinkedHashMap<>();
        for (Route route : router.getRoutes()) {
            if (route.getPath() != null && route.methods() != null) {
                route.methods().forEach(method -> methods.computeIfAbsent(route.getPath(), ignored -> new TreeSet<>())
                        .add(method.name()));
            }
        }
        methods.forEach((path, names) -> {
            String allow = String.join(", ", names);
            router.route(path).handler(context -> {
                context.response().putHeader(HttpHeaders.ALLOW, allow);
                HttpAnswers.refuse(context, ErrorCode.METHOD_NOT_ALLOWED, "This path has only " + allow + ".");
            });
        });
    }

    private void begin(RoutingContext context) {
        ClientConnection connection = limits.of(context.request().connection());
        connection.begin(context);
        RequestContext requestContext = RequestContext.begin(context, connection);
        MultiMap headers = context.response().headers();
        HEADERS.forEach(header -> headers.set(header.getKey(), header.getValue()));
        headers.set(REQUEST_ID, requestContext.requestId);
        long timer = vertx.setTimer(timeoutMillis, ignored -> timedOut(context, requestContext));
        context.addEndHandler(end -> {
            vertx.cancelTimer(timer);
            if (end.failed()) {
                requestContext.code = "connection_closed"; // the client went before it had its answer
            }
            ended(context, requestContext);
            connection.answered();
        });
        if (limits.full()) {
            connection.refuseForMemory(context);
            return;
        }
        if (connection.allWritten()) {
            context.next();
            return;
        }
        context.request().pause();
        connection.onceAllWritten(() -> {
            if (!context.response().ended()) { // by the deadline, meanwhile
                context.next(); // first, as it says where the body goes
            }
            context.request().resume();
        });
    }

    private static void timedOut(RoutingContext context, RequestContext requestContext) {
        HttpAnswers.refuse(
                context,
                requestContext.changeUnderWay
                        ? Refusal.of(
                                ErrorCode.OUTCOME_UNKNOWN,
                                "No answer came in time; repeat under the same idempotency key.")
                        : Refusal.of(ErrorCode.OVERLOADED, "No answer came in time."));
    }

    private void ended(RoutingContext context, RequestContext requestContext) {
        metrics.record(requestContext);
        int status = context.response().getStatusCode();
        long millis = TimeUnit.NANOSECONDS.toMillis(requestContext.elapsedNanos());
        requestContext.logged(() -> {
            // The route and not the path: a path may hold anything, a query even a credential.
            if (requestContext.code.equals("ok")) {
                ACCESS.debug("{} {} {} {}ms", context.request().method(), requestContext.route, status, millis);
            } else {
                ACCESS.info(
                        "{} {} {} {} {}ms",
                        context.request().method(),
                        requestContext.route,
                        status,
                        requestContext.code,
                        millis);
            }
        });
    }

    /** A handler threw: a refusal is an answer, anything else a fault of ours that stays inside. */
    private static void failed(RoutingContext context) {
        if (context.failure() instanceof RefusalException refused) {
            HttpAnswers.refuse(context, refused.refusal());
            return;
        }
        RequestContext.of(context).logged(() -> LOG.error("a request failed", context.failure()));
        HttpAnswers.refuse(context, ErrorCode.INTERNAL_ERROR, "The request could not be answered.");
    }

    /** A request that is no HTTP, or whose line or headers are too long: it never reaches the router. */
    void refuseUnreadable(HttpServerRequest request) {
        Throwable cause = request.decoderResult().cause();
        Refusal refusal = cause instanceof TooLongHttpLineException || cause instanceof TooLongHttpHeaderException
                ? Refusal.of(
                        ErrorCode.PAYLOAD_TOO_LARGE,
                        "The request line and the headers have at most 16 KiB each, and there are at most "
                                + MeteredRequestDecoder.MAX_HEADERS + " headers.")
                : malformed("request", "is no HTTP");
        String requestId = UUID.randomUUID().toString();
        HEADERS.forEach(header -> request.response().headers().set(header.getKey(), header.getValue()));
        request.response()
                .setStatusCode(refusal.code().httpStatus())
                .putHeader(REQUEST_ID, requestId)
                .putHeader(HttpHeaders.CONTENT_TYPE, "application/json")
                .putHeader(HttpHeaders.CONNECTION, "close");
        limits.of(request.connection())
                .end(request.response(), Buffer.buffer(HttpAnswers.envelope(refusal, requestId)))
                .onComplete(ignored -> request.connection().close());
    }

    private static Refusal malformed(String field, String problem) {
        return new Refusal(
                ErrorCode.INVALID_REQUEST,
                "The " + field + " " + problem + ".",
                Map.of("violations", List.of(Map.of("field", field, "problem", problem))));
    }
}
