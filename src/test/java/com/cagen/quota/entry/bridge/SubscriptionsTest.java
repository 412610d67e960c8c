package com.cagen.quota.entry.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.messaging.PublicAddresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** When is asked who may hear of a quota, and what waits for the answer; {@code EventVisibilityIT} has the real answers. */
class SubscriptionsTest {
    private static final Vertx VERTX = Vertx.vertx();
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private record Asked(VisibilityQuestion question, Promise<VisibilityAnswer> answer) {
        /** Each of {@code users} may hear of every quota asked for. */
        void answer(String... users) {
            Map<String, Set<String>> answers = new HashMap<>();
            question.quotaIds().forEach(quota -> answers.put(quota, Set.of(users)));
            answer.complete(new VisibilityAnswer(answers));
        }
    }

    private final List<Asked> asked = new ArrayList<>();
    private long now;
    private final BridgeSessions sessions = new BridgeSessions(8 * 1024 * 1024);
    private final Subscriptions subscriptions = new Subscriptions(
            sessions,
            question -> {
                Promise<VisibilityAnswer> answer = Promise.promise();
                asked.add(new Asked(question, answer));
                return answer.future();
            },
            () -> now);

    @AfterAll
    static void stop() {
        VERTX.close().await();
    }

    private final class Client implements BridgeConnection {
        final List<String> heard = new ArrayList<>();
        final BridgeSession session;

        Client(String user) {
            session = new BridgeSession(
                    this,
                    BridgeProtocol.TCP,
                    new PublicAddresses(VERTX, Operations.CATALOG.names(), 1_000),
                    subscriptions,
                    sessions,
                    headers -> Future.succeededFuture(new Caller("acme", user, "svc", List.of())),
                    100,
                    0);
            register();
        }

        void register() {
            session.take("{\"type\":\"register\",\"address\":\"cagen.quota.v1.events\"}", 0);
        }

        @Override
        public Future<Void> write(String text) {
            JsonObject frame = new JsonObject(text);
            heard.add(
                    frame.getString("type").equals("err")
                            ? "err " + frame.getInteger("failureCode")
                            : frame.getJsonObject("body").getString("event_id"));
            return Future.succeededFuture();
        }

        @Override
        public void close() {}

        @Override
        public void abort() {}

        @Override
        public boolean overdue(long nowNanos) {
            return false;
        }
    }

    private void event(String id, String type, String quota) {
        subscriptions.deliver(new JsonObject()
                .put("event_id", id)
                .put("organization_id", "acme")
                .put("quota_id", quota)
                .put("type", type));
    }

    private void use(String id, String quota) {
        event(id, "usage.allocate", quota);
    }

    @Test
    void asksOnceForABurstAndDeliversInOrder() {
        use("0", "q"); // nobody listens
        Client alice = new Client("alice");
        Client bob = new Client("bob");
        for (int i = 1; i <= 50; i++) {
            use(Integer.toString(i), i % 2 == 0 ? "q" : "r");
        }
        assertThat(asked).hasSize(1); // with the first event, while the others came
        assertThat(alice.heard).isEmpty();
        asked.get(0).answer("alice");
        assertThat(alice.heard).containsExactly("1");
        assertThat(asked).hasSize(2);
        assertThat(asked.get(1).question())
                .isEqualTo(new VisibilityQuestion("acme", List.of("q", "r"), List.of("alice", "bob")));
        asked.get(1).answer("alice");
        assertThat(alice.heard).hasSize(50).isSortedAccordingTo(Comparator.comparingInt(Integer::parseInt));
        for (int i = 51; i <= 100; i++) {
            use(Integer.toString(i), "q");
        }
        assertThat(asked).hasSize(2);
        assertThat(alice.heard).hasSize(100);
        assertThat(bob.heard).isEmpty();
    }

    @Test
    void asksAnewAfterAnEventThatMayChangeTheAnswerAndAfterAWhile() {
        Client alice = new Client("alice");
        use("1", "q");
        use("2", "q");
        event("3", "permission.revoke", "other");
        use("4", "q");
        asked.get(0).answer("alice");
        assertThat(alice.heard).containsExactly("1", "2");
        asked.get(1).answer("nobody"); // for the revocation, and what follows it
        assertThat(alice.heard).containsExactly("1", "2");
        use("5", "q");
        assertThat(asked).hasSize(2);
        now = 6 * SECOND;
        use("6", "q");
        asked.get(2).answer("alice");
        assertThat(alice.heard).containsExactly("1", "2", "6");
    }

    @Test
    void owesWhoeverRegistersOnlyWhatComesLater() {
        Client alice = new Client("alice");
        use("1", "q");
        Client bob = new Client("bob");
        asked.get(0).answer("alice", "bob");
        assertThat(alice.heard).containsExactly("1");
        assertThat(bob.heard).isEmpty();
        use("2", "q");
        assertThat(asked.get(1).question().userIds()).containsExactly("alice", "bob");
        asked.get(1).answer("alice", "bob");
        assertThat(alice.heard).containsExactly("1", "2");
        assertThat(bob.heard).containsExactly("2");
    }

    @Test
    void endsTheSubscriptionsWhenThereIsNoAnswer() {
        Client alice = new Client("alice");
        use("1", "q");
        asked.get(0).answer.fail("no database");
        assertThat(alice.heard).containsExactly("err 50303");
        use("2", "q");
        assertThat(asked).hasSize(1);
        alice.register();
        use("3", "q");
        asked.get(1).answer("alice");
        assertThat(alice.heard).containsExactly("err 50303", "3");
    }

    @Test
    void endsTheSubscriptionsWhenTooMuchWaits() {
        Client alice = new Client("alice");
        for (int i = 1; i <= 5_000; i++) {
            use("1", "x".repeat(1_000));
        }
        assertThat(alice.heard).containsExactly("err 50303");
        asked.get(0).answer("alice");
        assertThat(alice.heard).hasSize(1);
        assertThat(sessions.reserveWaiting(8 * 1024 * 1024))
                .as("nothing is left behind")
                .isTrue();
    }

    @Test
    void asksNotMoreAtOnceThanAnAnswerCanHold() {
        for (int i = 0; i < 1_000; i++) {
            Client client = new Client("user " + i);
            assertThat(client.heard).isEmpty();
        }
        use("0", "q");
        for (int i = 0; i < 500; i++) {
            use("1", "quota " + i);
        }
        asked.get(0).answer("nobody");
        assertThat(asked.get(1).question().quotaIds()).hasSize(10);
        assertThat(asked.get(1).question().userIds()).hasSize(1_000);
    }
}
