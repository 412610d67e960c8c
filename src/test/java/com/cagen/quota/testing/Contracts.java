package com.cagen.quota.testing;

import com.cagen.quota.api.Contract;
import io.vertx.core.Vertx;
import java.util.concurrent.TimeUnit;

/** The contract, loaded once for all tests. */
public final class Contracts {
    private static final Contract CONTRACT = load();

    private Contracts() {}

    public static Contract contract() {
        return CONTRACT;
    }

    private static Contract load() {
        Vertx vertx = Vertx.vertx();
        try {
            return Contract.load(vertx).await(30, TimeUnit.SECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new IllegalStateException(e);
        } finally {
            vertx.close();
        }
    }
}
