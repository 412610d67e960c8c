package com.cagen.quota.testing;

import com.cagen.quota.entry.request.OpenApiContract;
import io.vertx.core.Vertx;
import java.util.concurrent.TimeUnit;

/** The contract, loaded once for all tests. */
public final class Contracts {
    private static final OpenApiContract CONTRACT = load();

    private Contracts() {}

    public static OpenApiContract contract() {
        return CONTRACT;
    }

    private static OpenApiContract load() {
        Vertx vertx = Vertx.vertx();
        try {
            return OpenApiContract.load(vertx).await(30, TimeUnit.SECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new IllegalStateException(e);
        } finally {
            vertx.close();
        }
    }
}
