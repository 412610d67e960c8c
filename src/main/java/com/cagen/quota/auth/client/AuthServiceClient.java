package com.cagen.quota.auth.client;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.Permission;
import io.vertx.circuitbreaker.CircuitBreaker;
import io.vertx.circuitbreaker.CircuitBreakerOptions;
import io.vertx.circuitbreaker.CircuitBreakerState;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks and tells the auth service (contract, section 4), believing nothing that it cannot check. A future from here fails
 * whenever there is no trustworthy answer: whoever asked must then refuse. It fails with a {@link RefusalException} ({@code
 * overloaded}) when the caller's organization has too many calls under way; no call was made then.
 *
 * <p>To be used on one verticle's context, as {@link CredentialCipher} are.
 */
public final class AuthServiceClient {
    static final int MAX_FAILURES = 5;
    static final long RESET_MILLIS = 2_000;

    private static final Logger LOG = LoggerFactory.getLogger(AuthServiceClient.class);
    /** Failures further apart are not in a row: more than enough for as many timeouts one after another. */
    private static final long ROLLING_WINDOW_MILLIS = 60_000;

    private static final int MAX_GRANT_TTL_SECONDS = 30;
    private static final int MAX_REFUSAL_TTL_SECONDS = 5;
    /** Asked for together. Ownership is never asked for: it is decided by this service alone. */
    private static final List<Permission> ASKED = List.of(Permission.READ, Permission.ADMIN);

    /** Calls at once and waiting. */
    private static final int MAX_CALLS = 1_000;

    private final BoundedHttp http;
    private final CredentialCipher credentials;
    private final CircuitBreaker breaker;
    private final CallLimiter limiter;

    /** @param baseUrl {@code http(s)://host:port[/prefix]} */
    public AuthServiceClient(Vertx vertx, Config config, String baseUrl) {
        this.http = new BoundedHttp(vertx, baseUrl, config.auth().timeoutMillis());
        this.credentials = new CredentialCipher(config.serviceId(), config.key());
        this.breaker = CircuitBreaker.create(
                        "auth-service",
                        vertx,
                        new CircuitBreakerOptions()
                                .setMaxFailures(MAX_FAILURES)
                                .setFailuresRollingWindow(ROLLING_WINDOW_MILLIS)
                                .setResetTimeout(RESET_MILLIS)
                                // Each exchange has its own deadline.
                                .setTimeout(-1)
                                .setMaxRetries(0)
                                .setFallbackOnFailure(false))
                .failurePolicy(result -> result.failed() && isFailureOfAuthService(result.cause()))
                .openHandler(opened -> LOG.warn("the auth service failed repeatedly; it is not called for a while"))
                .closeHandler(closed -> LOG.info("the auth service answers again"));
        this.limiter =
                new CallLimiter(BoundedHttp.CALLS, MAX_CALLS, config.auth().timeoutMillis());
    }

    /** A refusal, and overload on this node, leave the breaker closed. */
    private static boolean isFailureOfAuthService(Throwable failure) {
        return !(failure instanceof RefusalException)
                && !(failure instanceof AuthServiceException said && said.answered());
    }

    /** Which of read and admin the caller holds. */
    public Future<PermissionAnswer> check(PermissionQuestion question) {
        JsonArray requested = new JsonArray();
        ASKED.forEach(permission -> requested.add(permission.wireName()));
        return call("/api/v1/permission/check", question.caller(), () -> new JsonObject()
                        .put("resource_id", question.resourceId())
                        .put("requested_permissions", requested))
                .map(answer -> read(question, answer));
    }

    private static PermissionAnswer read(PermissionQuestion question, JsonObject answer) {
        if (!(answer.getValue("data") instanceof JsonObject data)) {
            throw AuthServiceException.unbelievable("the auth service's answer has no data");
        }
        if (!question.caller().userId().equals(data.getValue("user_id"))
                || !question.resourceId().equals(data.getValue("resource_id"))) {
            throw AuthServiceException.unbelievable("the auth service answered about another user or resource");
        }
        if (!(data.getValue("granted_permissions") instanceof JsonArray names)) {
            throw AuthServiceException.unbelievable("the auth service's answer lists no granted permissions");
        }
        Set<Permission> granted = EnumSet.noneOf(Permission.class);
        for (Object element : names) {
            if (!(element instanceof String name)) {
                throw AuthServiceException.unbelievable("the auth service granted something that has no name");
            }
            ASKED.stream()
                    .filter(permission -> permission.wireName().equals(name))
                    .forEach(granted::add);
        }
        // What is not registered yet may be in a moment: that must not be remembered.
        boolean exists = Boolean.TRUE.equals(data.getValue("resource_exists"));
        int most = granted.isEmpty() ? MAX_REFUSAL_TTL_SECONDS : MAX_GRANT_TTL_SECONDS;
        return new PermissionAnswer(granted, exists ? clamp(data.getValue("cache_ttl"), most) : 0);
    }

    private static int clamp(@org.jspecify.annotations.Nullable Object seconds, int most) {
        if (seconds instanceof Integer || seconds instanceof Long) {
            return (int) Math.max(0, Math.min(most, ((Number) seconds).longValue()));
        }
        return 0;
    }

    /** Tells of a grant or a revocation; succeeds only once it is confirmed. May be repeated. */
    public Future<Void> change(PermissionChange change) {
        JsonArray permissions = new JsonArray();
        change.permissions().forEach(permission -> permissions.add(permission.wireName()));
        String path = change.grant() ? "/api/v1/permission/grant" : "/api/v1/permission/revoke";
        return call(path, change.caller(), () -> {
                    JsonObject fields = new JsonObject()
                            .put("target_user_id", change.targetUserId())
                            .put("resource_id", change.resourceId())
                            .put("permissions", permissions);
                    return change.expiresAt() == null ? fields : fields.put("expires_at", change.expiresAt());
                })
                .mapEmpty();
    }

    /** Makes a quota known. May be repeated. */
    public Future<Void> registerResource(Caller caller, String resourceId, String displayName, String description) {
        return call("/api/v1/resources/create", caller, () -> new JsonObject()
                        .put("resource_id", resourceId)
                        .put("resource_type", "quota")
                        .put("display_name", displayName)
                        .put("description", description)
                        .put("metadata", "{}"))
                .mapEmpty();
    }

    private Future<JsonObject> call(String path, Caller caller, Supplier<JsonObject> fields) {
        // Before the breaker: what waits for its turn here is not a call yet, and cannot fail as one.
        return limiter.run(caller.organizationId(), () -> breaker.execute(() -> post(path, caller, fields.get())));
    }

    private Future<JsonObject> post(String path, Caller caller, JsonObject fields) {
        fields.put("service_id", credentials.serviceId());
        // Fresh each time: a nonce works once.
        fields.put("encrypted_data", credentials.sealForAuthService(caller, System.currentTimeMillis()));
        return http.post(path, fields).map(answer -> {
            if (Boolean.FALSE.equals(answer.getValue("success"))) {
                throw AuthServiceException.refused(
                        answer.getValue("error") instanceof String reason ? reason : "It gave no reason.");
            }
            if (!Boolean.TRUE.equals(answer.getValue("success"))) {
                throw AuthServiceException.unbelievable("the auth service did not confirm success");
            }
            return answer;
        });
    }

    /** Whether the breaker lets calls through at the moment. */
    public boolean accepting() {
        return breaker.state() != CircuitBreakerState.OPEN;
    }

    /** Whether the auth service answers at all; fails at once while the breaker is open. Any thread. */
    public Future<Void> readiness() {
        return accepting()
                ? http.reach("/health")
                : Future.failedFuture(AuthServiceException.broken("the auth service failed repeatedly"));
    }

    public Future<Void> close() {
        breaker.close();
        return http.close();
    }
}
