package com.cagen.quota.engine;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens to a grant or revocation between its two transactions (see {@link BatchTransaction}). Lives on its lane's context. */
final class GrantChanges {
    private static final Logger LOG = LoggerFactory.getLogger(GrantChanges.class);
    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final int LARGEST_PAUSE = 4; // doublings of the first

    private final InternalBus bus;
    private final Database database;
    private final Config.Auth settings;

    GrantChanges(InternalBus bus, Database database, Config.Auth settings) {
        this.bus = bus;
        this.database = database;
        this.settings = settings;
    }

    /** Has the auth service told, with no transaction open; fails unless it confirmed. */
    Future<Void> tell(QueuedRequest queued) {
        queued.told = QueuedRequest.Told.UNKNOWN;
        return bus.tell(Objects.requireNonNull(queued.authChange)).compose(answer -> {
            boolean confirmed = !Boolean.FALSE.equals(answer); // a node of an earlier release confirms with nothing
            queued.told = confirmed ? QueuedRequest.Told.CONFIRMED : QueuedRequest.Told.REFUSED;
            return confirmed
                    ? Future.succeededFuture()
                    : unavailable("The auth service refused this; nothing was changed.");
        });
    }

    /** A pause while another change is about the same user; fails once this has waited as long as a call may take. */
    Future<Void> await(QueuedRequest queued) {
        long now = System.nanoTime();
        if (queued.waits++ == 0) {
            queued.waitingSince = now;
        }
        if (TimeUnit.NANOSECONDS.toMillis(now - queued.waitingSince) > settings.timeoutMillis()) {
            return unavailable("The auth service is still being told of another change for this user; try again.");
        }
        long pauseMillis = FIRST_PAUSE_MILLIS << Math.min(queued.waits, LARGEST_PAUSE);
        return Objects.requireNonNull(Vertx.currentContext())
                .owner()
                .timer(pauseMillis, TimeUnit.MILLISECONDS)
                .mapEmpty();
    }

    private static Future<Void> unavailable(String message) {
        return Future.failedFuture(new RefusalException(Refusal.of(ErrorCode.AUTH_UNAVAILABLE, message)));
    }

    /**
     * Ends the claim of a change that is not recorded. What the auth service has confirmed is taken back before the client gets
     * its answer, if that takes no longer than one call; else, and for what it may have done, the outbox takes it back.
     *
     * @return never fails: without a database the claim runs out, and the outbox goes on from there
     */
    Future<Void> giveUp(QueuedRequest queued) {
        PermissionChange change = Objects.requireNonNull(queued.authChange);
        long uncertainMillis = queued.told == QueuedRequest.Told.UNKNOWN ? settings.uncertainMillis() : 0;
        return database.transaction(
                        SecurityScope.organization(queued.organizationId()),
                        connection -> queued.told == QueuedRequest.Told.REFUSED
                                ? AuthOutboxRows.endRefusedChange(connection, change)
                                : AuthOutboxRows.giveUpChange(connection, change, uncertainMillis))
                .compose(ignored -> {
                    if (queued.told == QueuedRequest.Told.CONFIRMED) {
                        return bus.restore(change).timeout(settings.timeoutMillis(), TimeUnit.MILLISECONDS);
                    }
                    bus.notifyAuth();
                    return Future.succeededFuture();
                })
                .recover(failure -> {
                    LOG.warn(
                            "the auth service is told later what is recorded for a user of quota {}: {}",
                            change.resourceId(),
                            failure.getMessage());
                    return Future.succeededFuture();
                });
    }
}
