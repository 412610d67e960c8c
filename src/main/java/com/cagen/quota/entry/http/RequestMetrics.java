package com.cagen.quota.entry.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How long requests took and how they ended. Labels are bounded: operations and codes, never what a client sent. */
final class RequestMetrics {
    private static final Duration[] BUCKETS = {
        Duration.ofMillis(1),
        Duration.ofMillis(2),
        Duration.ofMillis(5),
        Duration.ofMillis(10),
        Duration.ofMillis(25),
        Duration.ofMillis(50),
        Duration.ofMillis(100),
        Duration.ofMillis(250),
        Duration.ofMillis(500),
        Duration.ofSeconds(1),
        Duration.ofMillis(2_500),
        Duration.ofSeconds(5),
        Duration.ofSeconds(10)
    };

    private final MeterRegistry registry;
    private final Map<Key, Timer> timers = new HashMap<>();
    private final Map<String, Counter> errors = new HashMap<>();

    private record Key(String operation, String code) {}

    RequestMetrics(MeterRegistry registry) {
        this.registry = registry;
    }

    void record(RequestContext requestContext) {
        timers.computeIfAbsent(new Key(requestContext.operation, requestContext.code), this::timer)
                .record(requestContext.elapsedNanos(), TimeUnit.NANOSECONDS);
        if (!requestContext.code.equals("ok")) {
            errors.computeIfAbsent(requestContext.code, this::counter).increment();
        }
    }

    private Timer timer(Key key) {
        return Timer.builder("cagen.quota.request")
                .description("Time from a request's first byte to its answer")
                .tag("operation", key.operation)
                .tag("code", key.code)
                .serviceLevelObjectives(BUCKETS)
                .register(registry);
    }

    private Counter counter(String code) {
        return Counter.builder("cagen.quota.errors")
                .description("Answers that were errors")
                .tag("code", code)
                .register(registry);
    }
}
