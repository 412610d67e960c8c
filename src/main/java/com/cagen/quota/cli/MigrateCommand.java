package com.cagen.quota.cli;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.DatabaseUrl;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Migrates the schema of a database server, and ends. */
@Command(name = "migrate", description = "Brings the schema of DATABASE_URL up to date.")
final class MigrateCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        Config config = CommandConfig.read();
        if (config.databaseUrl() == null) {
            throw new ConfigException(List.of("DATABASE_URL is needed to migrate"));
        }
        Logging.showMigrationSteps(config);
        System.out.println(Migrations.run(
                DatabaseUrl.parse(config.databaseUrl().reveal()),
                config.database().engine()));
        return 0;
    }
}
