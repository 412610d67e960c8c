package com.cagen.quota.bridge;

import io.vertx.core.Future;

/** One client's socket, whatever the transport. */
interface Line {

    /** Sends a frame; ends when it has left this process. */
    Future<Void> write(String frame);

    void close();
}
