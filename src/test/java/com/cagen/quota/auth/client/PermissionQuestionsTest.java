package com.cagen.quota.auth.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.auth.AuthFixtures;
import com.cagen.quota.delivery.AuthOutboxDelivery;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.protocol.Permission;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PermissionQuestionsTest {
    private static final PermissionAnswer BEFORE = new PermissionAnswer(Set.of(Permission.READ), 30);
    private static final PermissionAnswer AFTER = new PermissionAnswer(Set.of(), 5);

    private final List<Promise<PermissionAnswer>> calls = new ArrayList<>();
    private final PermissionQuestions questions = new PermissionQuestions(question -> {
        Promise<PermissionAnswer> call = Promise.promise();
        calls.add(call);
        return call.future();
    });

    private Future<PermissionAnswer> ask(String resource) {
        return questions.ask(new PermissionQuestion(AuthFixtures.USER, resource));
    }

    @Test
    void sharesOneCallAmongAllWhoAskDuringAnother() {
        Future<PermissionAnswer> first = ask("quota_1");
        List<Future<PermissionAnswer>> others = List.of(ask("quota_1"), ask("quota_1"), ask("quota_1"));
        assertThat(calls).hasSize(1);
        calls.get(0).complete(BEFORE);
        assertThat(first.result()).isEqualTo(BEFORE);
        assertThat(calls).hasSize(2);
        assertThat(others).noneMatch(Future::isComplete);
        calls.get(1).complete(AFTER);
        assertThat(others).allSatisfy(other -> assertThat(other.result()).isEqualTo(AFTER));
    }

    @Test
    void neverAnswersFromACallThatBeganBeforeTheQuestion() {
        ask("quota_1");
        Future<PermissionAnswer> askedAfterARevocation = ask("quota_1");
        calls.get(0).complete(BEFORE);
        calls.get(1).complete(AFTER);
        assertThat(askedAfterARevocation.result()).isEqualTo(AFTER);
        ask("quota_1");
        assertThat(calls).hasSize(3);
    }

    @Test
    void failsThoseWhoWaitTogetherWithTheCallUnderWayAndBeginsAnew() {
        Future<PermissionAnswer> first = ask("quota_1");
        Future<PermissionAnswer> second = ask("quota_1");
        calls.get(0).fail("down");
        assertThat(first.failed()).isTrue();
        assertThat(second.failed()).isTrue();
        ask("quota_1");
        assertThat(calls).hasSize(2);
    }

    @Test
    void keepsDifferentQuestionsApart() {
        ask("quota_1");
        ask("quota_2");
        assertThat(calls).hasSize(2);
    }

    @Test
    void waitsLongerAfterEachFailureButNeverMoreThanAMinute() {
        assertThat(AuthOutboxDelivery.backoffMillis(0)).isEqualTo(500);
        assertThat(AuthOutboxDelivery.backoffMillis(1)).isEqualTo(1_000);
        assertThat(AuthOutboxDelivery.backoffMillis(6)).isEqualTo(32_000);
        assertThat(AuthOutboxDelivery.backoffMillis(7)).isEqualTo(60_000);
        assertThat(AuthOutboxDelivery.backoffMillis(Integer.MAX_VALUE)).isEqualTo(60_000);
    }
}
