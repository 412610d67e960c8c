package com.cagen.quota.entry.bus;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.entry.request.CredentialAuthentication;
import com.cagen.quota.entry.request.OpenApiContract;
import com.cagen.quota.entry.request.RawRequest;
import com.cagen.quota.entry.request.RequestDecoder;
import com.cagen.quota.entry.request.RequestReader;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.operations.Operations;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** Takes JSON bodies at the public addresses of the operations (contract, section 5): the same checks as over HTTP. */
public final class BusGateway extends VerticleBase {
    private final Supplier<CallingServices> services;
    private final InternalBus bus;
    private final OpenApiContract contract;
    private final MeterRegistry metrics;
    private @Nullable RequestChannel channel;
    private List<InternalBus.Served> addresses = List.of();

    /** All arguments may be shared by several instances. */
    public BusGateway(
            Supplier<CallingServices> services, InternalBus bus, OpenApiContract contract, MeterRegistry metrics) {
        this.services = services;
        this.bus = bus;
        this.contract = contract;
        this.metrics = metrics;
    }

    @Override
    public Future<?> start() {
        RequestReader reader = new RequestReader(
                new CredentialAuthentication(services, bus::recordRefusal, metrics, Clock.systemUTC()),
                new RequestDecoder(contract));
        RequestChannel opened = bus.openChannel();
        channel = opened;
        List<Future<InternalBus.Served>> served = Operations.CATALOG.offered().stream()
                .map(operation ->
                        bus.serveJson(operation.name().text(), body -> serve(reader, opened, operation, body)))
                .toList();
        return Future.all(served)
                .onSuccess(ignored ->
                        addresses = served.stream().map(Future::result).toList())
                .compose(ignored -> opened.ready());
    }

    /** Takes no more requests and lets those that were taken be answered. */
    @Override
    public Future<?> stop() {
        return Future.join(addresses.stream().map(InternalBus.Served::stop).toList())
                .otherwiseEmpty()
                .compose(ignored -> channel == null ? Future.succeededFuture() : channel.idle());
    }

    private static Future<Answer> serve(
            RequestReader reader, RequestChannel channel, Operation<?> operation, JsonObject body) {
        String sent = body.getValue("request_id") instanceof String text ? RequestReader.saneRequestId(text) : null;
        String requestId =
                Objects.requireNonNullElseGet(sent, () -> UUID.randomUUID().toString());
        MDC.put("request_id", requestId);
        try {
            return reader.take(new RawRequest(operation, body, null, null, null, false, requestId))
                    .compose(channel::send)
                    .recover(failure -> failure instanceof RefusalException refused
                            ? Future.succeededFuture(refused.refusal())
                            : Future.failedFuture(failure));
        } finally {
            MDC.remove("request_id");
        }
    }
}
