package com.cagen.quota.engine;

import com.cagen.quota.config.Config;
import com.cagen.quota.engine.operation.Catalog;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.LaneServer;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One lane: answers the requests that its quotas hash to. */
public final class QuotaVerticle extends VerticleBase {
    private static final Logger LOG = LoggerFactory.getLogger(QuotaVerticle.class);
    private static final long MAINTENANCE_MILLIS = 10 * 60 * 1_000;
    private static final long DRAIN_POLL_MILLIS = 10;

    private final InternalBus bus;
    private final Database database;
    private final int number;
    private final Lane lane;
    private @Nullable LaneServer server;
    private boolean forgetting;

    /** @param number of this lane, from 0; lane 0 also looks after retention */
    public QuotaVerticle(
            Config config, InternalBus bus, Database database, Catalog catalog, MeterRegistry metrics, int number) {
        this.bus = bus;
        this.database = database;
        this.number = number;
        this.lane = new Lane(bus, database, catalog, config, metrics, number);
    }

    @Override
    public Future<?> start() {
        bus.onAuditLag(lane::auditLag);
        server = bus.serveLane(number, lane::submit);
        if (number > 0) {
            return Future.succeededFuture();
        }
        bus.serveVisibility(question -> database.transaction(
                SecurityScope.organization(question.organizationId()),
                connection -> QuotaRows.visibility(connection, question)));
        vertx.setPeriodic(MAINTENANCE_MILLIS, ignored -> maintain());
        // Without its partition no nonce can be claimed; what is to be forgotten can wait.
        return RequestRows.rollNonces(database).onSuccess(ignored -> forget());
    }

    private void maintain() {
        RequestRows.rollNonces(database).onFailure(QuotaVerticle::retentionFailed);
        forget();
    }

    private void forget() {
        if (!forgetting) {
            forgetting = true;
            RequestRows.forgetOperations(database)
                    .onFailure(QuotaVerticle::retentionFailed)
                    .onComplete(ignored -> forgetting = false);
        }
    }

    private static void retentionFailed(Throwable failure) {
        LOG.warn("retention did not run: {}", failure.getMessage());
    }

    /** Ends when every request that was taken has its answer. */
    @Override
    public Future<?> stop() {
        if (server != null) {
            server.close();
        }
        Promise<Void> idle = Promise.promise();
        awaitIdle(idle);
        return idle.future();
    }

    private void awaitIdle(Promise<Void> idle) {
        if (lane.unanswered() == 0) {
            idle.complete();
        } else {
            vertx.setTimer(DRAIN_POLL_MILLIS, ignored -> awaitIdle(idle));
        }
    }
}
