package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Reply;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Nothing of one organization shows in another's answers. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OrganizationsIT {
    private final RunningService service = new RunningService();
    private final User alice = service.user("acme", "alice", "team_dev");
    /** Of the same name and team, in another organization. */
    private final User namesake = service.user("rival", "alice", "team_dev");

    private final String foreign = alice.root(1_000);

    @AfterAll
    void stop() {
        service.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET|/quotas/QUOTA|''",
                "DELETE|/quotas/QUOTA|{}",
                "POST|/quotas/QUOTA/release|{}",
                "POST|/quotas/QUOTA/suspend|{}",
                "POST|/quotas/QUOTA/resume|{}",
                "POST|/quotas/QUOTA/allocate|{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":1}",
                "POST|/quotas/QUOTA/allocate|{\"name\":\"n\",\"type\":\"organization\",\"allocate_mb\":5000}",
                "POST|/quotas/QUOTA/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":1}",
                "POST|/quotas/QUOTA/usage/allocate|{\"resource_id\":\"r\",\"usage_mb\":5000}",
                "POST|/quotas/QUOTA/usage/deallocate|{\"resource_id\":\"r\",\"usage_mb\":1}",
                "GET|/quotas/QUOTA/usage|''",
                "GET|/quotas/QUOTA/audit|''",
                "POST|/quotas/QUOTA/permissions/grant|{\"target_user_id\":\"u\",\"permissions\":[\"read\"]}",
                "POST|/quotas/QUOTA/permissions/revoke|{\"target_user_id\":\"u\",\"permissions\":[\"owner\"]}",
            })
    void aForeignQuotaIsLikeOneThatNeverWas(String method, String path, String body) {
        String never = foreign.substring(0, foreign.length() - 4) + "0000";
        assertThat(never).isNotEqualTo(foreign);
        Reply ofForeign = ask(method, path.replace("QUOTA", foreign), body);
        Reply ofNever = ask(method, path.replace("QUOTA", never), body);
        ofForeign.refused(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(ofForeign.body()).isEqualTo(ofNever.body());
        assertThat(sorted(ofForeign.headers())).isEqualTo(sorted(ofNever.headers()));
        // As for the owner's colleague: what is deleted is gone.
        assertThat(alice.quota(foreign).getLong("available_mb")).isEqualTo(1_000);
        assertThat(alice.quota(foreign).getString("status")).isEqualTo("active");
    }

    private Reply ask(String method, String path, String body) {
        return RunningService.await(
                namesake.sendAsync(method, path, body, "X-Request-ID", "same", "Idempotency-Key", "of.rival"));
    }

    private static Map<String, String> sorted(MultiMap headers) {
        Map<String, String> sorted = new TreeMap<>();
        headers.forEach((name, value) -> sorted.put(name, value));
        return sorted;
    }

    @Test
    void listsAndCountsShowNothingForeign() {
        User ours = service.user("acme", "carol");
        User theirs = service.user("rival", "carol");
        String quota = ours.root(100);
        ours.take(quota, "res", 10).data();
        assertThat(theirs.get("/quotas").data().getInteger("total_count")).isZero();
        assertThat(theirs.get("/quotas?parent_quota_id=" + quota).list("quotas"))
                .isEmpty();
        assertThat(theirs.get("/runtime-usage").data().getInteger("total_count"))
                .isZero();
        String own = theirs.root(50);
        theirs.take(own, "res", 1).data();
        assertThat(theirs.get("/quotas").list("quotas"))
                .extracting(each -> each.getString("id"))
                .containsExactly(own);
        JsonObject runtimes = theirs.get("/runtime-usage").data();
        assertThat(runtimes.getJsonArray("runtimes").getJsonObject(0).getLong("total_usage_mb"))
                .isOne();
        assertThat(ours.get("/runtime-usage").list("runtimes").get(0).getLong("total_usage_mb"))
                .isEqualTo(10);
    }

    @Test
    void everyOrganizationHasItsOwnKeysNoncesAndAuditNumbers() {
        String ours = alice.root(100);
        String theirs = namesake.root(100);
        String path = "/usage/allocate";
        Reply first = alice.post("/quotas/" + ours + path, User.usage("res", 1), "Idempotency-Key", "shared");
        Reply second = namesake.post("/quotas/" + theirs + path, User.usage("res", 2), "Idempotency-Key", "shared");
        assertThat(first.data().getLong("used_mb")).isOne();
        assertThat(second.data().getLong("used_mb")).isEqualTo(2);
        assertThat(second.replayed()).isFalse();
        // A grant to a user of that name is a grant to our user of that name.
        alice.grant(ours, "carl", "read", "admin", "owner").data();
        User carl = service.user("rival", "carl");
        carl.take(ours, "res", 1).refused(ErrorCode.QUOTA_NOT_FOUND);
        carl.take(theirs, "res", 1).refused(ErrorCode.PERMISSION_DENIED);
        assertThat(namesake.audit(theirs))
                .extracting(entry -> entry.getString("actor_user_id"))
                .containsExactly("alice", "alice", "carl");
        assertThat(namesake.audit(theirs))
                .noneSatisfy(entry -> assertThat(entry.encode()).contains(ours));
    }
}
