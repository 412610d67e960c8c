package com.cagen.quota.http;

import com.cagen.quota.api.Intake;
import com.cagen.quota.api.RequestDecoder;
import com.cagen.quota.bus.Addresses;
import com.cagen.quota.credential.Credentials;
import com.cagen.quota.domain.Caller;
import com.cagen.quota.operations.Operations;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Clock;
import java.util.List;

/** What makes trying the service out easy, and would give everything away in production: mounted in development only. */
final class DevRoutes {
    private final Credentials credentials;
    private final Intake intake;
    private final RequestDecoder decoder;
    private final Clock clock;

    DevRoutes(Credentials credentials, Intake intake, RequestDecoder decoder, Clock clock) {
        this.credentials = credentials;
        this.intake = intake;
        this.decoder = decoder;
        this.clock = clock;
    }

    void mount(Router router, BodyHandler bodies) {
        router.get("/dev/info").handler(this::info);
        router.post("/dev/test-auth").handler(bodies).handler(this::testAuth);
        router.post("/dev/credentials").handler(bodies).handler(this::mint);
    }

    private void info(RoutingContext context) {
        Exchange.of(context).route = "/dev/info";
        JsonArray operations = new JsonArray();
        Operations.CATALOG.names().forEach(name -> operations.add(Addresses.of(name)));
        Answers.succeed(
                context,
                "This node is for development.",
                new JsonObject()
                        .put("service_id", credentials.serviceId())
                        .put("environment", "development")
                        .put("credential_window_seconds", Credentials.WINDOW_MILLIS / 1_000)
                        .put("operations", operations));
    }

    private void testAuth(RoutingContext context) {
        Exchange exchange = Exchange.of(context);
        exchange.route = "/dev/test-auth";
        Caller caller = intake.authenticate(
                Bodies.json(context), context.request().getHeader(HttpHeaders.AUTHORIZATION), exchange.requestId);
        Answers.succeed(
                context,
                "The credential is valid.",
                new JsonObject()
                        .put("service_id", caller.serviceId())
                        .put("user_id", caller.userId())
                        .put("organization_id", caller.organizationId())
                        .put("team_ids", new JsonArray(caller.teamIds())));
    }

    private void mint(RoutingContext context) {
        Exchange.of(context).route = "/dev/credentials";
        JsonObject fields = Bodies.json(context);
        decoder.check("dev.credentials", fields);
        JsonArray teams = fields.getJsonArray("team_ids");
        Caller caller = new Caller(
                fields.getString("organization_id"),
                fields.getString("user_id"),
                credentials.serviceId(),
                teams == null
                        ? List.of()
                        : teams.stream().map(String.class::cast).toList());
        Answers.succeed(
                context,
                "A credential for one request within five minutes.",
                new JsonObject()
                        .put("service_id", credentials.serviceId())
                        .put("encrypted_data", credentials.seal(caller, clock.millis())));
    }
}
