package com.cagen.quota.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.bus.PublicAddresses;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What a bridge's client may do, without sockets; {@code BridgesIT} has those. */
class SessionTest {
    private static final String EVENTS = "cagen.quota.v1.events";
    private static final Vertx VERTX = Vertx.vertx();
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Subscriptions subscriptions = new Subscriptions();
    /** Answers to the credentials of registrations, in their order. */
    private final Deque<Promise<String>> credentials = new ArrayDeque<>();

    @AfterAll
    static void stop() {
        VERTX.close().await();
    }

    /** A socket whose client reads, unless told otherwise. */
    private static final class Client implements Line {
        final List<JsonObject> received = new ArrayList<>();
        boolean reads = true;
        boolean closed;

        @Override
        public Future<Void> write(String frame) {
            received.add(new JsonObject(frame));
            return reads ? Future.succeededFuture() : Promise.<Void>promise().future();
        }

        @Override
        public void close() {
            closed = true;
        }

        JsonObject last() {
            return received.get(received.size() - 1);
        }
    }

    private Session session(Client client, Dialect dialect, int messagesASecond) {
        return new Session(
                client,
                dialect,
                new PublicAddresses(VERTX, 1_000),
                subscriptions,
                headers -> {
                    Promise<String> answer = Promise.promise();
                    credentials.add(answer);
                    return answer.future();
                },
                messagesASecond,
                0);
    }

    private static String frame(String type, String address) {
        return new JsonObject()
                .put("type", type)
                .put("address", address)
                .put("replyAddress", "r")
                .encode();
    }

    private static JsonObject event(String organization) {
        return new JsonObject().put("organization_id", organization).put("type", "usage.allocate");
    }

    private Session subscribed(Client client, String organization) {
        Session session = session(client, Dialect.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        credentials.remove().complete(organization);
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
        Session session = session(client, Dialect.SOCKJS, 100);
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
        Session session = session(client, Dialect.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        session.take(frame("unregister", EVENTS), 0);
        session.take(frame("register", EVENTS), 0);
        credentials.remove().complete("first");
        subscriptions.deliver(event("first"));
        assertThat(client.received).isEmpty();
        credentials.remove().complete("second");
        subscriptions.deliver(event("second"));
        assertThat(client.received).hasSize(1);

        Client gone = new Client();
        Session closed = session(gone, Dialect.TCP, 100);
        closed.take(frame("register", EVENTS), 0);
        closed.ended();
        credentials.remove().complete("third");
        subscriptions.deliver(event("third"));
        assertThat(gone.received).isEmpty();
    }

    @Test
    void registersOnceAtATime() {
        Client client = new Client();
        Session session = session(client, Dialect.TCP, 100);
        session.take(frame("register", EVENTS), 0);
        session.take(frame("register", EVENTS), 0);
        assertThat(credentials).hasSize(1);
        assertThat(client.last().getString("message")).isEqualTo("address_already_registered");
    }

    @Test
    void refusesWhatASocketSendsTooMuch() {
        Client client = new Client();
        Session session = session(client, Dialect.TCP, 2);
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
        Session session = subscribed(client, "acme");
        JsonObject large = event("acme").put("padding", "x".repeat(1024 * 1024));
        for (int i = 0; i < 3; i++) {
            subscriptions.deliver(large);
        }
        assertThat(client.closed).isFalse();
        subscriptions.deliver(large);
        assertThat(client.closed).isTrue();
        assertThat(client.received).hasSize(3);
        session.take("{\"type\":\"ping\"}", 0);
        subscriptions.deliver(event("acme"));
        assertThat(client.received).hasSize(3);
    }

    @Test
    void isOverdueAfterAMinuteOfSilenceAndAnHourOfEvents() {
        Client client = new Client();
        Session session = subscribed(client, "acme");
        assertThat(session.overdue(60 * SECOND)).isFalse();
        assertThat(session.overdue(61 * SECOND)).isTrue();
        session.take("{\"type\":\"ping\"}", 3_600 * SECOND);
        assertThat(session.overdue(3_600 * SECOND)).isFalse();
        assertThat(session.overdue(3_601 * SECOND)).isTrue();
        session.take(frame("unregister", EVENTS), 3_601 * SECOND);
        assertThat(session.overdue(3_601 * SECOND)).isFalse();
    }
}
