package com.cagen.quota.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.atomic.AtomicInteger;

/** Ports for what must know its port before it listens. */
public final class FreePorts {
    /** Below the range from which operating systems take the ports of outgoing connections. */
    private static final int FIRST = 20_000;

    private static final int COUNT = 12_000;
    /** Far apart for processes with neighbouring ids, such as the forks of one test run. */
    private static final int PROCESS_DISTANCE = 997;

    private static final AtomicInteger NEXT =
            new AtomicInteger((int) (ProcessHandle.current().pid() * PROCESS_DISTANCE % COUNT));

    private FreePorts() {}

    /** A port of the loopback interface at which nobody listens; another one each time. */
    public static int next() {
        while (true) {
            int port = FIRST + NEXT.getAndIncrement() % COUNT;
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException taken) {
                // Another port, then.
            }
        }
    }
}
