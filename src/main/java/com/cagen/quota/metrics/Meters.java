package com.cagen.quota.metrics;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.VertxBuilder;
import io.vertx.core.VertxOptions;
import io.vertx.micrometer.Label;
import io.vertx.micrometer.MetricsDomain;
import io.vertx.micrometer.MicrometerMetricsFactory;
import io.vertx.micrometer.MicrometerMetricsOptions;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The registry behind {@code /metrics}, with the process in it, and Vert.x made to write into it. */
public final class Meters {
    private static final Set<String> LEFT_OUT = Set.of(
            // Wrong: it grows with every failed acquisition. MetricsVerticle counts what waits.
            "vertx.pool.queue.pending",
            // In nanoseconds, where Prometheus expects seconds; process_cpu_usage tells the same.
            "process.cpu.time",
            // Follow from others, or from the API's description: series without use.
            "vertx.pool.ratio",
            "vertx.http.server.request.bytes",
            "vertx.http.server.response.bytes",
            "vertx.http.client.request.bytes",
            "vertx.http.client.response.bytes");

    private Meters() {}

    /** @param version of the service; null when it does not run from a jar */
    public static PrometheusMeterRegistry registry(@Nullable String version) {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        registry.config().meterFilter(MeterFilter.deny(id -> LEFT_OUT.contains(id.getName())));
        process(registry, version == null ? "unknown" : version);
        return registry;
    }

    private static void process(MeterRegistry registry, String version) {
        Gauge.builder("cagen.quota.build.info", () -> 1)
                .description("Always 1; which version runs on which Java")
                .tag("version", version)
                .tag("java_version", Runtime.version().toString())
                .register(registry);
        new JvmGcMetrics().bindTo(registry); // closed by nobody: it lives as long as the process
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
    }

    /**
     * Has Vert.x count into {@code registry}: HTTP server and client, event bus, pools. No label holds what a client chose:
     * neither paths nor methods nor addresses.
     */
    public static VertxBuilder measured(VertxBuilder builder, VertxOptions options, MeterRegistry registry) {
        MicrometerMetricsOptions metrics = new MicrometerMetricsOptions()
                .setEnabled(true)
                .setLabels(EnumSet.of(Label.HTTP_ROUTE, Label.HTTP_CODE, Label.POOL_NAME, Label.POOL_TYPE))
                .addDisabledMetricsCategory(MetricsDomain.NET_CLIENT)
                .addDisabledMetricsCategory(MetricsDomain.NET_SERVER)
                .addDisabledMetricsCategory(MetricsDomain.DATAGRAM_SOCKET)
                .addDisabledMetricsCategory(MetricsDomain.VERTICLES);
        return builder.with(options.setMetricsOptions(metrics)).withMetrics(new MicrometerMetricsFactory(registry));
    }
}
