package com.cagen.quota.auth;

import com.cagen.quota.bus.Bus;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.PermissionChange;
import com.cagen.quota.storage.Database;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * The only way to the auth service: answers what the quota verticles ask, passes on what they tell, and delivers what creations
 * left in the outbox. Deploy one for each node; several may run.
 */
public final class AuthVerticle extends VerticleBase {
    private static final long DRAIN_INTERVAL_MILLIS = 1_000;

    private final Config config;
    private final Bus bus;
    private final Database database;
    private final String authServiceUrl;

    private AuthServiceClient client;
    private AuthOutbox outbox;
    private long timer;

    /** @param authServiceUrl {@code http(s)://host:port[/prefix]}, the configured one or that of {@link BuiltInAuthService} */
    // Set by start(), which comes before anything else.
    @SuppressWarnings("NullAway.Init")
    public AuthVerticle(Config config, Bus bus, Database database, String authServiceUrl) {
        this.config = config;
        this.bus = bus;
        this.database = database;
        this.authServiceUrl = authServiceUrl;
    }

    @Override
    public Future<?> start() {
        client = new AuthServiceClient(vertx, config, authServiceUrl);
        outbox = new AuthOutbox(
                vertx, database, client, config.serviceId(), config.auth().timeoutMillis());
        bus.serveAuth(new PermissionQuestions(client::check)::ask, this::tell);
        bus.onAuthBell(outbox::drain);
        timer = vertx.setPeriodic(0, DRAIN_INTERVAL_MILLIS, ignored -> outbox.drain());
        return Future.succeededFuture();
    }

    /** After what the quota's creation left to tell, or that would later undo a revocation. */
    private Future<Void> tell(PermissionChange change) {
        return outbox.settle(change.caller().organizationId(), change.resourceId())
                .compose(settled -> client.change(change));
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
