package com.cagen.quota.entry.http;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.AsyncResult;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
import io.vertx.ext.healthchecks.Status;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this node works. Shared by all event loops. What is asked of it within a second is answered from one round of
 * checks, as anybody may ask. Answers name the checks, never what is wrong with them: that goes to the log.
 */
public final class HealthRoutes {
    private static final Logger LOG = LoggerFactory.getLogger(HealthRoutes.class);
    private static final long CHECK_TIMEOUT_MILLIS = 2_000;
    private static final long KEPT_NANOS = 1_000_000_000;

    private final HealthChecks checks;
    private volatile boolean stopping;

    /**
     * @param checks by name, such as {@code database}; a failed future, or none within 2 s, means down
     */
    public HealthRoutes(Vertx vertx, Map<String, Supplier<Future<Void>>> checks) {
        this.checks = HealthChecks.create(vertx);
        checks.forEach((name, check) -> this.checks.register(name, CHECK_TIMEOUT_MILLIS, promise -> check.get()
                .map(ignored -> Status.OK())
                .onFailure(failure -> LOG.warn("health check {} failed", name, failure))
                .onComplete(promise)));
    }

    /** From now on the node is not ready: to be called first when it stops. */
    public void stop() {
        stopping = true;
    }

    void mount(Router router) {
        Routes routes = new Routes();
        router.get("/health").handler(routes::overall);
        router.get("/health/ready").handler(routes::overall);
        router.get("/health/live").handler(context -> {
            RequestContext.of(context).route = "/health/live";
            HttpAnswers.succeed(context, "The process works.", up(new JsonObject()));
        });
    }

    private static JsonObject up(JsonObject checks) {
        return new JsonObject().put("status", "up").put("checks", checks);
    }

    /** One event loop's: a result comes back on the loop that asked for it. */
    private final class Routes {
        private @Nullable Future<CheckResult> last;
        private long lastNanos;

        void overall(RoutingContext context) {
            RequestContext.of(context).route = context.currentRoute().getPath();
            if (stopping) {
                HttpAnswers.refuse(
                        context,
                        new Refusal(ErrorCode.OVERLOADED, "The service is stopping.", Map.of("status", "down")));
                return;
            }
            current().onComplete(result -> answer(context, result));
        }

        private Future<CheckResult> current() {
            long now = System.nanoTime();
            if (last == null || now - lastNanos > KEPT_NANOS) {
                last = checks.checkStatus();
                lastNanos = now;
            }
            return last;
        }

        private void answer(RoutingContext context, AsyncResult<CheckResult> result) {
            JsonObject states = new JsonObject();
            if (result.succeeded() && result.result().getChecks() != null) {
                result.result()
                        .getChecks()
                        .forEach(check -> states.put(check.getId(), CheckResult.isUp(check) ? "up" : "down"));
            }
            if (result.succeeded() && CheckResult.isUp(result.result())) {
                HttpAnswers.succeed(context, "The service works.", up(states));
            } else {
                HttpAnswers.refuse(
                        context,
                        new Refusal(
                                codeOf(states),
                                "The service does not work at the moment.",
                                Map.of("status", "down", "checks", states.getMap())));
            }
        }
    }

    private static ErrorCode codeOf(JsonObject states) {
        if ("down".equals(states.getString("database"))) {
            return ErrorCode.DATABASE_UNAVAILABLE;
        }
        return "down".equals(states.getString("auth")) ? ErrorCode.AUTH_UNAVAILABLE : ErrorCode.OVERLOADED;
    }
}
