package com.cagen.quota;

import com.cagen.quota.cli.QuotaCommand;

/** The entry point of the process. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        // Before Vert.x is loaded: its own log lines go through SLF4J, too.
        System.setProperty("vertx.logger-delegate-factory-class-name", "io.vertx.core.logging.SLF4JLogDelegateFactory");
        int status = QuotaCommand.run(args);
        if (status >= 0) { // a service that runs goes on until it is told to stop
            System.exit(status);
        }
    }
}
