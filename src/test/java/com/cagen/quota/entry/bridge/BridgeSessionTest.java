package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.messaging.PublicAddresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What a bridge's client may do, without sockets; {@code BridgesIT} has those. */
class BridgeSessionTest {
    private static final String EVENTS = "cagen.quota.v1.events";
    private static final Vertx VERTX = Vertx.vertx();
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static final long MEGABYTE = 1024L * 1024;

    private final BridgeSessions sessions = new BridgeSessions(10 * MEGABYTE);
    private final Subscriptions subscriptions =
            new Subscriptions(sessions, BridgeSessionTest::everybodyMay, System::nanoTime);
    /** Answers to the credentials of registrations, in their order. */
    private final Deque<Promise<Caller>> credentials = new ArrayDeque<>();

    private static Future<VisibilityAnswer> everybodyMay(VisibilityQuestion question) {
        return Future.succeededFuture(new VisibilityAnswer(question.quotaIds().stream()
                .collect(Collectors.toMap(quota -> quota, quota -> Set.copyOf(question.userIds())))));
    }

    private static Caller member(String organization) {
        return new Caller(organization, "alice", "svc", List.of());
    }

    @AfterAll
    static void stop() {
        VERTX.close().await();
    }

    /** A socket whose client reads, unless told otherwise. */
    private static final class Client implements BridgeConnection {
        final List<JsonObject> received = new ArrayList<>();
        boolean reads = true;
        boolean closed;
        boolean aborted;

        @Override
        public Future<Void> write(String frame) {
            received.add(new JsonObject(frame));
            return reads ? Future.succeededFuture() : Promise.<Void>promise().future();
        }

        @Override
        public void close() {
            closed = true;
        }

        @Override
        public void abort() {
            aborted = true;
        }

        @Override
        public boolean overdue(long nowNanos) {
            return false;
        }

        JsonObject last() {
            return received.get(received.size() - 1);
        }
    }

    private BridgeSession session(Client client, BridgeProtocol dialect, int messagesASecond) {
        BridgeSession session = new BridgeSession(
                client,
                dialect,
                new PublicAddresses(VERTX, Operations.CATALOG.names(), 1_000),
                subscriptions,
                sessions,
                headers -> {
                    Promise<Caller> answer = Promise.promise();
                    credentials.add(answer);
                    return answer.future();
                },
                messagesASecond,
                0);
        sessions.add(session);
        return session;
    }

    private static String frame(String type, String address) {
        return new JsonObject()
                .put("type", type)
                .put("address", address)
                .put("replyAddress", "r")
                .encode();
    }

    private static JsonObject event(String organization) {
        return new JsonObject()
                .put("organization_id", organization)
                .put("quota_id", "quota_1")
                .put("type", "usage.allocate");
    }

    private BridgeSession subscribed(Client client, String organization) {
        BridgeSession session = session(client, BridgeProtocol.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        credentials.remove().complete(member(organization));
        return session;
    }

    @Test
    void hearsItsOwnOrganizationOnly() {
        Client acme = new Client();
        Client rival = new Client();
        subscribed(acme, "acme");
        subscribed(rival, "rival");
        subscriptions.deliver(event("acme"));
        subscriptions.deliver(event("nobody"));
        subscriptions.deliver(new JsonObject());
        assertThat(acme.received).singleElement().satisfies(frame -> {
            assertThat(frame.getString("address")).isEqualTo(EVENTS);
            assertThat(frame.getJsonObject("body")).isEqualTo(event("acme"));
        });
        assertThat(rival.received).isEmpty();
    }

    @Test
    void hearsNothingBeforeItsCredentialIsAccepted() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.SOCKJS, 100);
        session.take(frame("register", EVENTS), 0);
        subscriptions.deliver(event("acme"));
        assertThat(client.received).isEmpty();
        credentials.remove().fail(new RefusalException(Refusal.credentialReplayed()));
        subscriptions.deliver(event("acme"));
        assertThat(client.received).singleElement().satisfies(frame -> {
            assertThat(frame.getString("type")).isEqualTo("err");
            assertThat(frame.getString("address")).isEqualTo(EVENTS);
            assertThat(frame.getInteger("failureCode")).isEqualTo(40103);
        });
    }

    @Test
    void doesNotLetALateCredentialReviveAnEndedRegistration() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        session.take(frame("unregister", EVENTS), 0);
        session.take(frame("register", EVENTS), 0);
        credentials.remove().complete(member("first"));
        subscriptions.deliver(event("first"));
        assertThat(client.received).isEmpty();
        credentials.remove().complete(member("second"));
        subscriptions.deliver(event("second"));
        assertThat(client.received).hasSize(1);

        Client gone = new Client();
        BridgeSession closed = session(gone, BridgeProtocol.TCP, 100);
        closed.take(frame("register", EVENTS), 0);
        closed.ended();
        credentials.remove().complete(member("third"));
        subscriptions.deliver(event("third"));
        assertThat(gone.received).isEmpty();
    }

    @Test
    void registersOnceAtATime() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        session.take(frame("register", EVENTS), 0);
        assertThat(credentials).hasSize(1);
        assertThat(client.last().getString("message")).isEqualTo("address_already_registered");
    }

    @Test
    void refusesWhatASocketSendsTooMuch() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 2);
        session.take("{\"type\":\"ping\"}", 0);
        session.take("{\"type\":\"ping\"}", 0);
        assertThat(client.received).hasSize(2);
        session.take("{\"type\":\"ping\"}", 0);
        assertThat(client.received).hasSize(2);
        session.take(frame("send", "cagen.quota.v1.quota.get"), 0);
        assertThat(client.last().getInteger("failureCode")).isEqualTo(50303);
        assertThat(client.last().getString("address")).isEqualTo("r");
        session.take(frame("register", EVENTS), 0);
        assertThat(client.last().getInteger("failureCode")).isEqualTo(50303);
        assertThat(credentials).isEmpty();
        session.take("{\"type\":\"ping\"}", SECOND / 2);
        assertThat(client.last().getString("type")).isEqualTo("pong");
    }

    @Test
    void closesASocketThatDoesNotRead() {
        Client client = new Client();
        client.reads = false;
        BridgeSession session = subscribed(client, "acme");
        JsonObject large = event("acme").put("padding", "x".repeat(1024 * 1024));
        for (int i = 0; i < 3; i++) {
            subscriptions.deliver(large);
        }
        assertThat(client.aborted).isFalse();
        subscriptions.deliver(large);
        assertThat(client.aborted).isTrue();
        assertThat(client.received).hasSize(3);
        session.take("{\"type\":\"ping\"}", 0);
        subscriptions.deliver(event("acme"));
        assertThat(client.received).hasSize(3);
    }

    @Test
    void isOverdueAfterAMinuteOfSilenceAndAnHourOfEvents() {
        Client client = new Client();
        BridgeSession session = subscribed(client, "acme");
        assertThat(session.overdue(60 * SECOND)).isFalse();
        assertThat(session.overdue(61 * SECOND)).isTrue();
        session.take("{\"type\":\"ping\"}", 3_600 * SECOND);
        assertThat(session.overdue(3_600 * SECOND)).isFalse();
        assertThat(session.overdue(3_601 * SECOND)).isTrue();
        session.take(frame("unregister", EVENTS), 3_601 * SECOND);
        assertThat(session.overdue(3_601 * SECOND)).isFalse();
    }

    @Test
    void closesAfterAFewFramesThatCannotBeUnderstood() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 100);
        List<String> bad = List.of("{}", "no json", "[]", "{\"type\":\"send\"}", "{\"type\":\"unregister\"}");
        for (String frame : bad) {
            assertThat(client.closed).isFalse();
            session.take(frame, 0);
        }
        assertThat(client.received)
                .extracting(frame -> frame.getString("message"))
                .containsExactly("unknown_type", "invalid_json", "invalid_json", "missing_address", "missing_address");
        assertThat(client.closed).isTrue();
        session.take("{\"type\":\"ping\"}", 0);
        assertThat(client.received).hasSize(bad.size());
    }

    @Test
    void closesASocketThatIsRefusedAgainAndAgain() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 20);
        for (int i = 0; i < 40; i++) {
            session.take(frame("publish", EVENTS), 0);
        }
        assertThat(client.closed).isFalse();
        assertThat(client.received).hasSize(40);
        session.take(frame("publish", EVENTS), 0);
        assertThat(client.closed).isTrue();
        assertThat(client.received).hasSize(40);
    }

    @Test
    void countsALargeFrameAsSeveralMessages() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 20);
        session.take("{\"type\":\"ping\",\"x\":\"" + "x".repeat(64 * 1024 - 32) + "\"}", 0);
        assertThat(client.received).hasSize(1);
        for (int i = 0; i < 5; i++) {
            session.take("{\"type\":\"ping\"}", 0);
        }
        assertThat(client.received).hasSize(5);
    }

    @Test
    void closesWhoReadsLeastWhenAllTogetherLeaveTooMuchUnread() {
        Client reading = new Client();
        BridgeSession other = subscribed(reading, "other");
        List<Client> slow = new ArrayList<>();
        JsonObject large = event("acme").put("padding", "x".repeat((int) MEGABYTE));
        for (int i = 0; i < 5; i++) {
            Client client = new Client();
            client.reads = false;
            subscribed(client, "acme" + i);
            slow.add(client);
            for (int j = 0; j < 3; j++) {
                subscriptions.deliver(large.copy().put("organization_id", "acme" + i));
            }
        }
        assertThat(slow).filteredOn(client -> client.aborted).hasSize(2);
        subscriptions.deliver(event("other"));
        assertThat(reading.received).hasSize(1);
        other.take("{\"type\":\"ping\"}", 0);
        assertThat(reading.received).hasSize(2);
        assertThat(reading.aborted).isFalse();
    }

    @Test
    void tellsAClientThatAskedForNoReplyWhyItWasRefused() {
        Client client = new Client();
        BridgeSession session = session(client, BridgeProtocol.TCP, 1);
        String blind = new JsonObject()
                .put("type", "send")
                .put("address", "cagen.quota.v1.quota.get")
                .encode();
        session.take("{\"type\":\"ping\"}", 0);
        session.take(blind, 0);
        assertThat(client.last())
                .isEqualTo(new JsonObject()
                        .put("type", "err")
                        .put("address", "cagen.quota.v1.quota.get")
                        .put("sourceAddress", "cagen.quota.v1.quota.get")
                        .put("failureCode", 50303)
                        .put("failureType", "RECIPIENT_FAILURE")
                        .put("message", "This socket sends too much at once."));
    }

    @Test
    void confirmsARegistrationToWhoeverAsksForIt() {
        for (Object wanted : List.of(true, "true")) {
            Client client = new Client();
            BridgeSession session = session(client, BridgeProtocol.SOCKJS, 100);
            JsonObject register = new JsonObject()
                    .put("type", "register")
                    .put("address", EVENTS)
                    .put("headers", new JsonObject().put("confirm", wanted));
            session.take(register.encode(), 0);
            subscriptions.deliver(event("acme"));
            assertThat(client.received).isEmpty();
            credentials.remove().complete(member("acme"));
            subscriptions.deliver(event("acme"));
            assertThat(client.received)
                    .extracting(frame -> frame.getJsonObject("body"))
                    .containsExactly(new JsonObject().put("type", "registered"), event("acme"));
        }
    }
}
