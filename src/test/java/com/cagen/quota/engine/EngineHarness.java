package com.cagen.quota.engine;

import com.cagen.quota.audit.AuditVerticle;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The lanes on a real database, with an auth service that the test plays. */
final class EngineHarness implements AutoCloseable {
    final String url;
    /** Keys are {@code user/quota}. */
    final Map<String, Set<Permission>> grants = new ConcurrentHashMap<>();

    final Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
    volatile boolean authDown;
    /** Why nothing can be had from the auth service while it is down. */
    volatile ErrorCode authFailure = ErrorCode.AUTH_UNAVAILABLE;

    private final Vertx vertx = Vertx.vertx();
    private final Context context = vertx.getOrCreateContext();
    final Database database;
    private final Config config;
    private final InternalBus bus;
    private final RequestChannel channel;

    EngineHarness() {
        this(TestDatabase.create());
    }

    private EngineHarness(String url) {
        this(url, url);
    }

    /**
     * @param url of an empty database
     * @param serviceUrl by which the service gets to it
     */
    EngineHarness(String url, String serviceUrl) {
        this(url, serviceUrl, true);
    }

    /** Whose audit trail waits until {@link #startAudit}. */
    static EngineHarness withoutAudit() {
        String url = TestDatabase.create();
        return new EngineHarness(url, url, false);
    }

    private EngineHarness(String url, String serviceUrl, boolean withAudit) {
        this.url = url;
        config = TestConfig.of(serviceUrl);
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        database = Database.open(vertx, DatabaseUrl.parse(serviceUrl), config.database(), "test", 8);
        bus = new InternalBus(
                vertx,
                Operations.CATALOG::commandType,
                config.lanes().count(),
                config.database().busTimeoutMillis());
        bus.serveAuth(
                question -> authDown
                        ? down()
                        : Future.succeededFuture(new PermissionAnswer(
                                grants.getOrDefault(question.caller().userId() + "/" + question.resourceId(), Set.of()),
                                30)),
                change -> {
                    if (authDown) {
                        return down();
                    }
                    Set<Permission> held = grants.computeIfAbsent(
                            change.targetUserId() + "/" + change.resourceId(),
                            ignored -> EnumSet.noneOf(Permission.class));
                    change.permissions().forEach(change.grant() ? held::add : held::remove);
                    return Future.succeededFuture(true);
                },
                change -> Future.succeededFuture());
        for (int lane = 0; lane < config.lanes().count(); lane++) {
            await(vertx.deployVerticle(
                    new QuotaVerticle(config, bus, database, Operations.CATALOG, new SimpleMeterRegistry(), lane),
                    new DeploymentOptions()));
        }
        if (withAudit) {
            startAudit(config.audit().drainIntervalMillis());
        }
        bus.onEvent(events::add);
        Promise<RequestChannel> opened = Promise.promise();
        context.runOnContext(ignored -> opened.complete(bus.openChannel()));
        channel = await(opened.future());
    }

    /** @param drainIntervalMillis how often it looks by itself, however little it hears */
    void startAudit(long drainIntervalMillis) {
        Config.Audit settings = new Config.Audit(drainIntervalMillis, drainIntervalMillis + 60_000, null);
        await(vertx.deployVerticle(
                new AuditVerticle(TestConfig.withAudit(config, settings), bus, database, new SimpleMeterRegistry())));
    }

    /** As when the node stops. */
    Future<Void> flushRefusals() {
        return bus.flushRefusals();
    }

    private <T> Future<T> down() {
        return Future.failedFuture(new RefusalException(Refusal.of(authFailure, "down")));
    }

    static Caller caller(String organization, String user, String... teams) {
        return new Caller(organization, user, "svc_cagen_quota", List.of(teams));
    }

    Future<Answer> send(Caller caller, @Nullable String key, Input command) {
        return send(caller, new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis()), key, command);
    }

    Future<Answer> send(Caller caller, Nonce nonce, @Nullable String key, Input command) {
        Promise<Answer> answer = Promise.promise();
        Request request = new Request("req-test", caller, nonce, key, Commands.nameOf(command), command);
        context.runOnContext(ignored -> channel.send(request).onComplete(answer));
        return answer.future();
    }

    /** The answer's data; the operation must succeed. */
    JsonObject done(Caller caller, Input command) {
        Answer answer = await(send(caller, null, command));
        if (answer instanceof Answer.Success success) {
            return new JsonObject(success.data());
        }
        throw new AssertionError(answer);
    }

    /** The refusal; the operation must not succeed. */
    Refusal refused(Caller caller, Input command) {
        Answer answer = await(send(caller, null, command));
        if (answer instanceof Refusal refusal) {
            return refusal;
        }
        throw new AssertionError(answer);
    }

    static <T> T await(Future<T> future) {
        try {
            return future.await(20, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("no answer in time", e);
        }
    }

    @Override
    public void close() {
        await(vertx.close());
    }
}
