package com.cagen.quota.quota;

import com.cagen.quota.bus.Bus;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.KnownGrants;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.PermissionQuestion;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.domain.Request;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.RequestRows;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.pgclient.PgException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queue in front of the transactions. Usage operations and single reads that arrive while a batch is under way make up
 * the next one; nothing waits when the lane is idle. Everything else runs in transactions of its own, a few at a time. Not
 * thread-safe: lives on its verticle's event loop.
 */
final class Lane {
    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);
    /** After a batch waited in vain, its halves look for the one to blame without waiting long. */
    private static final long SEARCH_LOCK_TIMEOUT_MILLIS = 100;

    private static final int MAX_RETRIES = 3;
    /** Serialization failure, deadlock, and a key or id that another transaction has just taken: run again. */
    private static final Set<String> RETRYABLE = Set.of("40001", "40P01", "23505");

    /** After one of these, so many batches look out for used credentials, as they seldom come alone; others fail of them. */
    private static final int BATCHES_LOOKING_OUT = 1_000;

    /** Lock timeout, statement timeout. */
    private static final Set<String> TIMEOUTS = Set.of("55P03", "57014");

    private final Bus bus;
    private final Database database;
    private final Config config;
    private final KnownOrganizations organizations = new KnownOrganizations();
    private final GrantCache grants = new GrantCache();
    private final BatchQueue batched;
    private final Deque<Pending> single = new ArrayDeque<>();
    private final GrantChanges changes;
    private final long claimMillis;
    private final DistributionSummary batchSize;
    private boolean batchRunning;
    private int batchesLookingOut;
    private int singlesRunning;
    private int unanswered;
    private long auditLagMillis;

    Lane(Bus bus, Database database, Config config, MeterRegistry metrics, int number) {
        this.bus = bus;
        this.database = database;
        this.config = config;
        this.batched = new BatchQueue(config.database().oneOrganizationATransaction());
        this.changes = new GrantChanges(bus, database, config.auth());
        this.claimMillis = config.auth().claimMillis();
        String lane = Integer.toString(number);
        Gauge.builder("cagen_quota_lane_queue_depth", this, Lane::depth)
                .description("Requests waiting in a lane")
                .tag("lane", lane)
                .register(metrics);
        this.batchSize = DistributionSummary.builder("cagen_quota_batch_size")
                .description("Operations that shared a transaction")
                .tag("lane", lane)
                .register(metrics);
    }

    private int depth() {
        return batched.size() + single.size();
    }

    void auditLag(long millis) {
        auditLagMillis = millis;
    }

    /** How many requests have no answer yet. */
    int unanswered() {
        return unanswered;
    }

    /** Never fails: what goes wrong is a {@link Refusal}. */
    Future<Answer> submit(Request request) {
        if (unanswered >= config.lanes().maxQueue()) {
            return Future.succeededFuture(Refusal.of(ErrorCode.OVERLOADED, "Too many requests are waiting."));
        }
        if (request.operation().type().change()
                && auditLagMillis > config.audit().maxLagMillis()) {
            return Future.succeededFuture(Refusal.of(
                    ErrorCode.OVERLOADED, "The audit trail is behind; changes wait until it has caught up."));
        }
        Pending pending = new Pending(request);
        pending.recordsUse = bus.credentialUses()::admit;
        unanswered++;
        if (sharesTransaction(pending)) {
            pending.grants = grants.find(pending);
        }
        enqueue(pending);
        return pending.promise.future();
    }

    private static boolean sharesTransaction(Pending pending) {
        return pending.operation() instanceof Operation.Usage || pending.operation() instanceof Operation.GetQuota;
    }

    private void enqueue(Pending pending) {
        if (sharesTransaction(pending)) {
            batched.add(pending);
            startBatch();
        } else {
            single.add(pending);
            startSingles();
        }
    }

    private void startBatch() {
        if (batchRunning || batched.size() == 0) {
            return;
        }
        batchRunning = true;
        List<Pending> batch = batched.take(config.lanes().maxBatch());
        batchSize.record(batch.size());
        batchesLookingOut = Math.max(0, batchesLookingOut - 1);
        run(batch, config.database().lockTimeoutMillis(), 0, () -> {
            batchRunning = false;
            startBatch(); // before anybody is answered: the database is never idle meanwhile
        });
    }

    private void run(List<Pending> batch, long lockTimeoutMillis, int retries, Runnable next) {
        BatchTransaction transaction = new BatchTransaction(database, organizations, batch, batchesLookingOut > 0);
        transaction.run(lockTimeoutMillis).onComplete(result -> {
            if (result.succeeded()) {
                next.run();
                if (transaction.audited()) {
                    bus.ringAudit();
                }
                for (int i = 0; i < batch.size(); i++) {
                    advance(batch.get(i), result.result().get(i));
                }
            } else if (retries < MAX_RETRIES && worthRepeating(result.cause())) {
                batchesLookingOut = BATCHES_LOOKING_OUT;
                run(batch, lockTimeoutMillis, retries + 1, next);
            } else if (batch.size() > 1 && blamesOne(result.cause())) {
                int half = batch.size() / 2;
                run(
                        batch.subList(0, half),
                        SEARCH_LOCK_TIMEOUT_MILLIS,
                        0,
                        () -> run(batch.subList(half, batch.size()), SEARCH_LOCK_TIMEOUT_MILLIS, 0, next));
            } else {
                next.run();
                batch.forEach(pending -> fail(pending, result.cause()));
            }
        });
    }

    /** Whether nothing was done, and another try may fare better. */
    private static boolean worthRepeating(Throwable failure) {
        return failure instanceof PgException refused
                ? RETRYABLE.contains(refused.getSqlState())
                : Database.lostConnection(failure);
    }

    /** Whether one operation may be the cause: its lock, its values. A lost connection or a full pool is nobody's. */
    private static boolean blamesOne(Throwable failure) {
        if (failure instanceof RefusalException refused) {
            return refused.getCause() instanceof PgException timeout && TIMEOUTS.contains(timeout.getSqlState());
        }
        return true;
    }

    private void startSingles() {
        while (singlesRunning < config.lanes().treeConcurrency() && !single.isEmpty()) {
            Pending pending = single.poll();
            singlesRunning++;
            SingleTransaction.run(database, organizations, pending, claimMillis).onComplete(result -> {
                singlesRunning--;
                startSingles();
                if (result.succeeded()) {
                    ring(pending);
                    advance(pending, result.result());
                } else {
                    fail(pending, result.cause());
                }
            });
        }
    }

    private void ring(Pending pending) {
        if (pending.operation().type().change()) {
            bus.ringAudit();
        }
        if (pending.operation() instanceof Operation.CreateQuota
                || pending.operation() instanceof Operation.AllocateQuota) {
            bus.ringAuth();
        }
    }

    private void advance(Pending pending, Step step) {
        if (step instanceof Step.Settled settled) {
            answer(pending, settled.answer());
            return;
        }
        if (!(step instanceof Step.Wait) && ++pending.rounds > Pending.MAX_ROUNDS) {
            answer(pending, Refusal.of(ErrorCode.AUTH_UNAVAILABLE, "Permissions keep changing; try again."));
            return;
        }
        Future<?> done = step instanceof Step.Ask ask
                ? ask(pending, ask.quotas())
                : step instanceof Step.Tell ? changes.tell(pending) : changes.await(pending);
        // No transaction is open while the auth service is asked; then the operation goes round again.
        done.onSuccess(ignored -> enqueue(pending)).onFailure(failure -> fail(pending, failure));
    }

    private Future<?> ask(Pending pending, List<Quota> quotas) {
        Map<String, KnownGrants.Entry> known = new HashMap<>();
        List<Future<?>> questions = new ArrayList<>();
        for (Quota quota : quotas) {
            questions.add(bus.ask(new PermissionQuestion(pending.request.caller(), quota.id()))
                    .onSuccess(answer -> {
                        known.put(quota.id(), new KnownGrants.Entry(answer.granted(), quota.grantsVersion()));
                        grants.put(pending, quota, answer);
                    }));
        }
        return Future.all(questions).onSuccess(ignored -> pending.grants = new KnownGrants(known));
    }

    private void fail(Pending pending, Throwable failure) {
        if (failure instanceof RefusalException refused) {
            answer(pending, refused.refusal());
        } else if (failure instanceof PgException refused && RequestRows.hourNotKept(refused)) {
            LOG.warn(
                    "request {} carries a timestamp whose hour the database keeps no nonces of; compare the clocks of this node"
                            + " and of the database",
                    pending.request.requestId());
            answer(
                    pending,
                    Refusal.of(
                            ErrorCode.DATABASE_UNAVAILABLE,
                            "The database cannot tell whether this credential was used: it keeps nothing about the hour of"
                                    + " its timestamp."));
        } else {
            LOG.error("request {} failed", pending.request.requestId(), failure);
            answer(pending, Refusal.of(ErrorCode.INTERNAL_ERROR, "The request could not be carried out."));
        }
    }

    private void answer(Pending pending, Answer answer) {
        boolean recorded = answer instanceof Answer.Success success && !success.replayed();
        if (pending.claimed && !recorded) {
            pending.claimed = false;
            changes.giveUp(pending).onComplete(ignored -> answer(pending, answer));
            return;
        }
        unanswered--;
        // Only now it is certain: a transaction that failed after all has refused nothing.
        if (pending.usedAgain != null
                && answer instanceof Refusal refusal
                && refusal.code() == ErrorCode.CREDENTIAL_REPLAYED) {
            bus.credentialUses().count(pending.usedAgain);
        }
        pending.promise.complete(answer);
    }
}
