package com.cagen.quota.upkeep;

import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Catalog;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the system's own operations out: looks for what is due about every second, and sends it to the lanes, as if a client
 * had asked for it. Every node with the role quota does so, whatever the others do: an operation that is not due any more does
 * nothing.
 */
public final class UpkeepVerticle extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(UpkeepVerticle.class);
    private static final long PAUSE_MILLIS = 1_000;
    /** Requests of one operation that are under way at the same time. */
    private static final int AT_ONCE = 100;

    private static final QuotaKey BEFORE_ALL = new QuotaKey("", "");

    private final InternalBus bus;
    private final Database database;
    private final List<Task> tasks;
    private @Nullable RequestChannel channel;
    private Future<?> sweep = Future.succeededFuture();
    private boolean stopping;

    /** An operation, with its metrics. */
    private record Task(SystemOperation<?> operation, Counter done, Counter failed) {
        Task(SystemOperation<?> operation, MeterRegistry metrics) {
            this(
                    operation,
                    counter("done", "Operations that the system carried out", operation, metrics),
                    counter(
                            "failed",
                            "Operations that the system could not carry out; it tries again",
                            operation,
                            metrics));
        }

        private static Counter counter(
                String name, String description, SystemOperation<?> operation, MeterRegistry metrics) {
            return Counter.builder("cagen.quota.upkeep." + name)
                    .description(description)
                    .tag("operation", operation.name().text())
                    .register(metrics);
        }
    }

    public UpkeepVerticle(InternalBus bus, Database database, Catalog catalog, MeterRegistry metrics) {
        this.bus = bus;
        this.database = database;
        this.tasks = catalog.systems().stream()
                .map(operation -> new Task(operation, metrics))
                .toList();
    }

    @Override
    public Future<?> start() {
        channel = bus.openChannel();
        vertx.setTimer(PAUSE_MILLIS, ignored -> sweep());
        return channel.ready();
    }

    /** Ends when nothing is under way any more. */
    @Override
    public Future<?> stop() {
        stopping = true;
        return sweep;
    }

    private void sweep() {
        if (stopping) {
            return;
        }
        sweep = Future.join(
                        tasks.stream().map(task -> carryOut(task, BEFORE_ALL)).toList())
                .otherwiseEmpty()
                .onSuccess(ignored -> vertx.setTimer(PAUSE_MILLIS, timer -> sweep()));
    }

    private Future<Void> carryOut(Task task, QuotaKey after) {
        return database.transaction(
                        SecurityScope.maintenance(), connection -> task.operation.due(connection, after, AT_ONCE))
                .onFailure(failure -> {
                    task.failed.increment();
                    LOG.warn("what {} is due for cannot be looked up: {}", task.operation.name(), failure.getMessage());
                })
                .compose(due -> send(task, due)
                        .compose(ignored -> due.size() < AT_ONCE || stopping
                                ? Future.succeededFuture()
                                : carryOut(task, due.get(due.size() - 1))));
    }

    private Future<Void> send(Task task, List<QuotaKey> due) {
        List<Future<Answer>> answers = new ArrayList<>(due.size());
        for (QuotaKey quota : due) {
            answers.add(Objects.requireNonNull(channel).send(task.operation.request(quota)));
        }
        return Future.all(answers).onSuccess(all -> count(task, all.list())).mapEmpty();
    }

    private static void count(Task task, List<Answer> answers) {
        List<Refusal> refusals = new ArrayList<>(0);
        for (Answer answer : answers) {
            if (answer instanceof Answer.Success) {
                task.done.increment();
            } else if (answer instanceof Refusal refusal && refusal.code() != ErrorCode.QUOTA_NOT_FOUND) {
                refusals.add(refusal); // else it was released meanwhile
            }
        }
        if (!refusals.isEmpty()) {
            task.failed.increment(refusals.size());
            LOG.warn(
                    "{} could not be carried out on {} quotas and is tried again: {}",
                    task.operation.name(),
                    refusals.size(),
                    refusals.get(0).message());
        }
    }
}
