package com.cagen.quota.auth;

import static com.cagen.quota.auth.AuthFixtures.await;

import com.cagen.quota.protocol.OpenedCredential;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A real HTTP server that plays an auth service: right at first, wrong as a test wants it. */
public final class StubAuthService {
    /** How it answers. */
    public interface Behaviour {
        void answer(HttpServerRequest request, JsonObject body);
    }

    public final List<JsonObject> bodies = new CopyOnWriteArrayList<>();
    public final List<String> paths = new CopyOnWriteArrayList<>();
    public volatile Behaviour behaviour = StubAuthService::right;

    private final Vertx vertx;
    private HttpServer server;
    private final int port;

    public StubAuthService(Vertx vertx) {
        this.vertx = vertx;
        this.server = await(listen(0));
        this.port = server.actualPort();
    }

    private io.vertx.core.Future<HttpServer> listen(int onPort) {
        return vertx.createHttpServer()
                .requestHandler(request -> request.body().onSuccess(buffer -> {
                    JsonObject body = buffer.length() == 0 ? new JsonObject() : new JsonObject(buffer);
                    paths.add(request.path());
                    bodies.add(body);
                    behaviour.answer(request, body);
                }))
                .listen(onPort, "127.0.0.1");
    }

    public String url() {
        return "http://127.0.0.1:" + port;
    }

    public void die() {
        await(server.close());
    }

    public void comeBack() {
        server = await(listen(port));
    }

    /** Grants read to everybody, and confirms whatever it is told. */
    public static void right(HttpServerRequest request, JsonObject body) {
        request.response().end(rightAnswer(body).encode());
    }

    public static JsonObject rightAnswer(JsonObject body) {
        OpenedCredential opened = AuthFixtures.credentials()
                .open(body.getString("service_id"), body.getString("encrypted_data"), System.currentTimeMillis());
        if (!(opened instanceof OpenedCredential.Valid valid)) {
            return new JsonObject().put("success", false).put("error", "credential");
        }
        return new JsonObject()
                .put("success", true)
                .put(
                        "data",
                        new JsonObject()
                                .put("user_id", valid.caller().userId())
                                .put("resource_id", body.getString("resource_id"))
                                .put("granted_permissions", new JsonArray().add("read"))
                                .put("denied_permissions", new JsonArray().add("admin"))
                                .put("resource_exists", true)
                                .put("cache_ttl", 20));
    }

    /** A right answer but for one field of its data. */
    public static Behaviour lying(String field, Object value) {
        return (request, body) -> {
            JsonObject answer = rightAnswer(body);
            answer.getJsonObject("data").put(field, value);
            request.response().end(answer.encode());
        };
    }

    public static Behaviour saying(int status, String text) {
        return (request, body) -> request.response().setStatusCode(status).end(text);
    }
}
