package com.cagen.quota.auth;

import com.cagen.quota.protocol.OpenedCredential;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/** An auth service that remembers what it was told, as a {@link StubAuthService}'s behaviour. Registering grants nothing. */
public final class GrantBook implements StubAuthService.Behaviour {
    /** Users of whom it wants to know nothing: whatever grants them something is refused. */
    public final Set<String> unacceptable = ConcurrentHashMap.newKeySet();

    /** Credentials that it was sent, in the order of arrival. */
    public final CopyOnWriteArrayList<String> credentials = new CopyOnWriteArrayList<>();

    /** Keys are {@code quota/user}. */
    private final Map<String, Set<String>> held = new ConcurrentHashMap<>();

    private final AtomicReference<Gate> gate = new AtomicReference<>();

    /** Stops one request before it has an effect, until it is opened. */
    public static final class Gate {
        private final Predicate<JsonObject> matches;
        private final Promise<Void> reached = Promise.promise();
        private final Promise<Void> opened = Promise.promise();

        private Gate(Predicate<JsonObject> matches) {
            this.matches = matches;
        }

        /** When the request is there. */
        public Future<Void> reached() {
            return reached.future();
        }

        public void open() {
            opened.tryComplete();
        }
    }

    /** Makes the next request whose body matches wait. */
    public Gate hold(Predicate<JsonObject> matches) {
        Gate next = new Gate(matches);
        gate.set(next);
        return next;
    }

    /** What {@code user} holds on {@code quota}, sorted. */
    public Set<String> held(String quota, String user) {
        return new TreeSet<>(held.getOrDefault(quota + "/" + user, Set.of()));
    }

    @Override
    public void answer(HttpServerRequest request, JsonObject body) {
        Gate current = gate.get();
        if (current != null && current.matches.test(body) && gate.compareAndSet(current, null)) {
            current.reached.complete();
            current.opened.future().onSuccess(ignored -> apply(request, body));
        } else {
            apply(request, body);
        }
    }

    private void apply(HttpServerRequest request, JsonObject body) {
        request.response().end(carryOut(request.path(), body).encode());
    }

    /** Does what a request asks, and gives the answer that it would get. */
    public JsonObject carryOut(String path, JsonObject body) {
        String encrypted = body.getString("encrypted_data");
        if (encrypted != null) {
            credentials.add(encrypted);
        }
        OpenedCredential opened =
                AuthFixtures.credentials().open(body.getString("service_id"), encrypted, System.currentTimeMillis());
        if (!(opened instanceof OpenedCredential.Valid valid)) {
            return refusal("The credential is not valid.");
        }
        if (path.endsWith("/permission/check")) {
            return check(valid.caller().userId(), body);
        }
        String user = body.getString("target_user_id");
        if (user == null) {
            return new JsonObject().put("success", true);
        }
        if (unacceptable.contains(user)) {
            return refusal("There is no user " + user + ".");
        }
        Set<String> permissions = held.computeIfAbsent(
                body.getString("resource_id") + "/" + user, ignored -> ConcurrentHashMap.newKeySet());
        body.getJsonArray("permissions").forEach(permission -> {
            if (path.endsWith("/permission/grant")) {
                permissions.add((String) permission);
            } else {
                permissions.remove((String) permission);
            }
        });
        return new JsonObject().put("success", true);
    }

    private static JsonObject refusal(String error) {
        return new JsonObject().put("success", false).put("error", error);
    }

    private JsonObject check(String user, JsonObject body) {
        String quota = Objects.requireNonNull(body.getString("resource_id"));
        Set<String> has = held(quota, user);
        JsonArray granted = new JsonArray();
        JsonArray denied = new JsonArray();
        body.getJsonArray("requested_permissions")
                .forEach(permission ->
                        (has.contains(permission) || has.contains("admin") ? granted : denied).add(permission));
        return new JsonObject()
                .put("success", true)
                .put(
                        "data",
                        new JsonObject()
                                .put("user_id", user)
                                .put("resource_id", quota)
                                .put("granted_permissions", granted)
                                .put("denied_permissions", denied)
                                .put("resource_exists", true)
                                .put("cache_ttl", 30));
    }
}
