package com.cagen.quota.entry.http;

import com.cagen.quota.entry.request.RequestDecoder;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
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
    private final CredentialCipher credentials;
    private final RequestReader reader;
    private final RequestDecoder decoder;
    private final Clock clock;

    DevRoutes(CredentialCipher credentials, RequestReader reader, RequestDecoder decoder, Clock clock) {
        this.credentials = credentials;
        this.reader = reader;
        this.decoder = decoder;
        this.clock = clock;
    }

    void mount(Router router, BodyHandler bodies) {
        router.get("/dev/info").handler(this::info);
        router.post("/dev/test-auth").handler(bodies).handler(this::testAuth);
        router.post("/dev/credentials").handler(bodies).handler(this::mint);
    }

    private void info(RoutingContext context) {
        RequestContext.of(context).route = "/dev/info";
        JsonArray operations = new JsonArray();
        Operations.CATALOG.names().forEach(name -> operations.add(Addresses.of(name)));
        HttpAnswers.succeed(
                context,
                "This node is for development.",
                new JsonObject()
                        .put("service_id", credentials.serviceId())
                        .put("environment", "development")
                        .put("credential_window_seconds", CredentialCipher.WINDOW_MILLIS / 1_000)
                        .put("operations", operations));
    }

    private void testAuth(RoutingContext context) {
        RequestContext requestContext = RequestContext.of(context);
        requestContext.route = "/dev/test-auth";
        reader.authenticate(
                        JsonBody.json(context),
                        context.request().getHeader(HttpHeaders.AUTHORIZATION),
                        requestContext.requestId)
                .onFailure(context::fail)
                .onSuccess(caller -> HttpAnswers.succeed(
                        context,
                        "The credential is valid.",
                        new JsonObject()
                                .put("service_id", caller.serviceId())
                                .put("user_id", caller.userId())
                                .put("organization_id", caller.organizationId())
                                .put("team_ids", new JsonArray(caller.teamIds()))));
    }

    private void mint(RoutingContext context) {
        RequestContext.of(context).route = "/dev/credentials";
        JsonObject fields = JsonBody.json(context);
        decoder.check("dev.credentials", fields);
        JsonArray teams = fields.getJsonArray("team_ids");
        Caller caller = new Caller(
                fields.getString("organization_id"),
                fields.getString("user_id"),
                credentials.serviceId(),
                teams == null
                        ? List.of()
                        : teams.stream().map(String.class::cast).toList());
        HttpAnswers.succeed(
                context,
                "A credential for one request within five minutes.",
                new JsonObject()
                        .put("service_id", credentials.serviceId())
                        .put("encrypted_data", credentials.seal(caller, clock.millis())));
    }
}
