package com.cagen.quota.cli;

import com.cagen.quota.config.ConfigException;
import com.cagen.quota.domain.request.RefusalException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. {@code serve} is what happens without a word. */
@Command(
        name = "cagen-quota",
        mixinStandardHelpOptions = true,
        description = "Hierarchical quotas on PostgreSQL.",
        versionProvider = ManifestVersion.class,
        subcommands = {
            ServeCommand.class,
            MigrateCommand.class,
            CredentialCommand.class,
            AuditCommand.class,
            AuthServiceCommand.class,
            HealthCommand.class
        })
public final class QuotaCommand implements Callable<Integer> {
    private QuotaCommand() {}

    /**
     * Runs the command that the arguments name.
     *
     * @return the process's exit status; negative for a service that goes on running
     */
    public static int run(String[] args) {
        return new CommandLine(new QuotaCommand())
                .setExecutionExceptionHandler(QuotaCommand::explain)
                .execute(args);
    }

    @Override
    public Integer call() throws Exception {
        return new ServeCommand().call();
    }

    /** One line for each thing that is wrong; a stack trace only for unexpected failures. */
    private static int explain(Exception failure, CommandLine command, CommandLine.ParseResult ignored) {
        PrintWriter err = command.getErr();
        if (failure instanceof ConfigException config) {
            config.problems().forEach(problem -> err.println("configuration: " + problem));
        } else if (failure instanceof IOException || failure instanceof IllegalStateException) {
            String.valueOf(failure.getMessage()).lines().forEach(line -> err.println("cannot start: " + line));
        } else if (failure instanceof FlywayException) {
            err.println("cannot start: the database cannot be reached or migrated: " + innermost(failure));
        } else if (failure instanceof RefusalException refused) {
            err.println("cannot start: " + refused.getMessage() + " " + innermost(failure));
        } else {
            failure.printStackTrace(err);
        }
        err.flush();
        return 1;
    }

    private static @Nullable String innermost(Throwable failure) {
        Throwable innermost = failure;
        while (innermost.getCause() != null) {
            innermost = innermost.getCause();
        }
        return innermost.getMessage();
    }
}
