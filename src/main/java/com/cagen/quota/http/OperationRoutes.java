package com.cagen.quota.http;

import com.cagen.quota.api.Incoming;
import com.cagen.quota.api.Intake;
import com.cagen.quota.api.RequestDecoder;
import com.cagen.quota.bus.RequestChannel;
import com.cagen.quota.domain.OperationType;
import com.cagen.quota.domain.Request;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import io.vertx.ext.web.handler.PlatformHandler;

/** One route for each operation of the contract: takes the request in, hands it to a lane, writes the answer. */
final class OperationRoutes {
    private static final String BASE = "/api/v1";

    private final Router router;
    private final BodyHandler bodies;
    private final Intake intake;
    private final RequestDecoder decoder;
    private final RequestChannel channel;

    OperationRoutes(Router router, BodyHandler bodies, Intake intake, RequestDecoder decoder, RequestChannel channel) {
        this.router = router;
        this.bodies = bodies;
        this.intake = intake;
        this.decoder = decoder;
        this.channel = channel;
    }

    /** The busiest first, as routes are tried one after the other. */
    void mount() {
        change("/quotas/:quota_id/usage/allocate", OperationType.USAGE_ALLOCATE, 200);
        change("/quotas/:quota_id/usage/deallocate", OperationType.USAGE_DEALLOCATE, 200);
        // Before the one quota, whose id it would be otherwise.
        change("/quotas/create", OperationType.QUOTA_CREATE, 201);
        read("/quotas/:quota_id", OperationType.QUOTA_GET);
        route(HttpMethod.DELETE, "/quotas/:quota_id", OperationType.QUOTA_RELEASE, 200);
        read("/quotas", OperationType.QUOTA_LIST);
        change("/quotas/:parent_quota_id/allocate", OperationType.QUOTA_ALLOCATE, 201);
        change("/quotas/:quota_id/release", OperationType.QUOTA_RELEASE, 200);
        change("/quotas/:quota_id/suspend", OperationType.QUOTA_SUSPEND, 200);
        change("/quotas/:quota_id/resume", OperationType.QUOTA_RESUME, 200);
        read("/quotas/:quota_id/usage", OperationType.USAGE_HISTORY);
        read("/runtime-usage", OperationType.USAGE_RUNTIMES);
        change("/quotas/:quota_id/permissions/grant", OperationType.PERMISSION_GRANT, 200);
        change("/quotas/:quota_id/permissions/revoke", OperationType.PERMISSION_REVOKE, 200);
        read("/quotas/:quota_id/audit", OperationType.AUDIT_LIST);
    }

    private void change(String path, OperationType type, int status) {
        route(HttpMethod.POST, path, type, status);
    }

    private void read(String path, OperationType type) {
        route(HttpMethod.GET, path, type, 200);
    }

    private void route(HttpMethod method, String path, OperationType type, int status) {
        boolean inQuery = method.equals(HttpMethod.GET);
        // A platform handler may go before the one that reads the body: also what that one refuses has a name then.
        PlatformHandler label = context -> {
            Exchange exchange = Exchange.of(context);
            exchange.route = BASE + path;
            exchange.operation = type.wireName();
            context.next();
        };
        Route route = router.route(method, BASE + path).handler(label);
        if (!inQuery) {
            route.handler(bodies);
        }
        route.handler(context -> serve(context, type, status, inQuery));
    }

    private void serve(RoutingContext context, OperationType type, int status, boolean inQuery) {
        Exchange exchange = Exchange.of(context);
        if (context.response().ended()) {
            return; // timed out while its body came in
        }
        exchange.logged(() -> {
            Request request = intake.take(incoming(context, type, exchange.requestId, inQuery));
            exchange.changeUnderWay = type.change();
            channel.send(request).onSuccess(answer -> exchange.logged(() -> Answers.send(context, status, answer)));
        });
    }

    private Incoming incoming(RoutingContext context, OperationType type, String requestId, boolean inQuery) {
        JsonObject fields = inQuery ? new JsonObject() : Bodies.json(context);
        MultiMap query = context.queryParams();
        boolean elsewhere = false;
        if (inQuery) {
            decoder.takeQuery(type, query, fields);
        } else {
            elsewhere = !query.isEmpty() && (query.contains("encrypted_data") || query.contains("service_id"));
        }
        context.pathParams().forEach(fields::put);
        return new Incoming(
                type,
                fields,
                context.request().getHeader(HttpHeaders.AUTHORIZATION),
                context.request().getHeader("Idempotency-Key"),
                elsewhere,
                requestId);
    }
}
