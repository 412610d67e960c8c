package com.cagen.quota.gateway;

import com.cagen.quota.api.Contract;
import com.cagen.quota.api.Incoming;
import com.cagen.quota.api.Intake;
import com.cagen.quota.api.RequestDecoder;
import com.cagen.quota.bus.Bus;
import com.cagen.quota.bus.RequestChannel;
import com.cagen.quota.config.Config;
import com.cagen.quota.credential.Credentials;
import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.domain.Request;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.operations.Operations;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** Takes JSON bodies at the public addresses of the operations (contract, section 5): the same checks as over HTTP. */
public final class BusGateway extends VerticleBase {
    private final Config config;
    private final Bus bus;
    private final Contract contract;
    private final MeterRegistry metrics;
    private @Nullable RequestChannel channel;
    private List<Bus.Served> addresses = List.of();

    /** All arguments may be shared by several instances. */
    public BusGateway(Config config, Bus bus, Contract contract, MeterRegistry metrics) {
        this.config = config;
        this.bus = bus;
        this.contract = contract;
        this.metrics = metrics;
    }

    @Override
    public Future<?> start() {
        Intake intake = new Intake(
                new Credentials(
                        config.serviceId(),
                        Base64.getDecoder().decode(config.secretKey().reveal())),
                new RequestDecoder(contract),
                bus::recordRefusal,
                metrics,
                Clock.systemUTC());
        RequestChannel opened = bus.openChannel();
        channel = opened;
        List<Future<Bus.Served>> served = Operations.CATALOG.all().stream()
                .map(operation ->
                        bus.serveJson(operation.name().text(), body -> serve(intake, opened, operation, body)))
                .toList();
        return Future.all(served)
                .onSuccess(ignored ->
                        addresses = served.stream().map(Future::result).toList())
                .compose(ignored -> opened.ready());
    }

    /** Takes no more requests and lets those that were taken be answered. */
    @Override
    public Future<?> stop() {
        return Future.join(addresses.stream().map(Bus.Served::stop).toList())
                .otherwiseEmpty()
                .compose(ignored -> channel == null ? Future.succeededFuture() : channel.idle());
    }

    private static Future<Answer> serve(
            Intake intake, RequestChannel channel, Operation<?> operation, JsonObject body) {
        String sent = body.getValue("request_id") instanceof String text ? Intake.saneRequestId(text) : null;
        String requestId =
                Objects.requireNonNullElseGet(sent, () -> UUID.randomUUID().toString());
        MDC.put("request_id", requestId);
        try {
            Request request = intake.take(new Incoming(operation, body, null, null, false, requestId));
            return channel.send(request);
        } catch (RefusalException e) {
            return Future.succeededFuture(e.refusal());
        } finally {
            MDC.remove("request_id");
        }
    }
}
