package com.cagen.quota.entry.http;

import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.entry.request.RawRequest;
import com.cagen.quota.entry.request.RequestDecoder;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.operations.Operations;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.AuthenticationHandler;
import io.vertx.ext.web.handler.BodyHandler;
import io.vertx.ext.web.handler.PlatformHandler;
import java.util.Objects;

/** One route for each operation of the contract: takes the request in, hands it to a lane, writes the answer. */
final class OperationRoutes {
    private static final String BASE = "/api/v1";

    private final Router router;
    private final BodyHandler bodies;
    private final RequestReader reader;
    private final RequestDecoder decoder;
    private final RequestChannel channel;

    OperationRoutes(
            Router router, BodyHandler bodies, RequestReader reader, RequestDecoder decoder, RequestChannel channel) {
        this.router = router;
        this.bodies = bodies;
        this.reader = reader;
        this.decoder = decoder;
        this.channel = channel;
    }

    /** In the catalog's order, as routes are tried one after the other; a path without parameters first. */
    void mount() {
        for (Operation<?> operation : Operations.CATALOG.all()) {
            operation.routes().forEach(route -> mount(operation, route));
        }
    }

    private void mount(Operation<?> operation, HttpRoute http) {
        HttpMethod method = http.method();
        String path = http.path();
        boolean inQuery = method.equals(HttpMethod.GET);
        // A platform handler may go before the one that reads the body: also what that one refuses has a name then.
        PlatformHandler label = context -> {
            RequestContext requestContext = RequestContext.of(context);
            requestContext.route = BASE + path;
            requestContext.operation = operation.name().text();
            context.next();
        };
        Route route = router.route(method, BASE + path).handler(label);
        if (!inQuery) {
            route.handler(bodies);
        }
        // An AuthenticationHandler goes behind the one that reads the body, which may hold the credential.
        AuthenticationHandler authentication = context -> authenticate(context, operation, inQuery);
        route.handler(authentication).handler(context -> serve(context, operation, http.successStatus()));
    }

    private void authenticate(RoutingContext context, Operation<?> operation, boolean inQuery) {
        RequestContext requestContext = RequestContext.of(context);
        if (context.response().ended()) {
            return; // timed out while its body came in
        }
        requestContext.logged(() -> {
            RawRequest raw = incoming(context, operation, requestContext.requestId, inQuery);
            reader.authenticate(raw).onFailure(context::fail).onSuccess(user -> {
                requestContext.raw = raw;
                requestContext.user = user;
                context.next();
            });
        });
    }

    private void serve(RoutingContext context, Operation<?> operation, int status) {
        RequestContext requestContext = RequestContext.of(context);
        requestContext.logged(() -> {
            Request request = reader.read(
                    Objects.requireNonNull(requestContext.raw), Objects.requireNonNull(requestContext.user));
            requestContext.changeUnderWay = operation.name().change();
            channel.send(request)
                    .onSuccess(answer ->
                            requestContext.logged(() -> HttpAnswers.send(context, status, operation, answer)));
        });
    }

    private RawRequest incoming(RoutingContext context, Operation<?> operation, String requestId, boolean inQuery) {
        JsonObject fields = inQuery ? new JsonObject() : JsonBody.json(context);
        MultiMap query = context.queryParams();
        boolean elsewhere = false;
        if (inQuery) {
            decoder.takeQuery(operation, query, fields);
        } else {
            elsewhere = !query.isEmpty() && (query.contains("encrypted_data") || query.contains("service_id"));
        }
        context.pathParams().forEach(fields::put);
        return new RawRequest(
                operation,
                fields,
                context.request().getHeader(HttpHeaders.AUTHORIZATION),
                context.request().getHeader("Idempotency-Key"),
                context.request().getHeader(HttpHeaders.IF_MATCH),
                elsewhere,
                requestId);
    }
}
