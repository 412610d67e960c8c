package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Holding capacity for a while. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReservationIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");
    private final User bob = service.user("acme", "bob");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private static JsonObject reservation(String resource, long mb, long ttlSeconds) {
        return new JsonObject()
                .put("resource_id", resource)
                .put("reserve_mb", mb)
                .put("ttl_seconds", ttlSeconds);
    }

    private Reply reserve(String quota, String resource, long mb, long ttlSeconds) {
        return alice.post("/quotas/" + quota + "/reservations", reservation(resource, mb, ttlSeconds));
    }

    private String reserved(String quota, long mb) {
        return reserve(quota, "upload", mb, 600).data().getString("reservation_id");
    }

    private static String path(String quota, String reservation) {
        return "/quotas/" + quota + "/reservations/" + reservation;
    }

    private Reply act(String quota, String reservation, String action) {
        return alice.post(path(quota, reservation) + "/" + action, new JsonObject());
    }

    private Reply commit(String quota, String reservation, long mb) {
        return alice.post(path(quota, reservation) + "/commit", new JsonObject().put("usage_mb", mb));
    }

    private Reply extend(String quota, String reservation, long ttlSeconds) {
        return alice.post(path(quota, reservation) + "/extend", new JsonObject().put("ttl_seconds", ttlSeconds));
    }

    private JsonObject found(String quota, String reservation) {
        return alice.get(path(quota, reservation)).data();
    }

    private String statusOf(String quota, String reservation) {
        return found(quota, reservation).getString("status");
    }

    private void assertFigures(String quota, long usedMb, long reservedMb, long availableMb) {
        JsonObject figures = alice.quota(quota);
        assertThat(figures.getLong("used_mb")).isEqualTo(usedMb);
        assertThat(figures.getLong("reserved_mb")).isEqualTo(reservedMb);
        assertThat(figures.getLong("available_mb")).isEqualTo(availableMb);
    }

    /** As if so many seconds had passed for it: a test cannot turn the clock of the database. */
    private void age(String quota, String reservation, long seconds) {
        TestDatabase.execute(service.databaseUrl(), """
                UPDATE quota.reservations SET expires_at = expires_at - interval '%1$s seconds'
                WHERE quota_id = '%2$s' AND reservation_id = '%3$s';
                UPDATE quota.quotas SET reservations_due_at = reservations_due_at - interval '%1$s seconds'
                WHERE id = '%2$s'
                """.formatted(seconds, quota, reservation));
    }

    @Test
    void holdsCapacityUntilItIsCommitted() {
        String quota = alice.root(100);
        alice.take(quota, "upload", 5).data();
        Reply reply = reserve(quota, "upload", 40, 3_600);
        assertThat(reply.status()).isEqualTo(201);
        JsonObject held = reply.data();
        String id = held.getString("reservation_id");
        assertThat(held.getString("status")).isEqualTo("held");
        assertThat(held.getLong("reserved_mb")).isEqualTo(40);
        assertThat(held.getLong("committed_mb")).isZero();
        assertThat(held.getString("closed_at")).isNull();
        assertThat(held.getLong("quota_reserved_mb")).isEqualTo(40);
        assertThat(held.getLong("available_mb")).isEqualTo(55);
        assertThat(Duration.between(held.getInstant("created_at"), held.getInstant("expires_at")))
                .isEqualTo(Duration.ofHours(1));
        JsonObject refused = alice.take(quota, "other", 56).refused(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refused.getLong("reserved_mb")).isEqualTo(40);
        assertThat(refused.getLong("available_mb")).isEqualTo(55);

        JsonObject committed = commit(quota, id, 30).data();
        assertThat(committed.getString("status")).isEqualTo("committed");
        assertThat(committed.getLong("committed_mb")).isEqualTo(30);
        assertThat(committed.getLong("reserved_mb")).isEqualTo(40);
        assertThat(committed.getLong("held_mb")).isEqualTo(35);
        assertThat(committed.getLong("quota_reserved_mb")).isZero();
        assertThat(committed.getInstant("closed_at")).isNotNull();
        assertFigures(quota, 35, 0, 65);
        List<JsonObject> ledger = alice.get("/quotas/" + quota + "/usage").list("entries");
        assertThat(ledger).hasSize(2);
        assertThat(ledger.get(1).getString("usage_id")).isEqualTo(committed.getString("usage_id"));
        assertThat(ledger.get(1).getString("operation")).isEqualTo("allocate");
        assertThat(ledger.get(1).getString("resource_id")).isEqualTo("upload");
        assertThat(ledger.get(1).getLong("usage_mb")).isEqualTo(30);
        assertThat(ledger.get(1).getLong("used_mb")).isEqualTo(35);
        alice.giveBack(quota, "upload", 35).data();
    }

    @Test
    void commitsAllOfItUnlessSomethingElseIsSaid() {
        String quota = alice.root(100);
        String id = reserved(quota, 40);
        JsonObject details = commit(quota, id, 41).refused(ErrorCode.INSUFFICIENT_USAGE);
        assertThat(details.getLong("held_mb")).isEqualTo(40);
        assertThat(details.getLong("requested_mb")).isEqualTo(41);
        assertThat(act(quota, id, "commit").data().getLong("committed_mb")).isEqualTo(40);
        assertFigures(quota, 40, 0, 60);
    }

    @Test
    void cancelsAndExtends() {
        String quota = alice.root(100);
        String id = reserved(quota, 40);
        JsonObject extended = extend(quota, id, 86_400).data();
        assertThat(extended.getString("status")).isEqualTo("held");
        assertThat(extended.getInstant("expires_at")).isAfter(Instant.now().plus(Duration.ofHours(23)));
        assertThat(act(quota, id, "cancel").data().getString("status")).isEqualTo("cancelled");
        assertFigures(quota, 0, 0, 100);
        for (Reply refused : List.of(act(quota, id, "cancel"), act(quota, id, "commit"), extend(quota, id, 60))) {
            assertThat(refused.refused(ErrorCode.RESERVATION_CLOSED).getString("status"))
                    .isEqualTo("cancelled");
        }
        assertThat(statusOf(quota, id)).isEqualTo("cancelled");
    }

    @Test
    void expiresByItself() {
        String quota = alice.root(100);
        String id = reserve(quota, "upload", 40, 1).data().getString("reservation_id");
        RunningService.until("the end is recorded", () -> alice.quota(quota).getLong("reserved_mb") == 0);
        JsonObject expired = found(quota, id);
        assertThat(expired.getString("status")).isEqualTo("expired");
        assertThat(expired.getInstant("closed_at")).isEqualTo(expired.getInstant("expires_at"));
        JsonObject entry = alice.audit(quota).stream()
                .filter(each -> each.getString("action").equals("reservation.expire"))
                .findFirst()
                .orElseThrow();
        assertThat(entry.getString("actor_user_id")).isEqualTo("system");
        assertThat(Duration.between(expired.getInstant("expires_at"), entry.getInstant("created_at")))
                .isBetween(Duration.ZERO, Duration.ofSeconds(20));
        assertThat(commit(quota, id, 1).refused(ErrorCode.RESERVATION_EXPIRED).getString("status"))
                .isEqualTo("expired");
        extend(quota, id, 60).refused(ErrorCode.RESERVATION_EXPIRED);
        assertThat(act(quota, id, "cancel")
                        .refused(ErrorCode.RESERVATION_CLOSED)
                        .getString("status"))
                .isEqualTo("expired");
    }

    /** Whatever the sweeper does meanwhile: the first request after the moment decides without what has expired. */
    @Test
    void nothingIsRefusedForWhatHasExpired() {
        for (int i = 0; i < 10; i++) {
            String root = alice.root(100);
            String id = reserved(root, 100);
            alice.take(root, "other", 1).refused(ErrorCode.INSUFFICIENT_QUOTA);
            age(root, id, 600);
            switch (i % 5) {
                case 0 -> alice.take(root, "other", 100).data();
                case 1 -> reserve(root, "other", 100, 60).data();
                case 2 -> alice.child(root, 100);
                case 3 ->
                    alice.update(root, new JsonObject().put("total_mb", 1)).data();
                default -> alice.act(root, "release").data();
            }
            if (i % 5 < 4) {
                assertThat(statusOf(root, id)).isEqualTo("expired");
                commit(root, id, 1).refused(ErrorCode.RESERVATION_EXPIRED);
            }
        }
    }

    /** More of them than one transaction ends. */
    @Test
    void endsAnyNumberOfReservationsForOneRequest() {
        String quota = alice.root(5_000);
        List<CompletableFuture<Reply>> created = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            created.add(alice.postAsync("/quotas/" + quota + "/reservations", reservation("r" + i, 2, 1_000)));
            if (created.size() % 100 == 0) {
                RunningService.awaitAll(created.subList(i - 99, i + 1)).forEach(Reply::data);
            }
        }
        alice.take(quota, "other", 1).refused(ErrorCode.INSUFFICIENT_QUOTA);
        TestDatabase.execute(service.databaseUrl(), """
                UPDATE quota.reservations SET expires_at = expires_at - interval '1000 seconds' WHERE quota_id = '%1$s';
                UPDATE quota.quotas SET reservations_due_at = reservations_due_at - interval '1000 seconds'
                WHERE id = '%1$s'
                """.formatted(quota));
        alice.take(quota, "other", 5_000).data();
        assertFigures(quota, 5_000, 0, 0);
    }

    @Test
    void oneOfCommitCancelAndExpiryWins() {
        for (int i = 0; i < 20; i++) {
            String quota = alice.root(100);
            String id = reserve(quota, "upload", 40, 600).data().getString("reservation_id");
            if (i % 2 == 0) {
                age(quota, id, 599 + i % 4 / 2); // within the next second, or just now
            }
            List<CompletableFuture<Reply>> calls = new ArrayList<>();
            for (int j = 0; j < 5; j++) {
                calls.add(alice.postAsync(path(quota, id) + "/commit", new JsonObject()));
                calls.add(alice.postAsync(path(quota, id) + "/cancel", new JsonObject()));
            }
            long won = 0;
            String end = null;
            for (Reply reply : RunningService.awaitAll(calls)) {
                won += reply.status() == 200 ? 1 : 0;
                if (reply.status() != 200) {
                    assertThat(reply.code()).isIn("reservation_closed", "reservation_expired");
                    end = new JsonObject(reply.body()).getJsonObject("details").getString("status");
                }
            }
            String status = statusOf(quota, id);
            assertThat(end).isEqualTo(status);
            assertThat(won).isEqualTo(status.equals("expired") ? 0 : 1);
            assertFigures(quota, status.equals("committed") ? 40 : 0, 0, status.equals("committed") ? 60 : 100);
        }
    }

    @Test
    void aSuspendedQuotaOnlyTakesBack() {
        String quota = alice.root(100);
        String first = reserved(quota, 10);
        String second = reserved(quota, 10);
        alice.act(quota, "suspend").data();
        reserve(quota, "upload", 1, 60).refused(ErrorCode.QUOTA_SUSPENDED);
        commit(quota, first, 1).refused(ErrorCode.QUOTA_SUSPENDED);
        extend(quota, first, 60).refused(ErrorCode.QUOTA_SUSPENDED);
        act(quota, first, "cancel").data();
        age(quota, second, 600);
        RunningService.until("it has expired", () -> alice.quota(quota).getLong("reserved_mb") == 0);
    }

    @Test
    void aDrainingQuotaReservesNothingButCommitsWhatItGave() {
        String quota = alice.child(alice.root(100), 50);
        String id = reserved(quota, 30);
        JsonObject below =
                alice.update(quota, new JsonObject().put("total_mb", 10)).refused(ErrorCode.BELOW_USE);
        assertThat(below.getLong("minimum_mb")).isEqualTo(30);
        alice.update(quota, new JsonObject().put("total_mb", 10).put("drain", true))
                .data();
        reserve(quota, "upload", 1, 60).refused(ErrorCode.QUOTA_DRAINING);
        commit(quota, id, 10).data();
        RunningService.until("it has drained", () -> alice.quota(quota).getLong("total_mb") == 10);
    }

    @Test
    void aQuotaWithReservationsIsNotEmpty() {
        String quota = alice.root(100);
        String id = reserved(quota, 10);
        assertThat(alice.act(quota, "release")
                        .refused(ErrorCode.QUOTA_NOT_EMPTY)
                        .getLong("reserved_mb"))
                .isEqualTo(10);
        act(quota, id, "cancel").data();
        alice.act(quota, "release").data();
        alice.get(path(quota, id)).refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void listsThemByStatusAndResource() {
        String quota = alice.root(100);
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            ids.add(reserve(quota, "res_" + i % 2, 1, 600).data().getString("reservation_id"));
        }
        act(quota, ids.get(0), "cancel").data();
        act(quota, ids.get(1), "commit").data();
        age(quota, ids.get(2), 600);
        assertThat(list(quota, "")).containsExactlyElementsOf(ids);
        assertThat(list(quota, "status=cancelled")).containsExactly(ids.get(0));
        assertThat(list(quota, "status=committed")).containsExactly(ids.get(1));
        assertThat(list(quota, "status=expired")).containsExactly(ids.get(2));
        assertThat(list(quota, "status=held")).containsExactly(ids.get(3), ids.get(4));
        assertThat(list(quota, "resource_id=res_0")).containsExactly(ids.get(0), ids.get(2), ids.get(4));
        assertThat(list(quota, "resource_id=res_0&status=held")).containsExactly(ids.get(4));
        assertThat(list(quota, "resource_id=none")).isEmpty();
        String path = "/quotas/" + quota + "/reservations?limit=2";
        List<String> paged = new ArrayList<>();
        String cursor = "";
        do {
            Reply page = alice.get(path + cursor);
            page.list("reservations").forEach(each -> paged.add(each.getString("reservation_id")));
            String next = page.data().getString("next_cursor");
            cursor = next == null ? null : "&cursor=" + next;
        } while (cursor != null);
        assertThat(paged).containsExactlyElementsOf(ids);
        assertThat(alice.get("/quotas/" + quota + "/reservations?status=gone").violations())
                .containsExactly("status");
    }

    private List<String> list(String quota, String filter) {
        return alice.get("/quotas/" + quota + "/reservations?" + filter).list("reservations").stream()
                .map(each -> each.getString("reservation_id"))
                .toList();
    }

    @Test
    void belongsToItsQuotaAndOrganization() {
        String quota = alice.root(100);
        String id = reserved(quota, 10);
        String other = alice.root(100);
        act(other, id, "cancel").refused(ErrorCode.RESERVATION_NOT_FOUND);
        act(quota, "reservation_none", "commit").refused(ErrorCode.RESERVATION_NOT_FOUND);
        alice.get(path(other, id)).refused(ErrorCode.RESERVATION_NOT_FOUND);
        User stranger = service.user("globex", "alice");
        stranger.get(path(quota, id)).refused(ErrorCode.QUOTA_NOT_FOUND);
        stranger.post(path(quota, id) + "/cancel", new JsonObject()).refused(ErrorCode.QUOTA_NOT_FOUND);
        stranger.post(path(stranger.root(5), id) + "/cancel", new JsonObject())
                .refused(ErrorCode.RESERVATION_NOT_FOUND);
        bob.post(path(quota, id) + "/cancel", new JsonObject()).refused(ErrorCode.PERMISSION_DENIED);
        bob.get("/quotas/" + quota + "/reservations").refused(ErrorCode.PERMISSION_DENIED);
        alice.grant(quota, "bob", "read").data();
        bob.post(path(quota, id) + "/cancel", new JsonObject()).data();
    }

    @Test
    void saysWhichFieldIsWrong() {
        String quota = alice.root(100);
        assertThat(reserve(quota, "upload", 0, 60).violations()).containsExactly("reserve_mb");
        assertThat(reserve(quota, "upload", 1, 0).violations()).containsExactly("ttl_seconds");
        assertThat(reserve(quota, "upload", 1, 86_401).violations()).containsExactly("ttl_seconds");
        assertThat(reserve(quota, "", 1, 60).violations()).containsExactly("resource_id");
        String id = reserved(quota, 10);
        assertThat(commit(quota, id, 0).violations()).containsExactly("usage_mb");
        assertThat(act(quota, id, "extend").violations()).containsExactly("ttl_seconds");
    }

    @Test
    void isDoneOnceUnderAKey() {
        String quota = alice.root(100);
        JsonObject body = reservation("upload", 10, 600);
        Reply first = alice.post("/quotas/" + quota + "/reservations", body, "Idempotency-Key", "hold " + quota);
        Reply again = alice.post("/quotas/" + quota + "/reservations", body, "Idempotency-Key", "hold " + quota);
        assertThat(again.replayed()).isTrue();
        assertThat(again.data()).isEqualTo(first.data());
        String path = path(quota, first.data().getString("reservation_id"));
        Reply committed = alice.post(path + "/commit", new JsonObject(), "Idempotency-Key", "use " + quota);
        Reply repeated = alice.post(path + "/commit", new JsonObject(), "Idempotency-Key", "use " + quota);
        assertThat(repeated.replayed()).isTrue();
        assertThat(repeated.data()).isEqualTo(committed.data());
        assertFigures(quota, 10, 0, 90);
    }

    /** Never over-allocated, whatever expires meanwhile, and nothing is left when all is given back. */
    @Test
    void keepsTheBooksUnderConcurrency() {
        String root = alice.root(400);
        List<String> quotas = List.of(root, alice.child(root, 100), alice.child(root, 100));
        long seed = System.nanoTime();
        System.out.println("Seed: " + seed);
        Random random = new Random(seed);
        List<String> held = Collections.synchronizedList(new ArrayList<>());
        for (int round = 0; round < 12; round++) {
            List<CompletableFuture<Reply>> calls = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                String quota = quotas.get(random.nextInt(3));
                String known = held.isEmpty() ? path(quota, "reservation_none") : held.get(random.nextInt(held.size()));
                calls.add(
                        switch (random.nextInt(8)) {
                            case 0, 1, 2 ->
                                alice.postAsync(
                                                "/quotas/" + quota + "/reservations",
                                                reservation("res", 1 + random.nextInt(30), 1 + random.nextInt(2)))
                                        .thenApply(reply -> remember(quota, reply, held));
                            case 3 -> alice.postAsync(known + "/commit", new JsonObject());
                            case 4 -> alice.postAsync(known + "/cancel", new JsonObject());
                            case 5 ->
                                alice.postAsync(
                                        "/quotas/" + quota + "/usage/allocate",
                                        User.usage("res", 1 + random.nextInt(20)));
                            case 6 ->
                                alice.postAsync(
                                        "/quotas/" + quota + "/usage/deallocate",
                                        User.usage("res", 1 + random.nextInt(20)));
                            default ->
                                alice.updateAsync(
                                        quotas.get(1 + random.nextInt(2)),
                                        new JsonObject().put("total_mb", 50 + random.nextInt(100)));
                        });
            }
            for (Reply reply : RunningService.awaitAll(calls)) {
                assertThat(reply.status()).as(reply.body()).isIn(200, 201, 404, 409);
            }
        }
        for (String quota : quotas) {
            RunningService.until("all has expired", () -> alice.quota(quota).getLong("reserved_mb") == 0);
            long usedMb = alice.quota(quota).getLong("used_mb");
            if (usedMb > 0) {
                alice.giveBack(quota, "res", usedMb).data();
            }
        }
        alice.act(quotas.get(1), "release").data();
        alice.act(quotas.get(2), "release").data();
        assertFigures(root, 0, 0, 400);
    }

    private static Reply remember(String quota, Reply reply, List<String> held) {
        if (reply.status() == 201) {
            held.add(path(quota, reply.data().getString("reservation_id")));
        }
        return reply;
    }
}
