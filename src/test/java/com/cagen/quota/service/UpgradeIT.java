package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.FormerDatabase;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The service on a database of the release before, which was stopped with operations in its outbox. */
class UpgradeIT {
    private static final String CHILD = FormerDatabase.LEDGER_CHILD;
    private static final String ROOT = FormerDatabase.LEDGER_ROOT;

    private static List<JsonObject> pages(User user, String path, String order, int limit) {
        List<JsonObject> entries = new ArrayList<>();
        String cursor = "";
        while (cursor != null) {
            JsonObject page = user.get(path + "?limit=" + limit + "&order=" + order + cursor)
                    .data();
            page.getJsonArray("entries").forEach(entry -> entries.add((JsonObject) entry));
            String next = page.getString("next_cursor");
            cursor = next == null ? null : "&cursor=" + next;
        }
        return entries;
    }

    private static List<String> usage(User user, String quota, String order, int limit) {
        return pages(user, "/quotas/" + quota + "/usage", order, limit).stream()
                .map(entry -> entry.getString("operation") + " " + entry.getLong("usage_mb") + " of "
                        + entry.getString("resource_id") + ": " + entry.getLong("held_mb") + ", "
                        + entry.getLong("used_mb") + (entry.containsKey("transfer_id") ? " moved" : ""))
                .toList();
    }

    @Test
    void goesOnWithTheLedgerAndTheTrailOfTheReleaseBefore() throws Exception {
        try (RunningService service = new RunningService(FormerDatabase.withLedger(), Map.of())) {
            User alice = service.user("acme", "alice");
            alice.take(CHILD, "res_5", 8).data();
            alice.post("/quotas/" + CHILD + "/usage/deallocate", User.usage("res_1", 3))
                    .data();
            List<String> expected = List.of(
                    "allocate 40 of res_1: 40, 40",
                    "deallocate 10 of res_1: 30, 30",
                    "deallocate 5 of res_1: 25, 25 moved",
                    "allocate 7 of res_3: 7, 32",
                    "deallocate 2 of res_3: 5, 30 moved",
                    "allocate 8 of res_5: 8, 38",
                    "deallocate 3 of res_1: 22, 35");
            for (int limit : List.of(1, 2, 3, 5, 7, 100)) {
                assertThat(usage(alice, CHILD, "asc", limit)).isEqualTo(expected);
                List<String> newestFirst = new ArrayList<>(usage(alice, CHILD, "desc", limit));
                Collections.reverse(newestFirst);
                assertThat(newestFirst).isEqualTo(expected);
            }
            assertThat(usage(alice, ROOT, "asc", 1))
                    .containsExactly("allocate 5 of res_1: 5, 5 moved", "allocate 2 of res_4: 2, 7 moved");
            JsonObject child = alice.quota(CHILD);
            assertThat(alice.get("/quotas/" + CHILD + "?at=" + child.getString("updated_at"))
                            .data()
                            .getLong("used_mb"))
                    .isEqualTo(35);
            alice.get("/quotas/" + CHILD + "?at=" + child.getString("created_at"))
                    .refused(ErrorCode.INVALID_REQUEST);
            Invariants.awaitSealed(service.databaseUrl());
            for (int limit : List.of(1, 4, 100)) {
                assertThat(pages(alice, "/quotas/" + CHILD + "/audit", "asc", limit))
                        .extracting(entry -> entry.getLong("seq") + " " + entry.getString("action"))
                        .containsExactly(
                                "2 quota.allocate",
                                "3 usage.allocate",
                                "4 usage.deallocate",
                                "5 usage.transfer",
                                "7 usage.allocate",
                                "8 usage.allocate",
                                "9 usage.transfer",
                                "11 quota.update",
                                "12 usage.allocate",
                                "13 usage.deallocate");
                assertThat(pages(alice, "/quotas/" + ROOT + "/audit", "desc", limit))
                        .extracting(entry -> entry.getLong("seq") + " " + entry.getString("action"))
                        .containsExactly("10 usage.transfer", "6 usage.transfer", "2 quota.allocate", "1 quota.create");
            }
            Invariants.check(service.databaseUrl());
        }
    }
}
