package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.UsageChange;
import com.cagen.quota.domain.quota.UsageSeries;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.FormerDatabase;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The usage of quotas over time, against their histories and audit trails. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UsageOverTimeIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice");

    @AfterAll
    void stop() {
        service.close(); // checks the invariants
    }

    private Reply series(String quota, Instant from, Instant to, int buckets) {
        return alice.get("/quotas/" + quota + "/usage/series?from=" + from + "&to=" + to + "&buckets=" + buckets);
    }

    private static UsageSeries.Bucket bucket(JsonObject data) {
        return new UsageSeries.Bucket(
                Instant.parse(data.getString("start")),
                data.getLong("used_mb_min"),
                data.getLong("used_mb_max"),
                data.getLong("used_mb_end"),
                data.getLong("allocated_mb"),
                data.getLong("deallocated_mb"),
                data.getLong("refused"));
    }

    /** What the history and the audit trail say, which show each entry. */
    private List<UsageChange> changes(User user, String quota) {
        List<UsageChange> changes = new ArrayList<>();
        long usedMb = 0;
        for (JsonObject entry : pages(user, "/quotas/" + quota + "/usage")) {
            long used = entry.getLong("used_mb");
            changes.add(UsageChange.of(Instant.parse(entry.getString("created_at")), used, used - usedMb));
            usedMb = used;
        }
        for (JsonObject entry : pages(user, "/quotas/" + quota + "/audit")) {
            if (entry.getString("outcome").equals("refused")) {
                changes.add(UsageChange.refusal(Instant.parse(entry.getString("created_at"))));
            }
        }
        return changes;
    }

    private static List<JsonObject> pages(User user, String path) {
        List<JsonObject> entries = new ArrayList<>();
        String cursor = "";
        while (cursor != null) {
            Reply page = user.get(path + "?order=asc&limit=100" + cursor);
            entries.addAll(page.list("entries"));
            String next = page.data().getString("next_cursor");
            cursor = next == null ? null : "&cursor=" + next;
        }
        return entries;
    }

    private static Instant wholeMinute(Instant moment) {
        return moment.truncatedTo(ChronoUnit.MINUTES);
    }

    @Test
    void isWhatHistoryAndTrailSay() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("Seed of the usage: " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        String root = alice.root(300);
        String other = alice.child(root, 100);
        Instant begin = Instant.parse(alice.quota(root).getString("created_at"));
        for (int i = 0; i < 80; i++) {
            String resource = "res" + random.nextInt(3);
            int mb = 1 + random.nextInt(90);
            switch (random.nextInt(4)) {
                case 0 -> alice.giveBack(root, resource, mb);
                case 1 ->
                    alice.post(
                            "/quotas/" + root + "/usage/transfer",
                            User.usage(resource, mb)
                                    .put("to_quota_id", random.nextBoolean() ? other : root)
                                    .put("to_resource_id", "res2"));
                default -> alice.take(root, resource, mb);
            }
        }
        // Partly sealed at first.
        List<JsonObject> early = series(root, begin, begin.plusSeconds(60), 100).list("buckets");
        Invariants.awaitSealed(service.databaseUrl());
        List<UsageChange> changes = changes(alice, root);
        assertThat(changes.stream().mapToLong(UsageChange::refused).sum()).isPositive();
        assertThat(early.stream().map(UsageOverTimeIT::bucket))
                .isEqualTo(new UsageSeries(begin, begin.plusSeconds(60), 100).of(0, changes));
        Instant minute = wholeMinute(begin);
        for (int buckets : List.of(1, 2, 7, 60, 500)) {
            check(root, begin, begin.plusSeconds(90), buckets, changes);
            check(root, begin.plusMillis(150), begin.plusMillis(900), buckets, changes);
            check(root, minute.minusSeconds(300), minute.plusSeconds(300), buckets, changes);
        }
    }

    private void check(String quota, Instant from, Instant to, int buckets, List<UsageChange> changes) {
        long openingMb = 0;
        for (UsageChange change : changes) {
            if (change.endMb() != null && change.at().isBefore(from)) {
                openingMb = change.endMb();
            }
        }
        assertThat(series(quota, from, to, buckets).list("buckets").stream().map(UsageOverTimeIT::bucket))
                .as(from + " to " + to + " in " + buckets)
                .isEqualTo(new UsageSeries(from, to, buckets).of(openingMb, changes));
    }

    @Test
    void endsNowUnlessAskedOtherwise() {
        String root = alice.root(100);
        alice.take(root, "res", 30).data();
        List<JsonObject> buckets =
                alice.get("/quotas/" + root + "/usage/series").list("buckets");
        assertThat(buckets).hasSize(24);
        assertThat(bucket(buckets.get(22)).endMb()).isZero();
        assertThat(bucket(buckets.get(23)).endMb()).isEqualTo(30);
        assertThat(bucket(buckets.get(23)).minMb()).isZero();
    }

    @Test
    void refusesWhatItCannotShow() {
        String root = alice.root(100);
        Instant now = Instant.now();
        assertThat(series(root, now, now, 1).violations()).containsExactly("from");
        assertThat(series(root, now.minus(401, ChronoUnit.DAYS), now, 1).violations())
                .containsExactly("from");
        assertThat(series(root, now.minus(2, ChronoUnit.MICROS), now, 3).violations())
                .containsExactly("from");
        assertThat(series(root, now.minusSeconds(1), now, 501).violations()).containsExactly("buckets");
        assertThat(series(root, now.minusSeconds(1), now, 0).violations()).containsExactly("buckets");
        series("quota_none", now.minusSeconds(1), now, 1).refused(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(service.user("acme", "bob")
                        .get("/quotas/" + root + "/usage/series")
                        .status())
                .isEqualTo(403);
        service.user("rival", "alice").get("/quotas/" + root + "/usage/series").refused(ErrorCode.QUOTA_NOT_FOUND);
    }

    @Test
    void readsSingleEntriesOnlyOfFew() {
        String root = alice.root(100_000);
        Instant begin = Instant.parse(alice.quota(root).getString("created_at"));
        for (int i = 0; i < 21; i++) {
            List<JsonObject> items = new ArrayList<>();
            for (int j = 0; j < 100; j++) {
                items.add(User.usage("res" + j, 1).put("operation", "allocate").put("quota_id", root));
            }
            alice.post("/usage/batch", new JsonObject().put("atomic", true).put("items", items))
                    .data();
        }
        Invariants.awaitSealed(service.databaseUrl());
        Instant minute = wholeMinute(begin);
        List<JsonObject> whole =
                series(root, minute, minute.plusSeconds(600), 10).list("buckets");
        assertThat(whole.stream()
                        .mapToLong(each -> each.getLong("allocated_mb"))
                        .sum())
                .isEqualTo(2_100);
        // Nothing that a client leaves out divides a minute.
        List<JsonObject> day = alice.get("/quotas/" + root + "/usage/series").list("buckets");
        assertThat(day.stream().mapToLong(each -> each.getLong("allocated_mb")).sum())
                .isEqualTo(2_100);
        assertThat(series(root, minute, minute.plusSeconds(120), 480).violations())
                .containsExactly("buckets");
    }

    @Test
    void beginsWithTheUpgrade() throws Exception {
        try (RunningService upgraded = new RunningService(FormerDatabase.withLedger(), Map.of())) {
            User owner = upgraded.user("acme", "alice");
            String quota = FormerDatabase.LEDGER_CHILD;
            List<JsonObject> buckets =
                    owner.get("/quotas/" + quota + "/usage/series").list("buckets");
            assertThat(bucket(buckets.get(0)).endMb())
                    .isEqualTo(owner.quota(quota).getLong("used_mb"));
            owner.get("/quotas/" + quota + "/usage/series?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
                    .refused(ErrorCode.INVALID_REQUEST);
        }
    }
}
