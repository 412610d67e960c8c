package com.cagen.quota.cli;

import com.cagen.quota.auth.builtin.BuiltInAuthService;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.schema.StartupChecks;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;

/** The built-in auth service as a process of its own, on HOST and PORT, over the same database and key as the quota service. */
@Command(name = "auth-service", description = "Runs the built-in auth service alone.")
final class AuthServiceCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(AuthServiceCommand.class);
    private static final long START_SECONDS = 60;
    private static final long STOP_SECONDS = 15;

    @Override
    public Integer call() throws Exception {
        Config config = CommandConfig.read();
        if (config.databaseUrl() == null) {
            throw new ConfigException(List.of("DATABASE_URL is needed: the auth service shares the quota service's"));
        }
        Logging.configure(config);
        DatabaseUrl url = DatabaseUrl.parse(config.databaseUrl().reveal());
        Migrations.run(url, config.database().engine());
        Vertx vertx = Vertx.vertx();
        Database database = Database.open(
                vertx, url, config.database(), "auth", config.database().poolSize());
        BuiltInAuthService service = new BuiltInAuthService(config, database, config.host(), config.port());
        try {
            String deployment = StartupChecks.run(database)
                    .compose(ignored -> vertx.deployVerticle(service))
                    .await(START_SECONDS, TimeUnit.SECONDS);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(vertx, database, deployment), "stop"));
            LOG.info("the auth service listens on {}", service.url());
            return -1;
        } catch (TimeoutException | RuntimeException e) {
            stop(vertx, database, null);
            throw e;
        }
    }

    private static void stop(Vertx vertx, Database database, @org.jspecify.annotations.Nullable String deployment) {
        LOG.info("stopping");
        Future<Void> undeployed = deployment == null ? Future.succeededFuture() : vertx.undeploy(deployment);
        try {
            undeployed.eventually(database::close).eventually(vertx::close).await(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | RuntimeException e) {
            LOG.warn("while stopping: {}", e.getMessage());
        }
    }
}
