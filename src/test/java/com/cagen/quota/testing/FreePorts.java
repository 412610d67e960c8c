package com.cagen.quota.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for what must know its port before it listens. */
public final class FreePorts {
    /** Outside the range from which operating systems take the ports of outgoing connections. */
    private static final int FIRST = 20_000;

    private static final int END = 32_000;

    private FreePorts() {}

    /** A port of the loopback interface at which nobody listens. */
    public static int next() {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, END);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException taken) {
                // Another port, then.
            }
        }
    }
}
