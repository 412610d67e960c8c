package com.cagen.quota.node;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The services that may call at the moment. Their file is read again every second: keys are changed without a restart. A file
 * that cannot be used leaves what was in force.
 */
final class CurrentServices implements Supplier<CallingServices> {
    private static final Logger LOG = LoggerFactory.getLogger(CurrentServices.class);
    private static final long PERIOD_MILLIS = 1_000;

    private final Config config;
    private final Set<String> operations;
    private volatile CallingServices services;
    private volatile boolean valid = true;
    /** What was wrong when the file was read last, so that it is said once. */
    private @Nullable String problem;

    /**
     * Reads the file.
     *
     * @param operations the names of all that clients may ask for
     * @throws ConfigException when it cannot be used
     */
    CurrentServices(Config config, Set<String> operations) {
        this.config = config;
        this.operations = operations;
        this.services = read();
    }

    /** Reads the file again and again, if there is one. */
    void watch(Vertx vertx, MeterRegistry metrics) {
        Gauge.builder("cagen.quota.services.file.valid", () -> valid ? 1 : 0)
                .description("Whether the file of calling services could be used when it was read last: 1 or 0")
                .register(metrics);
        if (config.services().file() != null) {
            vertx.setPeriodic(
                    PERIOD_MILLIS,
                    ignored -> vertx.executeBlocking(() -> {
                        refresh();
                        return null;
                    }));
        }
    }

    private synchronized void refresh() {
        try {
            CallingServices found = read();
            problem = null;
            valid = true;
            if (!found.equals(services)) {
                services = found;
                LOG.info(
                        "the services that may call have changed, as {} says",
                        config.services().file());
            }
        } catch (ConfigException e) {
            valid = false;
            if (!String.valueOf(e.getMessage()).equals(problem)) {
                problem = e.getMessage();
                LOG.error("the services that may call stay as they were: {}", problem);
            }
        }
    }

    private CallingServices read() {
        CallingServices found = CallingServices.of(config);
        for (String pattern : found.operations()) {
            if (operations.stream().noneMatch(name -> CallingServices.covers(pattern, name))) {
                throw new ConfigException(
                        List.of("SERVICES_FILE=" + config.services().file() + " names no operation by " + pattern));
            }
        }
        return found;
    }

    @Override
    public CallingServices get() {
        return services;
    }
}
