package com.cagen.quota.auth.client;

import static com.cagen.quota.auth.AuthFixtures.SERVICE;
import static com.cagen.quota.auth.AuthFixtures.USER;
import static com.cagen.quota.auth.AuthFixtures.await;
import static com.cagen.quota.auth.AuthFixtures.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.auth.AuthFixtures;
import com.cagen.quota.auth.StubAuthService;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.OpenedCredential;
import com.cagen.quota.protocol.Permission;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against a real HTTP server that is right, wrong in every way, and right again. */
@Tag("engine-independent")
class AuthServiceClientIT {
    private static final long TIMEOUT_MILLIS = 2_000;
    private static final PermissionQuestion QUESTION = new PermissionQuestion(USER, "quota_1");
    private static final PermissionChange CHANGE = new PermissionChange(
            new UUID(0, 1), USER, "quota_1", "user_2", List.of(Permission.READ, Permission.ADMIN), true);

    private final Vertx vertx = Vertx.vertx();
    private final Context context = vertx.getOrCreateContext();
    private final StubAuthService service = new StubAuthService(vertx);
    private AuthServiceClient client;

    @BeforeEach
    void open() {
        client = new AuthServiceClient(vertx, AuthFixtures.config(TIMEOUT_MILLIS), service.url() + "/");
    }

    @AfterEach
    void close() {
        await(vertx.close());
    }

    private <T> T on(Supplier<Future<T>> work) {
        return AuthFixtures.on(context, work);
    }

    private PermissionAnswer check() {
        return on(() -> client.check(QUESTION));
    }

    /** No answer may be had from it, and no change counts as told. */
    private void assertFailsClosed(String reason) {
        assertThatThrownBy(this::check).isInstanceOf(AuthServiceException.class).hasMessageContaining(reason);
    }

    @Test
    void asksForReadAndAdminTogetherAsTheUserWithAFreshCredentialEachTime() {
        assertThat(check()).isEqualTo(new PermissionAnswer(Set.of(Permission.READ), 20));
        assertThat(check().granted()).containsExactly(Permission.READ);
        assertThat(service.paths).containsOnly("/api/v1/permission/check");
        assertThat(service.bodies).allSatisfy(body -> {
            assertThat(body.getString("service_id")).isEqualTo(SERVICE);
            assertThat(body.getString("resource_id")).isEqualTo("quota_1");
            assertThat(body.getJsonArray("requested_permissions")).containsExactly("read", "admin");
        });
        var opened = service.bodies.stream()
                .map(body -> AuthFixtures.credentials()
                        .open(SERVICE, body.getString("encrypted_data"), System.currentTimeMillis()))
                .map(OpenedCredential.Valid.class::cast)
                .toList();
        assertThat(opened).extracting(OpenedCredential.Valid::caller).containsOnly(USER);
        assertThat(opened.get(0).nonce().value())
                .isNotEqualTo(opened.get(1).nonce().value());
    }

    /** One that came before anybody listened would be a timeout. */
    @Test
    void losesNoAnswerHoweverSoonItComes() {
        for (int wave = 0; wave < 50; wave++) {
            on(() -> Future.all(IntStream.range(0, 100)
                    .mapToObj(i -> client.check(QUESTION))
                    .toList()));
        }
        assertThat(service.paths).hasSize(5_000);
    }

    @Test
    void tellsOfGrantsRevocationsAndResources() {
        on(() -> client.change(CHANGE));
        on(() -> client.change(
                new PermissionChange(new UUID(0, 1), USER, "quota_1", "user_2", List.of(Permission.OWNER), false)));
        on(() -> client.registerResource(USER, "quota_1", "Team", "What for"));
        assertThat(service.paths)
                .containsExactly("/api/v1/permission/grant", "/api/v1/permission/revoke", "/api/v1/resources/create");
        assertThat(service.bodies.get(0).getMap())
                .containsEntry("target_user_id", "user_2")
                .containsEntry("resource_id", "quota_1");
        assertThat(service.bodies.get(0).getJsonArray("permissions")).containsExactly("read", "admin");
        assertThat(service.bodies.get(1).getJsonArray("permissions")).containsExactly("owner");
        assertThat(service.bodies.get(2).getMap())
                .containsEntry("resource_type", "quota")
                .containsEntry("display_name", "Team")
                .containsEntry("description", "What for")
                .containsEntry("metadata", "{}");
    }

    @ParameterizedTest
    @ValueSource(ints = {201, 204, 301, 302, 307, 400, 401, 403, 404, 429, 500, 502, 503})
    void refusesAnyStatusButTwoHundredWhateverTheBodySays(int status) {
        service.behaviour = (request, body) -> request.response()
                .setStatusCode(status)
                .putHeader("Location", service.url() + "/elsewhere")
                .end(status == 204 ? "" : StubAuthService.rightAnswer(body).encode());
        assertFailsClosed("status " + status);
        assertThatThrownBy(() -> on(() -> client.change(CHANGE))).isInstanceOf(AuthServiceException.class);
        assertThat(service.paths).doesNotContain("/elsewhere");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "yes", "[]", "null", "true", "\"success\"", "{", "{\"success\":true", "{\"success\":true}}"})
    void refusesWhatIsNoJsonObject(String text) {
        service.behaviour = StubAuthService.saying(200, text);
        assertFailsClosed("no JSON object");
        assertThatThrownBy(() -> on(() -> client.change(CHANGE))).isInstanceOf(AuthServiceException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"true\"", "1", "null", "false", "{}", "[true]"})
    void refusesSuccessThatIsNotTrue(String success) {
        service.behaviour = (request, body) -> request.response()
                .end("{\"success\":" + success + ",\"data\":"
                        + StubAuthService.rightAnswer(body)
                                .getJsonObject("data")
                                .encode() + "}");
        assertFailsClosed("did not confirm success");
        assertThatThrownBy(() -> on(() -> client.change(CHANGE))).isInstanceOf(AuthServiceException.class);
    }

    @Test
    void refusesAnAnswerWithoutData() {
        service.behaviour = StubAuthService.saying(200, "{\"success\":true}");
        assertFailsClosed("no data");
        service.behaviour = StubAuthService.saying(200, "{\"success\":true,\"data\":[]}");
        assertFailsClosed("no data");
    }

    @ParameterizedTest
    @CsvSource({"user_id,user_2", "user_id,USER_1", "user_id,", "resource_id,quota_2", "resource_id,"})
    void refusesAnAnswerAboutAnotherUserOrResource(String field, @org.jspecify.annotations.Nullable String value) {
        service.behaviour = (request, body) -> {
            JsonObject answer = StubAuthService.rightAnswer(body);
            answer.getJsonObject("data").put(field, value);
            request.response().end(answer.encode());
        };
        assertFailsClosed("another user or resource");
    }

    @Test
    void refusesGrantsThatAreNoListOfNames() {
        for (Object wrong : List.of("read", true, new JsonObject().put("read", true), new JsonArray().add(1))) {
            service.behaviour = StubAuthService.lying("granted_permissions", wrong);
            assertFailsClosed("grant");
        }
    }

    @Test
    void countsOnlyWhatItAskedFor() {
        service.behaviour = StubAuthService.lying(
                "granted_permissions", new JsonArray(List.of("owner", "root", "READ", "*", "read,admin")));
        assertThat(check()).isEqualTo(new PermissionAnswer(Set.of(), 5));
        service.behaviour =
                StubAuthService.lying("granted_permissions", new JsonArray(List.of("owner", "admin", "delete")));
        assertThat(check().granted()).containsExactly(Permission.ADMIN);
    }

    @ParameterizedTest
    @CsvSource({
        "30,30,5",
        "31,30,5",
        "86400,30,5",
        "9223372036854775807,30,5",
        "18446744073709551617,0,0",
        "4,4,4",
        "0,0,0",
        "-1,0,0",
        "5.9,0,0",
        "\"20\",0,0",
        "null,0,0",
        "true,0,0"
    })
    void believesAnAnswerNoLongerThanItMay(String ttl, int ofGrant, int ofRefusal) {
        for (String granted : List.of("[\"read\"]", "[]")) {
            service.behaviour = (request, body) -> request.response()
                    .end("{\"success\":true,\"data\":{\"user_id\":\"user_1\",\"resource_id\":\"quota_1\","
                            + "\"granted_permissions\":" + granted + ",\"resource_exists\":true,\"cache_ttl\":" + ttl
                            + "}}");
            assertThat(check().ttlSeconds()).isEqualTo(granted.length() > 2 ? ofGrant : ofRefusal);
        }
    }

    @Test
    void remembersNothingOfAResourceThatIsNotRegisteredYet() {
        service.behaviour = StubAuthService.lying("resource_exists", false);
        assertThat(check().ttlSeconds()).isZero();
        service.behaviour = StubAuthService.lying("resource_exists", "true");
        assertThat(check().ttlSeconds()).isZero();
    }

    @Test
    void refusesABodyOverTheLimitAndReadsNoFurther() {
        String padding = "x".repeat(BoundedHttp.MAX_BODY);
        service.behaviour = StubAuthService.lying("padding", padding);
        assertFailsClosed("larger than");
        service.behaviour = (request, body) -> {
            String text = StubAuthService.rightAnswer(body).encode();
            request.response().end(text + " ".repeat(BoundedHttp.MAX_BODY - text.length()));
        };
        assertThat(check().granted()).containsExactly(Permission.READ);
    }

    @Test
    void cutsAnEndlessAnswerOff() {
        AtomicInteger closed = new AtomicInteger();
        service.behaviour = (request, body) -> {
            request.response().setChunked(true);
            request.connection().closeHandler(ignored -> closed.incrementAndGet());
            long timer = vertx.setPeriodic(1, ignored -> {
                if (!request.response().closed() && !request.response().writeQueueFull()) {
                    request.response().write("x".repeat(4_096));
                }
            });
            request.response().closeHandler(ignored -> vertx.cancelTimer(timer));
        };
        assertFailsClosed("larger than");
        until(vertx, "the connection is closed", () -> closed.get() == 1);
    }

    @Test
    void givesUpOnASlowOneInTime() {
        service.behaviour = (request, body) -> {};
        assertGivesUpInTime();
    }

    @Test
    void givesUpOnOneThatTrickles() {
        service.behaviour = trickle(vertx);
        assertGivesUpInTime();
    }

    private static StubAuthService.Behaviour trickle(Vertx vertx) {
        return (HttpServerRequest request, JsonObject body) -> {
            request.response().setChunked(true);
            long timer = vertx.setPeriodic(20, ignored -> {
                if (!request.response().closed()) {
                    request.response().write(" ");
                }
            });
            request.response().closeHandler(ignored -> vertx.cancelTimer(timer));
        };
    }

    private void assertGivesUpInTime() {
        long started = System.nanoTime();
        assertFailsClosed("cannot be reached");
        assertThat((System.nanoTime() - started) / 1_000_000).isBetween(TIMEOUT_MILLIS - 50, TIMEOUT_MILLIS * 4);
    }

    @Test
    void restsADeadOneAndUsesItAgainOnceItIsBack() {
        service.die();
        for (int i = 0; i < AuthServiceClient.MAX_FAILURES; i++) {
            assertThat(client.accepting()).isTrue();
            assertFailsClosed("cannot be reached");
        }
        assertThat(client.accepting()).isFalse();
        service.comeBack();
        long started = System.nanoTime();
        assertThatThrownBy(this::check).isNotNull();
        assertThatThrownBy(() -> on(client::readiness)).isInstanceOf(AuthServiceException.class);
        assertThat((System.nanoTime() - started) / 1_000_000).isLessThan(200);
        assertThat(service.paths).isEmpty();

        until(vertx, "the breaker tries again", client::accepting);
        assertThat(check().granted()).containsExactly(Permission.READ);
        assertThat(check().granted()).containsExactly(Permission.READ);
        on(client::readiness);
    }

    @Test
    void goesOnRestingOneThatIsStillDead() {
        service.behaviour = StubAuthService.saying(500, "{}");
        for (int i = 0; i < AuthServiceClient.MAX_FAILURES; i++) {
            assertFailsClosed("status 500");
        }
        until(vertx, "the breaker tries again", client::accepting);
        assertFailsClosed("status 500");
        assertThat(client.accepting()).isFalse();
    }

    @Test
    void restsOnlyAfterFailuresInARow() {
        for (int i = 0; i < 3 * AuthServiceClient.MAX_FAILURES; i++) {
            service.behaviour =
                    i % AuthServiceClient.MAX_FAILURES == 0 ? StubAuthService::right : StubAuthService.saying(500, "");
            if (i % AuthServiceClient.MAX_FAILURES == 0) {
                check();
            } else {
                assertFailsClosed("status 500");
            }
        }
        assertThat(client.accepting()).isTrue();
    }

    @Test
    void isNotPutToRestByAnswersThatOnlySayNo() {
        service.behaviour = StubAuthService.saying(403, "{\"success\":false,\"error\":\"no\"}");
        for (int i = 0; i < 2 * AuthServiceClient.MAX_FAILURES; i++) {
            assertFailsClosed("status 403");
        }
        assertThat(client.accepting()).isTrue();
    }

    @Test
    void thousandsOfQuestionsOfOneOrganizationKeepNobodyElseFromAsking() {
        Queue<Runnable> held = new ConcurrentLinkedQueue<>();
        service.behaviour = (request, body) -> {
            Runnable answer = () -> StubAuthService.right(request, body);
            if (body.getString("resource_id").startsWith("held")) {
                held.add(answer);
            } else {
                answer.run();
            }
        };
        // Nothing is timed out while it is held.
        AuthServiceClient patient = new AuthServiceClient(vertx, AuthFixtures.config(60_000), service.url());
        PermissionQuestions questions = new PermissionQuestions(patient::check);
        List<Future<PermissionAnswer>> greedy = on(() -> Future.succeededFuture(IntStream.range(0, 2_200)
                .mapToObj(i -> questions.ask(new PermissionQuestion(USER, "held_" + i)))
                .toList()));
        Caller other = new Caller("org_2", "user_2", SERVICE, List.of());
        for (int i = 0; i < 10; i++) {
            String quota = "quota_" + i;
            assertThat(on(() -> questions.ask(new PermissionQuestion(other, quota)))
                            .granted())
                    .containsExactly(Permission.READ);
        }
        assertThat(patient.accepting()).isTrue();
        List<Future<PermissionAnswer>> refused =
                greedy.stream().filter(Future::failed).toList();
        assertThat(refused).hasSizeBetween(1_500, 2_000).allSatisfy(future -> assertThat(future.cause())
                .isInstanceOfSatisfying(
                        RefusalException.class,
                        failure -> assertThat(failure.refusal().code()).isEqualTo(ErrorCode.OVERLOADED)));
        service.behaviour = StubAuthService::right;
        until(vertx, "every question that was let in has its answer", () -> {
            for (Runnable answer = held.poll(); answer != null; answer = held.poll()) {
                answer.run();
            }
            return greedy.stream().allMatch(Future::isComplete);
        });
        assertThat(greedy.stream().filter(Future::succeeded).count()).isEqualTo(2_200 - refused.size());
    }

    @Test
    void keepsCredentialsOutOfItsErrors() {
        service.behaviour = (request, body) -> request.response().end(body.getString("encrypted_data"));
        assertThatThrownBy(this::check).satisfies(failure -> {
            assertThat(failure.getCause()).isNull();
            assertThat(failure.toString())
                    .doesNotContain(
                            service.bodies.get(0).getString("encrypted_data").substring(0, 16));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "localhost:8081", "ftp://host", "http://", "/path", "http://host/?x=1"})
    void refusesABaseUrlThatIsNone(String url) {
        assertThatThrownBy(() -> new AuthServiceClient(vertx, AuthFixtures.config(TIMEOUT_MILLIS), url))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
