package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.auth.StubAuthService;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** An auth service that is configured and does not do as it should. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AuthServiceDownIT {
    private final Vertx vertx = Vertx.vertx();
    private final StubAuthService stub = new StubAuthService(vertx);
    private final RunningService service =
            new RunningService(Map.of("AUTH_SERVICE_URL", stub.url(), "AUTH_TIMEOUT_MS", "300"));
    private final User alice = service.user("acme", "alice");
    private final User reader = service.user("acme", "reader");

    @AfterEach
    void recover() {
        stub.behaviour = StubAuthService::right;
        String quota = alice.root(1);
        RunningService.until(
                "the service has seen that the auth service is back",
                () -> reader.get("/quotas/" + quota).status() == 200);
    }

    @AfterAll
    void stop() {
        service.close();
        RunningService.await(vertx.close());
    }

    private boolean registered(String quota) {
        for (int i = 0; i < stub.bodies.size(); i++) {
            boolean creation = stub.paths.get(i).equals("/api/v1/resources/create");
            if (creation && quota.equals(stub.bodies.get(i).getString("resource_id"))) {
                return true;
            }
        }
        return false;
    }

    /** Whoever does not own a quota gets 503, and nothing happens, as long as there is no trustworthy answer. */
    private void failsClosed(StubAuthService.Behaviour behaviour) {
        String root = alice.root(100);
        String quota = alice.child(root, 50);
        RunningService.until("the quotas are registered", () -> registered(root) && registered(quota));
        stub.behaviour = behaviour;
        for (int i = 0; i < 7; i++) { // more often than the circuit breaker lets through
            reader.take(quota, "res", 1).refused(ErrorCode.AUTH_UNAVAILABLE);
        }
        reader.get("/quotas/" + quota).refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.get("/quotas/" + quota + "/usage").refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.get("/quotas/" + quota + "/audit").refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.post("/quotas/" + quota + "/allocate", User.childBody(1)).refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.act(quota, "suspend").refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.act(quota, "release").refused(ErrorCode.AUTH_UNAVAILABLE);
        reader.grant(quota, "reader", "read").refused(ErrorCode.AUTH_UNAVAILABLE);
        assertThat(alice.quota(quota).getLong("used_mb")).isZero();
        assertThat(alice.quota(quota).getString("status")).isEqualTo("active");
    }

    private static void says(io.vertx.core.http.HttpServerRequest request, String text) {
        request.response().end(text);
    }

    @Test
    @Tag("engine-independent")
    void deadMeansUnavailable() {
        failsClosed((request, body) -> request.connection().close());
    }

    @Test
    @Tag("engine-independent")
    void slowMeansUnavailable() {
        failsClosed((request, body) -> {});
    }

    @Test
    @Tag("engine-independent")
    void anotherStatusMeansUnavailable() {
        failsClosed((request, body) -> {
            request.response().setStatusCode(500);
            StubAuthService.right(request, body);
        });
    }

    @Test
    @Tag("engine-independent")
    void talkingOfSomebodyElseMeansUnavailable() {
        failsClosed(StubAuthService.lying("user_id", "alice"));
    }

    @Test
    @Tag("engine-independent")
    void talkingOfSomethingElseMeansUnavailable() {
        failsClosed(StubAuthService.lying("resource_id", "quota_other"));
    }

    @Test
    @Tag("engine-independent")
    void nonsenseMeansUnavailable() {
        failsClosed((request, body) -> says(request, "<html>granted</html>"));
    }

    @Test
    @Tag("engine-independent")
    void noSuccessMeansUnavailable() {
        failsClosed((request, body) -> says(
                request,
                StubAuthService.rightAnswer(body).put("success", "true").encode()));
    }

    @Test
    @Tag("engine-independent")
    void tooLongMeansUnavailable() {
        failsClosed((request, body) -> says(
                request,
                StubAuthService.rightAnswer(body)
                        .put("padding", "x".repeat(70_000))
                        .encode()));
    }

    @Test
    @Tag("engine-independent")
    void aGrantedOwnershipIsNotTheAuthServicesToGive() {
        String quota = alice.root(100);
        stub.behaviour = StubAuthService.lying(
                "granted_permissions", new JsonArray().add("owner").add("everything"));
        reader.take(quota, "res", 1).refused(ErrorCode.PERMISSION_DENIED);
    }

    @Test
    void ownersAreUnaffectedAndWhatIsOwedIsDeliveredLater() {
        String early = alice.root(100);
        RunningService.until("it is registered", () -> registered(early));
        stub.die();
        String root = alice.root(100);
        String child = alice.child(root, 50, "admin");
        alice.take(child, "res", 1).data();
        alice.giveBack(child, "res", 1).data();
        alice.act(child, "suspend").data();
        alice.act(child, "resume").data();
        alice.act(alice.child(root, 1), "release").data();
        alice.get("/quotas/" + child + "/audit").data();

        for (String quota : new String[] {early, child}) {
            alice.grant(quota, "guest", "read").refused(ErrorCode.AUTH_UNAVAILABLE);
            alice.grant(quota, "guest", "owner").refused(ErrorCode.AUTH_UNAVAILABLE);
            alice.revoke(quota, "guest", "read").refused(ErrorCode.AUTH_UNAVAILABLE);
        }
        User guest = service.user("acme", "guest");
        assertThat(guest.get("/quotas").list("quotas")).as("no effect").isEmpty();
        guest.get("/quotas/" + early).refused(ErrorCode.AUTH_UNAVAILABLE);
        RunningService.until(
                "it is not ready",
                () -> service.send("GET", "/health/ready", "").status() == 503);
        Reply ready = service.send("GET", "/health/ready", "");
        assertThat(ready.refused(ErrorCode.AUTH_UNAVAILABLE)
                        .getJsonObject("checks")
                        .getString("auth"))
                .isEqualTo("down");
        assertThat(service.send("GET", "/health/live", "").status()).isEqualTo(200);
        assertThat(registered(child)).isFalse();

        stub.comeBack();
        RunningService.until("what is owed is delivered", () -> registered(root) && registered(child));
        RunningService.until("its admin too", () -> stub.bodies.stream()
                .anyMatch(body -> child.equals(body.getString("resource_id"))
                        && "admin".equals(body.getString("target_user_id"))));
        RunningService.until(
                "it is ready again",
                () -> service.send("GET", "/health/ready", "").status() == 200);
        assertThat(alice.grant(early, "guest", "read").status()).isEqualTo(200);
        assertThat(guest.get("/quotas").list("quotas")).hasSize(1);
    }
}
