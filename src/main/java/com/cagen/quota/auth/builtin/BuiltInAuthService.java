package com.cagen.quota.auth.builtin;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.OpenedCredential;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.AuthGrantRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An auth service for those who have none: the protocol of the contract's section 4 over HTTP, its grants in the same database.
 *
 * <p>It takes the word of whoever holds the shared key: who may grant what was decided by the quota service before it tells
 * this one, so nothing is decided here a second time. Registering a resource grants nothing; a grant may come before its
 * resource is registered, since a client's grant does not wait for other people's registrations. Credentials that change
 * something work once; those of a check are good for five minutes, as a check only reads.
 *
 * <p>Inside the quota service it listens on loopback; alone, it needs nothing but this verticle, a migrated database and the same
 * {@code serviceId} and {@code secretKey} as the quota service has.
 */
public final class BuiltInAuthService extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(BuiltInAuthService.class);
    private static final int MAX_BODY = 64 * 1024;
    private static final int CACHE_TTL_SECONDS = 30;
    private static final int IDLE_TIMEOUT_SECONDS = 60;
    private static final int MAX_NAME = 255;
    private static final int MAX_TEXT = 2_000;

    private final CredentialCipher credentials;
    private final Database database;
    private final String host;
    private final int port;
    private @Nullable HttpServer server;

    /** On a free port of 127.0.0.1, for the quota service of the same process. */
    public BuiltInAuthService(Config config, Database database) {
        this(config, database, "127.0.0.1", 0);
    }

    /**
     * @param config of which the service id and the key are used
     * @param host the address to listen on
     * @param port 0 picks a free one
     */
    public BuiltInAuthService(Config config, Database database, String host, int port) {
        this.credentials = new CredentialCipher(config.serviceId(), config.key());
        this.database = database;
        this.host = host;
        this.port = port;
    }

    /** Gives the answer's data, empty when success says it all. */
    private interface Operation {
        Future<JsonObject> answer(BuiltInRequest request, OpenedCredential.Valid credential);
    }

    @Override
    public Future<?> start() {
        Router router = Router.router(vertx);
        router.route().handler(BodyHandler.create(false).setBodyLimit(MAX_BODY));
        router.get("/health").handler(this::health);
        serve(router, "/api/v1/permission/check", this::check);
        serve(router, "/api/v1/permission/grant", this::grant);
        serve(router, "/api/v1/permission/revoke", this::revoke);
        serve(router, "/api/v1/resources/create", this::register);
        Map.of(
                        400, "The request cannot be read.",
                        404, "There is nothing at this path.",
                        405, "This path takes another method.",
                        413, "The body is larger than " + MAX_BODY + " bytes.",
                        500, "The request could not be answered.")
                .forEach((status, message) -> router.errorHandler(status, context -> fail(context, status, message)));
        return vertx.createHttpServer(
                        new HttpServerOptions().setHost(host).setPort(port).setIdleTimeout(IDLE_TIMEOUT_SECONDS))
                .requestHandler(router)
                .listen()
                .onSuccess(listening -> {
                    server = listening;
                    LOG.info("the built-in auth service listens on {}:{}", host, listening.actualPort());
                });
    }

    private void serve(Router router, String path, Operation operation) {
        router.post(path).handler(context -> answer(context, operation));
    }

    private void answer(RoutingContext context, Operation operation) {
        JsonObject body;
        try {
            Buffer bytes = context.body().buffer();
            body = new JsonObject(bytes == null ? Buffer.buffer() : bytes);
        } catch (DecodeException e) {
            fail(context, 400, "The body must be a JSON object.");
            return;
        }
        if (!(open(body) instanceof OpenedCredential.Valid credential)) {
            unauthorized(context);
            return;
        }
        try {
            operation
                    .answer(new BuiltInRequest(body), credential)
                    .onSuccess(data -> context.json(
                            data.isEmpty()
                                    ? new JsonObject().put("success", true)
                                    : new JsonObject().put("success", true).put("data", data)))
                    .onFailure(failure -> failed(context, failure));
        } catch (IllegalArgumentException e) {
            fail(context, 400, String.valueOf(e.getMessage()));
        }
    }

    private OpenedCredential open(JsonObject body) {
        return body.getValue("service_id") instanceof String service
                        && body.getValue("encrypted_data") instanceof String encrypted
                ? credentials.open(service, encrypted, System.currentTimeMillis())
                : new OpenedCredential.Invalid();
    }

    private Future<JsonObject> check(BuiltInRequest request, OpenedCredential.Valid credential) {
        String resourceId = request.id("resource_id");
        Set<Permission> requested = request.permissions("requested_permissions");
        Caller caller = credential.caller();
        return database.transaction(
                        SecurityScope.organization(caller.organizationId()),
                        connection ->
                                AuthGrantRows.known(connection, caller.organizationId(), resourceId, caller.userId()))
                .map(known -> {
                    JsonArray granted = new JsonArray();
                    JsonArray denied = new JsonArray();
                    for (Permission permission : requested) {
                        boolean has = known.held().stream().anyMatch(held -> held.implies(permission));
                        (has ? granted : denied).add(permission.wireName());
                    }
                    return new JsonObject()
                            .put("user_id", caller.userId())
                            .put("resource_id", resourceId)
                            .put("granted_permissions", granted)
                            .put("denied_permissions", denied)
                            .put("resource_exists", known.exists())
                            .put("cache_ttl", CACHE_TTL_SECONDS);
                });
    }

    private Future<JsonObject> grant(BuiltInRequest request, OpenedCredential.Valid credential) {
        String userId = request.id("target_user_id");
        String resourceId = request.id("resource_id");
        List<Permission> permissions = List.copyOf(request.permissions("permissions"));
        OffsetDateTime expiresAt = request.time("expires_at");
        String organization = credential.caller().organizationId();
        return change(
                credential,
                connection ->
                        AuthGrantRows.grant(connection, organization, resourceId, userId, permissions, expiresAt));
    }

    private Future<JsonObject> revoke(BuiltInRequest request, OpenedCredential.Valid credential) {
        String userId = request.id("target_user_id");
        String resourceId = request.id("resource_id");
        List<Permission> permissions = List.copyOf(request.permissions("permissions"));
        String organization = credential.caller().organizationId();
        return change(
                credential,
                connection -> AuthGrantRows.revoke(connection, organization, resourceId, userId, permissions));
    }

    private Future<JsonObject> register(BuiltInRequest request, OpenedCredential.Valid credential) {
        AuthGrantRows.Resource resource = new AuthGrantRows.Resource(
                request.id("resource_id"),
                request.id("resource_type"),
                request.text("display_name", "", MAX_NAME),
                request.text("description", "", MAX_TEXT),
                request.text("metadata", "{}", MAX_TEXT));
        Caller caller = credential.caller();
        return change(
                credential,
                connection -> AuthGrantRows.register(connection, caller.organizationId(), caller.userId(), resource));
    }

    /** Together with the credential's nonce, so that what was overheard cannot be said again. */
    private Future<JsonObject> change(OpenedCredential.Valid credential, Function<DatabaseSession, Future<Void>> work) {
        String organization = credential.caller().organizationId();
        return database.transaction(SecurityScope.organization(organization), connection -> AuthGrantRows.claimNonce(
                        connection, organization, credentials.serviceId(), credential.nonce())
                .compose(fresh -> fresh
                        ? work.apply(connection)
                        : Future.failedFuture(new RefusalException(Refusal.credentialReplayed())))
                .map(ignored -> new JsonObject()));
    }

    private void health(RoutingContext context) {
        database.ping()
                .onSuccess(ignored -> context.json(new JsonObject().put("success", true)))
                .onFailure(failure -> fail(context, 503, "The database cannot be reached."));
    }

    private static void failed(RoutingContext context, Throwable failure) {
        if (!(failure instanceof RefusalException refused)) {
            LOG.error("a request could not be answered", failure);
            fail(context, 500, "The request could not be answered.");
        } else if (refused.refusal().code() == ErrorCode.CREDENTIAL_REPLAYED) {
            unauthorized(context);
        } else {
            fail(context, 503, refused.refusal().message());
        }
    }

    /** One answer for whatever is wrong with a credential. */
    private static void unauthorized(RoutingContext context) {
        fail(context, 401, "The credential is not valid.");
    }

    private static void fail(RoutingContext context, int status, String message) {
        if (!context.response().ended()) {
            context.response().setStatusCode(status);
            context.json(new JsonObject().put("success", false).put("error", message));
        }
    }

    /** The port it listens on, once deployed. */
    public int actualPort() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server.actualPort();
    }

    /** Its URL, for the auth service client, once deployed on an address that can be connected to. */
    public String url() {
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + actualPort();
    }

    /** Lets requests under way finish. */
    @Override
    public Future<?> stop() {
        return server == null ? Future.succeededFuture() : server.shutdown(5, TimeUnit.SECONDS);
    }
}
