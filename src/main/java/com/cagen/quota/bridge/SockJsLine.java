package com.cagen.quota.bridge;

import io.vertx.core.Future;
import io.vertx.ext.web.handler.sockjs.SockJSSocket;

/** A frame of the SockJS bridge is a message of its own. */
record SockJsLine(SockJSSocket socket) implements Line {

    @Override
    public Future<Void> write(String frame) {
        return socket.write(frame);
    }

    @Override
    public void close() {
        socket.close();
    }
}
