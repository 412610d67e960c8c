package com.cagen.quota.auth;

import com.cagen.quota.auth.builtin.BuiltInAuthService;
import com.cagen.quota.auth.client.AuthServiceClient;
import com.cagen.quota.auth.client.AuthServiceException;
import com.cagen.quota.auth.client.PermissionQuestions;
import com.cagen.quota.config.Config;
import com.cagen.quota.delivery.AuthOutboxDelivery;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * The only way to the auth service: answers what the quota verticles ask, passes on what they tell, and delivers what is in the
 * outbox. Deploy one for each node; several may run.
 */
public final class AuthVerticle extends VerticleBase {
    private static final long DRAIN_INTERVAL_MILLIS = 1_000;

    private final Config config;
    private final InternalBus bus;
    private final Database database;
    private final String authServiceUrl;
    private final MeterRegistry metrics;

    private AuthServiceClient client;
    private AuthOutboxDelivery outbox;
    private long timer;

    /** @param authServiceUrl {@code http(s)://host:port[/prefix]}, the configured one or that of {@link BuiltInAuthService} */
    // Set by start(), which comes before anything else.
    @SuppressWarnings("NullAway.Init")
    public AuthVerticle(
            Config config, InternalBus bus, Database database, String authServiceUrl, MeterRegistry metrics) {
        this.config = config;
        this.bus = bus;
        this.database = database;
        this.authServiceUrl = authServiceUrl;
        this.metrics = metrics;
    }

    @Override
    public Future<?> start() {
        client = new AuthServiceClient(vertx, config, authServiceUrl);
        outbox = new AuthOutboxDelivery(vertx, database, client, config, metrics);
        bus.serveAuth(new PermissionQuestions(client::check)::ask, this::tell, outbox::restore);
        bus.onAuthNotification(outbox::drain);
        timer = vertx.setPeriodic(0, DRAIN_INTERVAL_MILLIS, ignored -> outbox.drain());
        return Future.succeededFuture();
    }

    /** @return true when the auth service confirmed, false when it refused */
    private Future<Boolean> tell(PermissionChange change) {
        Future<Void> registered = outbox.settleRegistration(change.caller().organizationId(), change.resourceId());
        // Registering grants nothing, so a revocation need not come after it.
        return (change.grant() ? registered : registered.otherwiseEmpty())
                .compose(ignored -> stillClaimed(change))
                .compose(claimed -> claimed
                        ? client.change(change).map(true)
                        : Future.failedFuture(AuthServiceException.unbelievable("the change took too long")))
                .recover(failure -> AuthServiceException.reason(failure) == null
                        ? Future.failedFuture(failure)
                        : Future.succeededFuture(false));
    }

    /** A node may have stood still for a while: what it tells late could undo what others told meanwhile. */
    private Future<Boolean> stillClaimed(PermissionChange change) {
        return database.transaction(
                SecurityScope.organization(change.caller().organizationId()),
                connection -> AuthOutboxRows.stillClaimed(
                        connection, change, 2 * config.auth().timeoutMillis()));
    }

    /** Whether the auth service answers; for health checks, from any thread, once deployed. */
    public Future<Void> readiness() {
        return client.readiness();
    }

    @Override
    public Future<?> stop() {
        vertx.cancelTimer(timer);
        return outbox.stop().eventually(client::close);
    }
}
