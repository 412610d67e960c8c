package com.cagen.quota.auth;

import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.PermissionChange;
import com.cagen.quota.storage.AuthOutboxRows;
import com.cagen.quota.storage.AuthOutboxRows.Claimed;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.Scope;
import io.vertx.circuitbreaker.OpenCircuitException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the auth service of new quotas until it has understood: at least once, in order for each quota, and never with a
 * transaction open meanwhile.
 *
 * <p>A message is claimed, delivered, deleted. The claim keeps other nodes from delivering it as well: a late second delivery
 * could give back what a client has revoked in between. For the same reason {@link #settle} comes before any change that a
 * client asks for.
 */
final class AuthOutbox {
    /** How long a message is ours. Delivery gives up before; a node that died in between delays it by this much. */
    static final long CLAIM_MILLIS = 30_000;

    static final long MAX_BACKOFF_MILLIS = 60_000;

    private static final Logger LOG = LoggerFactory.getLogger(AuthOutbox.class);
    private static final long FIRST_BACKOFF_MILLIS = 500;
    private static final long SETTLE_PAUSE_MILLIS = 25;
    /** Messages delivered at once, and grants of one message told at once: together within the client's connections. */
    private static final int MESSAGES_AT_ONCE = 8;

    private static final int GRANTS_AT_ONCE = 4;

    private final Vertx vertx;
    private final Database database;
    private final AuthServiceClient client;
    private final String serviceId;
    private final long timeoutMillis;

    private @Nullable Future<Void> running;
    private boolean again;
    private boolean stopped;

    /**
     * @param serviceId in whose name the auth service is told
     * @param timeoutMillis of one call
     */
    AuthOutbox(Vertx vertx, Database database, AuthServiceClient client, String serviceId, long timeoutMillis) {
        this.vertx = vertx;
        this.database = database;
        this.client = client;
        this.serviceId = serviceId;
        this.timeoutMillis = timeoutMillis;
    }

    /** Delivers what is due; one run at a time, another one after it when asked meanwhile or when there was a lot. */
    void drain() {
        if (running != null) {
            again = true;
            return;
        }
        if (stopped || !client.accepting()) {
            return;
        }
        again = false;
        Future<Integer> pass = pass();
        running = pass.mapEmpty();
        pass.onComplete(result -> {
            running = null;
            if (result.failed()) {
                LOG.warn("the auth outbox could not be read: {}", result.cause().getMessage());
            } else if (again || result.result() > 0) {
                // From a fresh stack: a long backlog takes many runs.
                vertx.runOnContext(ignored -> drain());
            }
        });
    }

    /** @return how many messages were delivered */
    private Future<Integer> pass() {
        return database.transaction(Scope.maintenance(), AuthOutboxRows::organizationsDue)
                .compose(organizations -> {
                    Future<Integer> delivered = Future.succeededFuture(0);
                    for (String organization : organizations) {
                        delivered = delivered.compose(
                                before -> drainOrganization(organization).map(now -> before + now));
                    }
                    return delivered;
                });
    }

    private Future<Integer> drainOrganization(String organizationId) {
        if (stopped || !client.accepting()) {
            return Future.succeededFuture(0);
        }
        long claimedAt = System.nanoTime();
        return database.transaction(
                        Scope.organization(organizationId),
                        connection ->
                                AuthOutboxRows.claimDue(connection, organizationId, CLAIM_MILLIS, MESSAGES_AT_ONCE))
                .compose(claimed -> {
                    List<Future<Void>> deliveries =
                            claimed.stream().map(one -> deliver(one, claimedAt)).toList();
                    return Future.join(deliveries)
                            .transform(ignored -> Future.succeededFuture((int) deliveries.stream()
                                    .filter(Future::succeeded)
                                    .count()));
                });
    }

    /**
     * Delivers what a quota's creation has left, waiting for whoever is about it, so that a client's change comes after it.
     *
     * @return fails when that is not done in time
     */
    Future<Void> settle(String organizationId, String quotaId) {
        return settle(organizationId, quotaId, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
    }

    private Future<Void> settle(String organizationId, String quotaId, long deadlineNanos) {
        long claimedAt = System.nanoTime();
        return database.transaction(Scope.organization(organizationId), connection -> AuthOutboxRows.pending(
                                connection, organizationId, quotaId)
                        .compose(pending -> pending
                                ? AuthOutboxRows.claimOfQuota(connection, organizationId, quotaId, CLAIM_MILLIS)
                                        .map(claimed -> new Pending(true, claimed))
                                : Future.succeededFuture(new Pending(false, List.of()))))
                .compose(found -> {
                    if (!found.any()) {
                        return Future.succeededFuture();
                    }
                    if (System.nanoTime() - deadlineNanos > 0) {
                        Future<?> released = found.claimed().isEmpty()
                                ? Future.succeededFuture()
                                : release(found.claimed().get(0));
                        return released.transform(ignored -> Future.failedFuture(AuthServiceException.refused(
                                "the quota is still being registered with the auth service")));
                    }
                    Future<?> progress = found.claimed().isEmpty()
                            ? vertx.timer(SETTLE_PAUSE_MILLIS, TimeUnit.MILLISECONDS)
                            : deliver(found.claimed().get(0), claimedAt);
                    return progress.compose(ignored -> settle(organizationId, quotaId, deadlineNanos));
                });
    }

    /** @param claimed at most one message, now this node's */
    private record Pending(boolean any, List<Claimed> claimed) {}

    private Future<Void> deliver(Claimed claimed, long claimedAtNanos) {
        return tell(claimed, claimedAtNanos)
                .compose(told -> database.transaction(
                        Scope.organization(claimed.organizationId()),
                        connection -> AuthOutboxRows.delivered(connection, claimed)))
                .recover(failure -> giveBack(claimed, failure).transform(ignored -> Future.failedFuture(failure)));
    }

    private Future<Void> giveBack(Claimed claimed, Throwable failure) {
        if (failure instanceof OpenCircuitException) {
            // Not even tried: while the breaker is half open one call is let through, and it may be another message's.
            return release(claimed);
        }
        long delayMillis = backoffMillis(claimed.attempts());
        LOG.warn(
                "quota {} could not be registered with the auth service, again in {} ms: {}",
                claimed.quotaId(),
                delayMillis,
                failure.getMessage());
        return database.transaction(
                Scope.organization(claimed.organizationId()),
                connection -> AuthOutboxRows.postpone(connection, claimed, delayMillis));
    }

    private Future<Void> release(Claimed claimed) {
        return database.transaction(
                Scope.organization(claimed.organizationId()),
                connection -> AuthOutboxRows.release(connection, claimed));
    }

    static long backoffMillis(int attemptsBefore) {
        return Math.min(MAX_BACKOFF_MILLIS, FIRST_BACKOFF_MILLIS << Math.min(attemptsBefore, 10));
    }

    private Future<Void> tell(Claimed claimed, long claimedAtNanos) {
        var message = claimed.message();
        Caller creator = new Caller(claimed.organizationId(), message.userId(), serviceId, message.teamIds());
        Future<Void> told = inTime(claimedAtNanos)
                .compose(ignored -> client.registerResource(
                        creator, claimed.quotaId(), message.displayName(), message.description()));
        List<String> admins = message.adminUserIds();
        for (int from = 0; from < admins.size(); from += GRANTS_AT_ONCE) {
            List<String> some = admins.subList(from, Math.min(admins.size(), from + GRANTS_AT_ONCE));
            told = told.compose(ignored -> inTime(claimedAtNanos)).compose(ignored -> Future.join(some.stream()
                            .map(admin -> client.change(new PermissionChange(
                                    creator,
                                    claimed.quotaId(),
                                    admin,
                                    List.of(Permission.READ, Permission.ADMIN),
                                    true)))
                            .toList())
                    .mapEmpty());
        }
        return told;
    }

    /** Fails when another call might still be under way after the claim has run out. */
    private Future<Void> inTime(long claimedAtNanos) {
        long passed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - claimedAtNanos);
        return passed + 2 * timeoutMillis < CLAIM_MILLIS
                ? Future.succeededFuture()
                : Future.failedFuture(AuthServiceException.refused("its delivery takes too long"));
    }

    /** Begins nothing more and waits for what is under way. */
    Future<Void> stop() {
        stopped = true;
        Future<Void> last = running;
        return last == null ? Future.succeededFuture() : last.otherwiseEmpty();
    }
}
