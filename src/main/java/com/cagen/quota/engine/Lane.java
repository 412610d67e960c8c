package com.cagen.quota.engine;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.domain.scheduling.FairQueue;
import com.cagen.quota.domain.scheduling.FairShare;
import com.cagen.quota.engine.operation.Catalog;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Tally;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.storage.sql.SqlStates;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.AsyncResult;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queue in front of the transactions. Usage operations and single reads that arrive while a batch is under way make up
 * the next one; nothing waits when the lane is idle. Everything else runs in transactions of its own, a few at a time.
 *
 * <p>Organizations share a lane, and none keeps the others waiting: each has its share of the lane's places, all are served
 * round-robin, and a batch waits for locks only for some milliseconds. A request whose quota stays locked is set aside, and
 * runs in a transaction that only its organization waits for.
 *
 * <p>Not thread-safe: lives on its verticle's event loop.
 */
final class Lane {
    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);
    /**
     * How long a batch waits for a lock. Batches of several nodes that use the same quota hold its lock for some milliseconds,
     * which is worth waiting for.
     */
    private static final long BATCH_LOCK_TIMEOUT_MILLIS = 20;

    /** How long each half of what was set aside waits for a lock, when the failing request is searched for. */
    private static final long SEARCH_LOCK_TIMEOUT_MILLIS = 100;

    /** Requests are bounded in number and in bytes. This is what one may take on average, and all may take at least. */
    private static final long BYTES_A_REQUEST = 4_096;

    private static final long MIN_QUEUE_BYTES = 1_048_576;
    /** An organization may have this part of a lane's places taken by requests that were set aside. */
    private static final int SET_ASIDE_PART = 8;

    private static final Refusal TOO_MANY =
            Refusal.of(ErrorCode.OVERLOADED, "Too many requests of this organization are waiting.");
    private static final Refusal LOCKED =
            Refusal.of(ErrorCode.DATABASE_UNAVAILABLE, "Another change holds this quota for too long; try again.");
    private static final Predicate<String> NONE = Set.<String>of()::contains;
    private static final Predicate<String> ALL = Predicate.not(NONE);

    private static final int MAX_RETRIES = 3;
    private static final int MAX_SINGLE_RETRIES = 4;
    /** So many batches look for used credentials first, once one was met; the others fail when they meet one. */
    private static final int BATCHES_EXPECTING_REPLAYS = 1_000;

    private final InternalBus bus;
    private final Database database;
    private final Catalog catalog;
    private final Config config;
    private final GrantChanges changes;
    private final KnownOrganizations organizations = new KnownOrganizations();
    private final GrantCache grants = new GrantCache();
    private final FairShare share;
    private final BatchQueue batched;
    private final SetAside setAside;
    /** What runs in transactions of its own: single operations, and what is set aside of an organization. */
    private final FairQueue<Runnable> jobs;

    private final DistributionSummary batchSize;
    private final Map<Tally, Counter> tallies = new EnumMap<>(Tally.class);
    private boolean batchRunning;
    private int batchesExpectingReplays;
    private long auditLagMillis;

    Lane(InternalBus bus, Database database, Catalog catalog, Config config, MeterRegistry metrics, int number) {
        this.bus = bus;
        this.database = database;
        this.catalog = catalog;
        this.config = config;
        this.changes = new GrantChanges(bus, database, config.auth());
        Config.Lanes limits = config.lanes();
        this.share = new FairShare(limits.maxQueue(), Math.max(MIN_QUEUE_BYTES, limits.maxQueue() * BYTES_A_REQUEST));
        this.batched = new BatchQueue(config.database().oneOrganizationATransaction());
        this.setAside = new SetAside(Math.max(limits.maxBatch(), limits.maxQueue() / SET_ASIDE_PART));
        this.jobs = new FairQueue<>(limits.treeConcurrency());
        String lane = Integer.toString(number);
        Gauge.builder("cagen_quota_lane_queue_depth", this, Lane::depth)
                .description("Requests waiting in a lane")
                .tag("lane", lane)
                .register(metrics);
        this.batchSize = DistributionSummary.builder("cagen_quota_batch_size")
                .description("Operations that shared a transaction")
                .tag("lane", lane)
                .register(metrics);
        for (Tally tally : Tally.values()) {
            tallies.put(
                    tally,
                    Counter.builder(tally.meterName())
                            .description(tally.description())
                            .tag("lane", lane)
                            .register(metrics));
        }
    }

    private int depth() {
        return batched.size() + setAside.waiting() + jobs.waiting();
    }

    void auditLag(long millis) {
        auditLagMillis = millis;
    }

    /** How many requests have no answer yet. */
    long unanswered() {
        return share.items();
    }

    /** Never fails: what goes wrong is a {@link Refusal}. */
    Future<Answer> submit(Request request) {
        if (request.operation().change() && auditLagMillis > config.audit().maxLagMillis()) {
            return Future.succeededFuture(Refusal.of(
                    ErrorCode.OVERLOADED, "The audit trail is behind; changes wait until it has caught up."));
        }
        if (!share.enter(request.caller().organizationId(), QueuedRequest.bytes(request))) {
            return Future.succeededFuture(TOO_MANY);
        }
        QueuedRequest pending = new QueuedRequest(
                request, carriesOut(catalog.named(request.operation().text()), request));
        pending.recordsUse = bus.credentialUses()::admit;
        if (sharesTransaction(pending)) {
            pending.grants = grants.find(pending);
        }
        enqueue(pending);
        return pending.promise.future();
    }

    private static <C extends Input> Operation<C> carriesOut(Operation<C> operation, Request request) {
        return operation.forCommand(operation.commandType().cast(request.command()));
    }

    private static boolean sharesTransaction(QueuedRequest pending) {
        return pending.operation instanceof RowOperation<?> operation && operation.sharesTransaction();
    }

    private void enqueue(QueuedRequest pending) {
        if (!sharesTransaction(pending)) {
            jobs.add(pending.organizationId(), () -> runSingle(pending));
            startJobs();
        } else if (pending.request.operation().change() && setAside.holds(pending.quotaKey())) {
            setAside(List.of(pending));
        } else {
            batched.add(pending);
            startBatch();
        }
    }

    private void startBatch() {
        if (batchRunning || batched.size() == 0) {
            return;
        }
        batchRunning = true;
        List<QueuedRequest> batch = batched.take(config.lanes().maxBatch());
        batchSize.record(batch.size());
        batchesExpectingReplays = Math.max(0, batchesExpectingReplays - 1);
        long now = System.nanoTime();
        runBatch(batch, organization -> setAside.lockedLately(organization, now), 0);
    }

    /** Waits for locks only briefly. A request that would have to wait longer is set aside. */
    private void runBatch(List<QueuedRequest> batch, Predicate<String> skipsLocked, int retries) {
        long timeoutMillis =
                Math.min(BATCH_LOCK_TIMEOUT_MILLIS, config.database().lockTimeoutMillis());
        carryOut(batch, timeoutMillis, skipsLocked).onComplete(result -> {
            if (result.failed() && retries < MAX_RETRIES && worthRepeating(result.cause())) {
                expectReplaysAfter(result.cause());
                afterPause(retries, () -> runBatch(batch, skipsLocked, retries + 1));
            } else if (result.failed() && SqlStates.lockTimeout(result.cause()) && skipsLocked != ALL) {
                runBatch(batch, ALL, 0);
            } else {
                batchRunning = false;
                startBatch(); // before the answers are sent, so that the database is not idle meanwhile
                if (result.succeeded()) {
                    settle(batch, result.result());
                } else if (mayBeDueToOne(result.cause())) {
                    setAside(batch);
                } else {
                    batch.forEach(pending -> fail(pending, result.cause()));
                }
            }
        });
    }

    private Future<List<Outcome>> carryOut(
            List<QueuedRequest> batch, long lockTimeoutMillis, Predicate<String> skipsLocked) {
        BatchTransaction transaction = new BatchTransaction(
                database,
                organizations,
                batch,
                batchesExpectingReplays > 0,
                config.auth().claimMillis(),
                catalog.endOfReservations());
        return transaction.run(lockTimeoutMillis, skipsLocked).onSuccess(ignored -> {
            transaction.tallies().forEach((tally, count) -> Objects.requireNonNull(tallies.get(tally))
                    .increment(count));
            if (transaction.audited()) {
                bus.notifyAudit();
            }
            if (transaction.leavesAuthMessages()) {
                bus.notifyAuth();
            }
        });
    }

    private void settle(List<QueuedRequest> batch, List<Outcome> outcomes) {
        List<QueuedRequest> locked = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            if (outcomes.get(i) instanceof Outcome.Locked) {
                setAside.foundLocked(batch.get(i).organizationId(), System.nanoTime());
                locked.add(batch.get(i));
            } else {
                advance(batch.get(i), outcomes.get(i));
            }
        }
        setAside(locked);
    }

    private void setAside(List<QueuedRequest> requests) {
        Set<String> idle = new LinkedHashSet<>();
        for (QueuedRequest pending : requests) {
            boolean first = !setAside.busy(pending.organizationId());
            if (!setAside.add(pending)) {
                answer(pending, TOO_MANY);
            } else if (first) {
                idle.add(pending.organizationId());
            }
        }
        for (String organization : idle) {
            jobs.addFirst(organization, () -> runSetAside(organization));
        }
        startJobs();
    }

    /** One transaction at a time for each organization. */
    private void runSetAside(String organization) {
        List<QueuedRequest> batch = setAside.take(organization, config.lanes().maxBatch());
        runSetAside(batch, config.database().lockTimeoutMillis(), NONE, 0, () -> {
            setAside.done(organization, batch);
            jobs.end(organization);
            if (setAside.busy(organization)) {
                jobs.add(organization, () -> runSetAside(organization));
            }
            startJobs();
        });
    }

    private void runSetAside(
            List<QueuedRequest> batch,
            long lockTimeoutMillis,
            Predicate<String> skipsLocked,
            int retries,
            Runnable next) {
        carryOut(batch, lockTimeoutMillis, skipsLocked).onComplete(result -> {
            if (result.succeeded()) {
                next.run();
                for (int i = 0; i < batch.size(); i++) {
                    advance(batch.get(i), result.result().get(i));
                }
            } else if (retries < MAX_RETRIES && worthRepeating(result.cause())) {
                expectReplaysAfter(result.cause());
                afterPause(retries, () -> runSetAside(batch, lockTimeoutMillis, skipsLocked, retries + 1, next));
            } else if (SqlStates.lockTimeout(result.cause()) && skipsLocked != ALL) {
                runSetAside(batch, SEARCH_LOCK_TIMEOUT_MILLIS, ALL, 0, next);
            } else if (batch.size() > 1 && mayBeDueToOne(result.cause())) {
                int half = batch.size() / 2;
                List<QueuedRequest> second = batch.subList(half, batch.size());
                runSetAside(
                        batch.subList(0, half),
                        SEARCH_LOCK_TIMEOUT_MILLIS,
                        ALL,
                        0,
                        () -> runSetAside(second, SEARCH_LOCK_TIMEOUT_MILLIS, ALL, 0, next));
            } else {
                next.run();
                batch.forEach(pending -> fail(pending, result.cause()));
            }
        });
    }

    /** A used credential may be the cause. More of them often follow, so the next batches look for them first. */
    private void expectReplaysAfter(Throwable failure) {
        if (SqlStates.uniqueViolation(failure)) {
            batchesExpectingReplays = BATCHES_EXPECTING_REPLAYS;
        }
    }

    /** Whether nothing was done, and another try may fare better. */
    private static boolean worthRepeating(Throwable failure) {
        return failure instanceof QuotaTrees.SubtreeChangedException || Database.worthRepeating(failure);
    }

    /** Whether one operation may be the cause, by its lock or its values. A lost connection or a full pool has no such cause. */
    private static boolean mayBeDueToOne(Throwable failure) {
        if (failure instanceof RefusalException refused) {
            Throwable cause = refused.getCause();
            return cause != null && SqlStates.statementTimeout(cause);
        }
        return true;
    }

    private void startJobs() {
        for (Runnable job = jobs.start(); job != null; job = jobs.start()) {
            job.run();
        }
    }

    private void runSingle(QueuedRequest pending) {
        Runnable next = () -> {
            jobs.end(pending.organizationId());
            startJobs();
        };
        if (pending.operation instanceof RowOperation<?>) {
            runAlone(pending, 0, next);
        } else {
            QueryTransaction.run(database, organizations, pending)
                    .onComplete(result -> conclude(pending, result, next));
        }
    }

    /** Some milliseconds, by chance: what collided, on this node or others, must not come back together. */
    private static void afterPause(int retries, Runnable again) {
        long pauseMillis = ThreadLocalRandom.current().nextLong(1, 10L << retries);
        Objects.requireNonNull(Vertx.currentContext()).owner().setTimer(pauseMillis, ignored -> again.run());
    }

    /** A transaction of one request. After a failure that another try may survive, it pauses first. */
    private void runAlone(QueuedRequest pending, int retries, Runnable next) {
        carryOut(List.of(pending), config.database().lockTimeoutMillis(), NONE)
                .map(outcomes -> outcomes.get(0))
                .onComplete(result -> {
                    if (result.failed() && retries < MAX_SINGLE_RETRIES && worthRepeating(result.cause())) {
                        expectReplaysAfter(result.cause());
                        afterPause(retries, () -> runAlone(pending, retries + 1, next));
                    } else {
                        conclude(pending, result, next);
                    }
                });
    }

    private void conclude(QueuedRequest pending, AsyncResult<Outcome> result, Runnable next) {
        next.run();
        if (result.succeeded()) {
            advance(pending, result.result());
        } else if (SqlStates.lockTimeout(result.cause())) {
            answer(pending, LOCKED);
        } else {
            fail(pending, result.cause());
        }
    }

    private void advance(QueuedRequest pending, Outcome outcome) {
        if (outcome instanceof Outcome.Settled settled) {
            answer(pending, settled.answer());
            return;
        }
        if (outcome instanceof Outcome.Locked) {
            answer(pending, LOCKED);
            return;
        }
        if (outcome instanceof Outcome.Again) {
            enqueue(pending);
            return;
        }
        if (!(outcome instanceof Outcome.WaitForChange) && ++pending.rounds > QueuedRequest.MAX_ROUNDS) {
            answer(pending, Refusal.of(ErrorCode.AUTH_UNAVAILABLE, "Permissions keep changing; try again."));
            return;
        }
        Future<?> done = outcome instanceof Outcome.AskAuth ask
                ? ask(pending, ask.quotas())
                : outcome instanceof Outcome.TellAuth ? changes.tell(pending) : changes.await(pending);
        // No transaction is open while the auth service is asked. Then the request is queued again.
        done.onSuccess(ignored -> enqueue(pending)).onFailure(failure -> fail(pending, failure));
    }

    private Future<?> ask(QueuedRequest pending, List<Quota> quotas) {
        Map<Quota, PermissionAnswer> answers = new LinkedHashMap<>();
        List<Future<?>> questions = new ArrayList<>();
        for (Quota quota : quotas) {
            questions.add(bus.ask(new PermissionQuestion(pending.request.caller(), quota.id()))
                    .onSuccess(answer -> answers.put(quota, answer)));
        }
        return Future.all(questions)
                .compose(ignored -> firstExpiries(pending, answers))
                .onSuccess(expiries -> learn(pending, answers, expiries));
    }

    private void learn(QueuedRequest pending, Map<Quota, PermissionAnswer> answers, Map<String, Duration> expiries) {
        Map<String, KnownGrants.Entry> known = new HashMap<>(pending.grants.byQuotaId());
        answers.forEach((quota, answer) -> {
            known.put(quota.id(), new KnownGrants.Entry(answer.granted(), quota.grantsVersion()));
            grants.put(pending, quota, answer, expiries.get(quota.id()));
        });
        pending.grants = new KnownGrants(known);
    }

    /** When the caller's grants end that were made through this service: the auth service's answer is kept until then at most. */
    private Future<Map<String, Duration>> firstExpiries(QueuedRequest pending, Map<Quota, PermissionAnswer> answers) {
        List<String> granted = new ArrayList<>();
        answers.forEach((quota, answer) -> {
            if (!answer.granted().isEmpty()) {
                granted.add(quota.id());
            }
        });
        String organization = pending.organizationId();
        return granted.isEmpty()
                ? Future.succeededFuture(Map.of())
                : database.transaction(
                        SecurityScope.organization(organization),
                        connection -> GrantRows.firstExpiries(
                                connection,
                                organization,
                                pending.request.caller().userId(),
                                granted));
    }

    private void fail(QueuedRequest pending, Throwable failure) {
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
        } else if (SqlStates.lockTimeout(failure)) {
            answer(pending, LOCKED);
        } else {
            LOG.error("request {} failed", pending.request.requestId(), failure);
            answer(pending, Refusal.of(ErrorCode.INTERNAL_ERROR, "The request could not be carried out."));
        }
    }

    private void answer(QueuedRequest pending, Answer answer) {
        boolean recorded = answer instanceof Answer.Success success && !success.replayed();
        if (pending.claimed && !recorded) {
            pending.claimed = false;
            changes.giveUp(pending).onComplete(ignored -> answer(pending, answer));
            return;
        }
        // Only now it is certain: a transaction that failed after all has refused nothing.
        if (pending.usedAgain != null
                && answer instanceof Refusal refusal
                && refusal.code() == ErrorCode.CREDENTIAL_REPLAYED) {
            bus.credentialUses().count(pending.usedAgain);
        }
        share.leave(pending.organizationId(), pending.bytes);
        pending.promise.complete(answer);
    }
}
