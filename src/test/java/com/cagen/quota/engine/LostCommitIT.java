package com.cagen.quota.engine;

import static com.cagen.quota.engine.EngineHarness.await;
import static com.cagen.quota.engine.EngineHarness.caller;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.CommitLossProxy;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import java.io.IOException;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The connection is lost at COMMIT: the caller is told what really happened. */
class LostCommitIT {
    private static final Caller OWNER = caller("org_1", "owner");

    private final String url = TestDatabase.create();
    private final CommitLossProxy proxy;
    private final EngineHarness engine;

    LostCommitIT() throws IOException {
        proxy = new CommitLossProxy(url);
        engine = new EngineHarness(url, proxy.url());
    }

    @AfterEach
    void invariantsHold() {
        Invariants.awaitSealed(url);
        engine.close();
        proxy.close();
        Invariants.check(url);
    }

    private Future<Answer> allocate(String quota, String resource) {
        return engine.send(OWNER, null, new AllocateUsage.Command(quota, resource, 10, null));
    }

    private String root() {
        return engine.done(OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 100, null))
                .getString("id");
    }

    private long count(String sql) {
        try (var connection = TestDatabase.connect(url);
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private long ledgerRows(String resource) {
        return count("SELECT count(*) FROM quota.quota_usage WHERE resource_id = '" + resource + "'");
    }

    private static void assertNotDone(Answer answer) {
        assertThat(answer).isInstanceOfSatisfying(Refusal.class, refusal -> assertThat(refusal.code())
                .isEqualTo(ErrorCode.DATABASE_UNAVAILABLE));
    }

    @ParameterizedTest
    @EnumSource(names = {"DONE", "LOST"})
    void usageIsAnsweredAsItHappened(CommitLossProxy.Fate fate) {
        String quota = root();
        proxy.choose("runtime_lost", fate);

        Answer answer = await(allocate(quota, "runtime_lost"));

        if (fate == CommitLossProxy.Fate.DONE) {
            assertThat(answer).isInstanceOf(Answer.Success.class);
            assertThat(ledgerRows("runtime_lost")).isOne();
        } else {
            assertNotDone(answer);
            assertThat(ledgerRows("runtime_lost")).isZero();
        }
        assertThat(await(allocate(quota, "runtime_next"))).isInstanceOf(Answer.Success.class);
    }

    @ParameterizedTest
    @EnumSource(names = {"DONE", "LOST"})
    void aTreeOperationIsAnsweredAsItHappened(CommitLossProxy.Fate fate) {
        proxy.choose("lost quota", fate);

        Answer answer = await(engine.send(
                OWNER, null, new CreateQuota.Command("lost quota", null, QuotaType.ORGANIZATION, 100, null)));

        long there = count("SELECT count(*) FROM quota.quotas WHERE name = 'lost quota'");
        if (fate == CommitLossProxy.Fate.DONE) {
            assertThat(answer).isInstanceOf(Answer.Success.class);
            assertThat(there).isOne();
        } else {
            assertNotDone(answer);
            assertThat(there).isZero();
        }
    }

    /** It left nothing, so nothing is looked up: the caller asks again, with another credential. */
    @ParameterizedTest
    @EnumSource(names = {"DONE", "LOST"})
    void aReadIsNotAnsweredWithoutItsNonce(CommitLossProxy.Fate fate) {
        String quota = root();
        Nonce nonce = new Nonce("nonce_lost", System.currentTimeMillis());
        proxy.choose("nonce_lost", fate);

        assertNotDone(await(engine.send(OWNER, nonce, null, new GetQuota.Command(quota, null))));

        assertThat(count("SELECT count(*) FROM quota.nonces WHERE nonce = 'nonce_lost'"))
                .isEqualTo(fate == CommitLossProxy.Fate.DONE ? 1 : 0);
        assertThat(engine.done(OWNER, new GetQuota.Command(quota, null)).getString("id"))
                .isEqualTo(quota);
    }

    @Test
    void aCommitThatArrivesLateIsWaitedFor() throws Exception {
        String quota = root();
        proxy.choose("runtime_late", CommitLossProxy.Fate.LATE);

        Future<Answer> answer = allocate(quota, "runtime_late");
        // The lookup waits for the lost transaction's locks; without that it would say that nothing happened.
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!answer.isComplete()
                && count("SELECT count(*), pg_sleep(0.01) FROM pg_stat_activity"
                                + " WHERE datname = current_database() AND wait_event_type = 'Lock'")
                        == 0) {
            assertThat(System.nanoTime()).as("neither an answer nor a lookup").isLessThan(deadline);
        }
        proxy.release();

        assertThat(await(answer)).isInstanceOf(Answer.Success.class);
        assertThat(ledgerRows("runtime_late")).isOne();
    }
}
