package com.cagen.quota.node;

import com.cagen.quota.config.Config;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.util.Objects;

/** A whole service for a test, whose verticles share its event bus. */
public final class ServiceWithInternals implements AutoCloseable {
    private final QuotaService service;

    public ServiceWithInternals(Config config) throws IOException {
        service = new QuotaService(config);
        service.start();
    }

    public Vertx vertx() {
        return service.vertx();
    }

    public int tcpBridgePort() {
        return Objects.requireNonNull(service.bridges()).tcpPort();
    }

    public int sockJsBridgePort() {
        return Objects.requireNonNull(service.bridges()).sockJsPort();
    }

    @Override
    public void close() {
        service.close();
    }
}
