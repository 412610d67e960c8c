package com.cagen.quota.cli;

import com.cagen.quota.config.Config;
import com.cagen.quota.node.QuotaService;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;

/** Runs a node until it is told to stop. */
@Command(name = "serve", description = "Runs the service (the default).")
final class ServeCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

    @Override
    public Integer call() throws Exception {
        Config config = CommandConfig.read();
        Logging.configure(config);
        QuotaService service = new QuotaService(config, ServeCommand::endWithoutDatabase);
        // Before anything is started: what a start that is cut short has begun must stop as well.
        Runtime.getRuntime().addShutdownHook(new Thread(service::close, "stop"));
        service.start();
        if (config.logFormat() == Config.LogFormat.JSON) {
            LOG.info(service.address()); // standard output has nothing but JSON lines then
        } else {
            System.out.println(service.greeting());
        }
        return -1;
    }

    /** The shutdown hook stops what still runs. */
    private static void endWithoutDatabase(IOException lost) {
        String.valueOf(lost.getMessage()).lines().forEach(line -> System.err.println("stopping: " + line));
        System.exit(1);
    }
}
