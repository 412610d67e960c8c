package com.cagen.quota.delivery;

import com.cagen.quota.auth.client.AuthServiceClient;
import com.cagen.quota.auth.client.AuthServiceException;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.rows.AuthOutboxRows.Claimed;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.QuotaWrites;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.circuitbreaker.OpenCircuitException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Instant;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the auth service of new quotas, and of the grants recorded for a user, until it has understood or refused: at least
 * once, and never with a transaction open meanwhile.
 *
 * <p>A message is claimed, delivered, deleted. The claim keeps other nodes, and clients' changes for the same user, from
 * telling the auth service something else at the same time. What is told of a user is read when it is told, and cannot change
 * while the message is claimed.
 */
public final class AuthOutboxDelivery {
    static final long MAX_BACKOFF_MILLIS = 60_000;

    private static final Logger LOG = LoggerFactory.getLogger(AuthOutboxDelivery.class);
    private static final long FIRST_BACKOFF_MILLIS = 500;
    private static final long SETTLE_PAUSE_MILLIS = 25;
    /** Messages delivered at once; each makes one call at a time, so together they stay within the client's connections. */
    private static final int MESSAGES_AT_ONCE = 8;
    /** How often a refused revocation is tried, as long as the user may hold what is not recorded: about five minutes. */
    private static final int REVOCATION_ATTEMPTS = 10;

    private final Vertx vertx;
    private final Database database;
    private final AuthServiceClient client;
    private final Config.Auth settings;
    private final RefusedGrants refusedMessages;
    private final String serviceId;
    private final Counter refusedRegistrations;
    private final Counter refusedGrants;
    private final Counter refusedRevocations;

    private @Nullable Future<Void> running;
    private boolean again;
    private boolean stopped;

    /** The service id of {@code config} is the one in whose name the auth service is told. */
    public AuthOutboxDelivery(
            Vertx vertx, Database database, AuthServiceClient client, Config config, MeterRegistry metrics) {
        this.vertx = vertx;
        this.database = database;
        this.client = client;
        this.settings = config.auth();
        this.serviceId = config.serviceId();
        this.refusedMessages = new RefusedGrants();
        this.refusedRegistrations = refusals(metrics, "registration");
        this.refusedGrants = refusals(metrics, "grant");
        this.refusedRevocations = refusals(metrics, "revocation");
    }

    private static Counter refusals(MeterRegistry metrics, String kind) {
        return Counter.builder("cagen_quota_auth_refused")
                .description("Messages that the auth service refused for good")
                .tag("kind", kind)
                .register(metrics);
    }

    /** Delivers what is due; one run at a time, another one after it when asked meanwhile or when there was a lot. */
    public void drain() {
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
        return database.transaction(SecurityScope.maintenance(), AuthOutboxRows::organizationsDue)
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
                        SecurityScope.organization(organizationId),
                        connection -> AuthOutboxRows.claimDue(
                                connection, organizationId, settings.claimMillis(), MESSAGES_AT_ONCE))
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
     * Makes a quota known that is not known yet, waiting for whoever is about it: a grant may need it.
     *
     * @return fails when that is not done in time
     */
    public Future<Void> settleRegistration(String organizationId, String quotaId) {
        return settle(
                organizationId, quotaId, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(settings.timeoutMillis()));
    }

    private Future<Void> settle(String organizationId, String quotaId, long deadlineNanos) {
        long claimedAt = System.nanoTime();
        return database.transaction(
                        SecurityScope.organization(organizationId),
                        connection -> AuthOutboxRows.registrationPending(connection, organizationId, quotaId)
                                .compose(pending -> pending
                                        ? AuthOutboxRows.claimRegistration(
                                                        connection, organizationId, quotaId, settings.claimMillis())
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
                        return released.transform(ignored -> Future.failedFuture(AuthServiceException.unbelievable(
                                "the quota is still being registered with the auth service")));
                    }
                    Future<?> progress = found.claimed().isEmpty()
                            ? vertx.timer(SETTLE_PAUSE_MILLIS, TimeUnit.MILLISECONDS)
                            : deliver(found.claimed().get(0), claimedAt).onSuccess(ignored -> drain());
                    return progress.compose(ignored -> settle(organizationId, quotaId, deadlineNanos));
                });
    }

    /** @param claimed at most one message, now this node's */
    private record Pending(boolean any, List<Claimed> claimed) {}

    /**
     * Tells the auth service what is recorded for the target of a change, if a message says that it must be told and nobody
     * else is about it.
     *
     * @return when that was tried: the message stays until it succeeds
     */
    public Future<Void> restore(PermissionChange change) {
        String organization = change.caller().organizationId();
        long claimedAt = System.nanoTime();
        return database.transaction(
                        SecurityScope.organization(organization),
                        connection -> AuthOutboxRows.claimTarget(
                                connection,
                                organization,
                                change.resourceId(),
                                change.targetUserId(),
                                settings.claimMillis()))
                .compose(claimed -> claimed.isEmpty()
                        ? Future.succeededFuture()
                        : deliver(claimed.get(0), claimedAt).otherwiseEmpty());
    }

    private Future<Void> deliver(Claimed claimed, long claimedAtNanos) {
        Future<Void> delivered = claimed.target() == null
                ? register(claimed, claimedAtNanos)
                : tellRecorded(claimed, claimed.target(), claimedAtNanos);
        return delivered.recover(
                failure -> giveBack(claimed, failure).transform(ignored -> Future.failedFuture(failure)));
    }

    private Future<Void> giveBack(Claimed claimed, Throwable failure) {
        if (failure instanceof OpenCircuitException) {
            // Not even tried: while the breaker is half open one call is let through, and it may be another message's.
            return release(claimed);
        }
        long delayMillis = backoffMillis(claimed.attempts());
        LOG.warn(
                "the auth service could not be told of quota {}, again in {} ms: {}",
                claimed.quotaId(),
                delayMillis,
                failure.getMessage());
        // Registering twice, in whatever order, does no harm.
        boolean uncertain = claimed.target() != null && AuthServiceException.mayStillHappen(failure);
        long uncertainMillis = uncertain ? settings.uncertainMillis() : 0;
        return database.transaction(
                SecurityScope.organization(claimed.organizationId()),
                connection -> AuthOutboxRows.postpone(connection, claimed, delayMillis, uncertainMillis));
    }

    private Future<Void> release(Claimed claimed) {
        return database.transaction(
                SecurityScope.organization(claimed.organizationId()),
                connection -> AuthOutboxRows.release(connection, claimed));
    }

    public static long backoffMillis(int attemptsBefore) {
        return Math.min(MAX_BACKOFF_MILLIS, FIRST_BACKOFF_MILLIS << Math.min(attemptsBefore, 10));
    }

    private Future<Void> register(Claimed claimed, long claimedAtNanos) {
        var message = claimed.message();
        return inTime(claimedAtNanos)
                .compose(ignored -> client.registerResource(
                        sender(claimed), claimed.quotaId(), message.displayName(), message.description()))
                .<@Nullable String>mapEmpty()
                .recover(AuthOutboxDelivery::reason)
                .compose(refused -> conclude(claimed, new AuthRefusal(refused, null)));
    }

    /** Succeeds with the reason when the auth service refused. */
    private static Future<@Nullable String> reason(Throwable failure) {
        String reason = AuthServiceException.reason(failure);
        return reason == null ? Future.failedFuture(failure) : Future.succeededFuture(reason);
    }

    private Caller sender(Claimed claimed) {
        var message = claimed.message();
        return new Caller(claimed.organizationId(), message.userId(), serviceId, message.teamIds());
    }

    /** What is recorded for one user, and in whose name it is told. */
    private record Recorded(Caller sender, Map<Permission, Optional<Instant>> held) {}

    private Future<Void> tellRecorded(Claimed claimed, String target, long claimedAtNanos) {
        return database.transaction(
                        SecurityScope.organization(claimed.organizationId()),
                        connection -> recorded(connection, claimed, target))
                .compose(recorded -> tell(claimed, target, recorded, claimedAtNanos))
                .compose(told -> conclude(claimed, told));
    }

    private Future<Recorded> recorded(DatabaseSession connection, Claimed claimed, String target) {
        QuotaKey key = new QuotaKey(claimed.organizationId(), claimed.quotaId());
        Future<Quota> quota = QuotaRows.find(connection, List.of(key)).map(found -> found.get(key));
        GrantKey grant = new GrantKey(claimed.organizationId(), claimed.quotaId(), target);
        return GrantRows.findWithExpiries(connection, List.of(grant))
                .compose(grants -> quota.map(row -> {
                    Map<Permission, Optional<Instant>> held = new EnumMap<>(Permission.class);
                    held.putAll(grants.getOrDefault(grant, Map.of()));
                    Caller sender = sender(claimed);
                    if (row != null && row.ownerIds().contains(target)) {
                        held.put(Permission.OWNER, Optional.empty());
                    }
                    boolean restores = claimed.kind() != AuthOutboxRows.Kind.GRANT;
                    if (row != null && restores && !row.ownedBy(sender.userId())) {
                        // Whoever asked for the change may have lost the permission to make it.
                        sender = new Caller(claimed.organizationId(), row.ownerId(), serviceId, List.of());
                    }
                    return new Recorded(sender, held);
                }));
    }

    private Future<AuthRefusal> tell(Claimed claimed, String target, Recorded recorded, long claimedAtNanos) {
        Set<Permission> held = recorded.held().keySet();
        return grantAll(claimed, target, recorded, claimedAtNanos).compose(refused -> {
            Set<Permission> left = EnumSet.allOf(Permission.class);
            if (refused == null) {
                left.removeAll(held);
            } else if (held.contains(Permission.OWNER)) {
                left.remove(Permission.OWNER); // decided here, whatever the auth service says
            }
            boolean nothingElseWasTold =
                    claimed.kind() == AuthOutboxRows.Kind.GRANT && (refused == null || claimed.attempts() == 0);
            if (left.isEmpty() || nothingElseWasTold) {
                return Future.succeededFuture(new AuthRefusal(refused, null));
            }
            boolean last = claimed.attempts() >= REVOCATION_ATTEMPTS;
            return inTime(claimedAtNanos)
                    .compose(ignored -> client.change(change(claimed, target, recorded, left, false, null)))
                    .map(ignored -> new AuthRefusal(refused, null))
                    .recover(failure -> {
                        String reason = AuthServiceException.reason(failure);
                        return reason != null && last
                                ? Future.succeededFuture(new AuthRefusal(refused, reason))
                                : Future.failedFuture(failure);
                    });
        });
    }

    /** One call for all that expires at the same time. Succeeds with the reason when one of them was refused. */
    private Future<@Nullable String> grantAll(Claimed claimed, String target, Recorded recorded, long claimedAtNanos) {
        Future<@Nullable String> told = Future.succeededFuture(null);
        for (var each : GrantRows.byExpiry(recorded.held()).entrySet()) {
            PermissionChange change = change(
                    claimed,
                    target,
                    recorded,
                    each.getValue(),
                    true,
                    each.getKey().orElse(null));
            told = told.compose(refused -> refused != null
                    ? Future.succeededFuture(refused)
                    : inTime(claimedAtNanos)
                            .compose(ignored -> client.change(change))
                            .<@Nullable String>mapEmpty()
                            .recover(AuthOutboxDelivery::reason));
        }
        return told;
    }

    private static PermissionChange change(
            Claimed claimed,
            String target,
            Recorded recorded,
            Collection<Permission> permissions,
            boolean grant,
            @Nullable Instant expiresAt) {
        return new PermissionChange(
                claimed.claim(),
                recorded.sender(),
                claimed.quotaId(),
                target,
                permissions.stream().sorted().toList(),
                grant,
                expiresAt);
    }

    /** Removes the message; what was refused for good is withdrawn and recorded in the trail in the same transaction. */
    private Future<Void> conclude(Claimed claimed, AuthRefusal told) {
        QuotaKey key = new QuotaKey(claimed.organizationId(), claimed.quotaId());
        boolean registration = claimed.target() == null;
        Future<Boolean> concluded = database.transaction(
                SecurityScope.organization(claimed.organizationId()),
                // The quota first, then the message, as clients' changes do.
                connection -> QuotaRows.lock(connection, List.of(key)).compose(found -> {
                    Quota quota = found.get(key);
                    return (registration
                                    ? AuthOutboxRows.registered(connection, claimed)
                                    : AuthOutboxRows.delivered(connection, claimed))
                            .compose(mine -> {
                                if (!mine || quota == null) {
                                    return Future.succeededFuture(mine);
                                }
                                if (told.refused()) {
                                    return refusedMessages
                                            .conclude(connection, quota, claimed, told)
                                            .map(true);
                                }
                                return registration
                                        ? Future.succeededFuture(true)
                                        // Ends what was learnt before it was told.
                                        : QuotaWrites.update(connection, quota.withGrantsForgotten())
                                                .map(true);
                            });
                }));
        return concluded
                .onSuccess(mine -> {
                    if (mine && told.refused()) {
                        count(claimed, told);
                    }
                })
                .mapEmpty();
    }

    private void count(Claimed claimed, AuthRefusal told) {
        if (told.grant() != null) {
            (claimed.target() == null ? refusedRegistrations : refusedGrants).increment();
        }
        if (told.revocation() != null && told.grant() == null) {
            refusedRevocations.increment();
        }
        LOG.warn("the auth service refused for good what it was told of quota {}", claimed.quotaId());
    }

    /** Fails when another call might still be under way after the claim has run out. */
    private Future<Void> inTime(long claimedAtNanos) {
        long passed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - claimedAtNanos);
        return passed + 2 * settings.timeoutMillis() < settings.claimMillis()
                ? Future.succeededFuture()
                : Future.failedFuture(AuthServiceException.unbelievable("its delivery takes too long"));
    }

    /** Begins nothing more and waits for what is under way. */
    public Future<Void> stop() {
        stopped = true;
        Future<Void> last = running;
        return last == null ? Future.succeededFuture() : last.otherwiseEmpty();
    }
}
