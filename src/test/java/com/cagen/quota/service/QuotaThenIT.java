package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Quotas as they were at a moment of the past. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class QuotaThenIT {
    private static final Instant LONG_AGO = Instant.parse("2020-01-01T00:00:00Z");

    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private Reply then(String quota, Instant at) {
        return alice.get("/quotas/" + quota + "?at=" + at);
    }

    /** By the clock of the database. */
    private Instant now() {
        try (Connection connection = TestDatabase.connect(service.databaseUrl());
                var statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT clock_timestamp()")) {
            rows.next();
            return rows.getObject(1, OffsetDateTime.class).toInstant();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** The quota without what only today's has. */
    private JsonObject today(String quota) {
        JsonObject shown = alice.quota(quota).copy();
        shown.remove("my_permissions");
        return shown;
    }

    /** A tree that random operations change, and what its quotas were after each of them. */
    private final class History {
        private final SplittableRandom random;
        private final String root = alice.root(1_000);
        private final List<String> quotas =
                new ArrayList<>(List.of(root, alice.child(root, 300), alice.child(root, 300)));
        private final List<String> reservations = new ArrayList<>();
        private final Map<Instant, Map<String, JsonObject>> seen = new LinkedHashMap<>();
        private int accepted;

        History(long seed) {
            System.out.println("Seed of the history: " + seed);
            random = new SplittableRandom(seed);
            quotas.add(alice.child(quotas.get(1), 100));
            remember();
        }

        private String any() {
            return quotas.get(random.nextInt(quotas.size()));
        }

        private void remember() {
            Map<String, JsonObject> all = new LinkedHashMap<>();
            quotas.forEach(quota -> all.put(quota, today(quota)));
            seen.put(now(), all);
        }

        private Reply change() {
            String quota = any();
            int mb = 1 + random.nextInt(60);
            String resource = "res" + random.nextInt(2);
            return switch (random.nextInt(9)) {
                case 0, 1 -> alice.take(quota, resource, mb);
                case 2 -> alice.giveBack(quota, resource, mb);
                case 3 -> reserve(quota, resource, mb);
                case 4 -> endReservation();
                case 5 -> alice.update(quota, new JsonObject().put("total_mb", 50 + 10 * mb));
                case 6 -> alice.act(quota, random.nextInt(3) == 0 ? "suspend" : "resume");
                case 7 -> alice.update(quota, new JsonObject().put("name", "name " + mb));
                default -> alice.post("/quotas/" + quota + "/move", new JsonObject().put("parent_quota_id", any()));
            };
        }

        private Reply reserve(String quota, String resource, int mb) {
            JsonObject fields = new JsonObject().put("resource_id", resource).put("reserve_mb", mb);
            Reply reserved = alice.post("/quotas/" + quota + "/reservations", fields);
            if (reserved.status() == 201) {
                reservations.add(
                        "/quotas/" + quota + "/reservations/" + reserved.data().getString("reservation_id"));
            }
            return reserved;
        }

        private Reply endReservation() {
            String path = reservations.isEmpty() ? "/quotas/" + root + "/reservations/none" : reservations.remove(0);
            return alice.post(path + (random.nextBoolean() ? "/commit" : "/cancel"), new JsonObject());
        }

        void run(int changes) {
            for (int i = 0; i < changes; i++) {
                if (change().status() < 300) {
                    accepted++;
                    remember();
                }
            }
            assertThat(accepted).isGreaterThan(changes / 4);
        }

        void check() {
            seen.forEach((at, all) -> all.forEach((quota, shown) ->
                    assertThat(then(quota, at).data()).as("at " + at).isEqualTo(shown)));
        }

        /** A change counts from its own moment on. */
        void checkMomentsOfChange() {
            List<JsonObject> shown = new ArrayList<>();
            seen.values()
                    .forEach(all -> all.forEach((quota, state) -> {
                        if (quota.equals(root)) {
                            shown.add(state);
                        }
                    }));
            for (int i = 1; i < shown.size(); i++) {
                long version = shown.get(i).getLong("version");
                Instant updatedAt = Instant.parse(shown.get(i).getString("updated_at"));
                assertThat(then(root, updatedAt).data().getLong("version")).isEqualTo(version);
                if (version > shown.get(i - 1).getLong("version")) {
                    Instant justBefore = updatedAt.minus(1, ChronoUnit.MICROS);
                    assertThat(then(root, justBefore).data().getLong("version")).isLessThan(version);
                }
            }
        }
    }

    @Test
    void areAsTheyWereSeenThen() {
        History history = new History(Long.getLong("seed", System.nanoTime()));
        history.run(60);
        history.check();
        Invariants.awaitSealed(service.databaseUrl());
        history.check();
        history.checkMomentsOfChange();
    }

    @Test
    void doNotChangeAnyMoreOnceTheyWereAnswered() {
        String root = alice.root(10_000);
        List<CompletableFuture<Reply>> taken = new ArrayList<>();
        Map<Instant, Long> answered = new LinkedHashMap<>();
        for (int i = 0; i < 20; i++) {
            for (int j = 0; j < 30; j++) {
                taken.add(alice.postAsync("/quotas/" + root + "/usage/allocate", User.usage("res" + j, 1)));
            }
            Instant at = now();
            answered.put(at, then(root, at).data().getLong("used_mb"));
        }
        RunningService.awaitAll(taken).forEach(Reply::data);
        answered.forEach((at, usedMb) ->
                assertThat(then(root, at).data().getLong("used_mb")).isEqualTo(usedMb));
        Invariants.awaitSealed(service.databaseUrl());
        answered.forEach((at, usedMb) ->
                assertThat(then(root, at).data().getLong("used_mb")).isEqualTo(usedMb));
        assertThat(then(root, now()).data().getLong("used_mb")).isEqualTo(600);
    }

    @Test
    void thatWereReleasedAreShownAsWell() {
        String root = alice.root(100);
        String child = alice.child(root, 30);
        JsonObject shown = today(child);
        Instant alive = now();
        alice.delete("/quotas/" + child).data();
        assertThat(then(child, alive).data()).isEqualTo(shown);
        JsonObject released = then(child, now()).data();
        assertThat(released.getString("status")).isEqualTo("deleted");
        assertThat(released.getString("deleted_at")).isEqualTo(released.getString("updated_at"));
        alice.get("/quotas/" + child).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void areNotThereBeforeTheirCreationNorInTheFuture() {
        String root = alice.root(100);
        then(root, LONG_AGO).refused(ErrorCode.QUOTA_NOT_FOUND);
        then(root, now().plusSeconds(60)).refused(ErrorCode.INVALID_REQUEST);
        alice.get("/quotas/" + root + "?at=yesterday").refused(ErrorCode.INVALID_REQUEST);
        then("quota_none", now()).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void areShownToThoseWhoMayReadThem() {
        String root = alice.root(100);
        Instant at = now();
        assertThat(service.user("acme", "bob")
                        .get("/quotas/" + root + "?at=" + at)
                        .status())
                .isEqualTo(403);
        service.user("rival", "alice").get("/quotas/" + root + "?at=" + at).refused(ErrorCode.QUOTA_NOT_FOUND);
    }
}
