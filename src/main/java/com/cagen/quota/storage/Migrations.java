package com.cagen.quota.storage;

import java.sql.DriverManager;
import java.util.HashMap;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.output.MigrateResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings a database's schema up to date, as the login of its URL. Blocks; safe to run on many nodes at once. */
public final class Migrations {
    private static final Logger LOG = LoggerFactory.getLogger(Migrations.class);

    private Migrations() {}

    /**
     * @return what it did, in a sentence
     * @throws org.flywaydb.core.api.FlywayException when a migration fails; then nothing of it remains
     */
    public static String run(DatabaseUrl url) {
        DriverManager.setLoginTimeout(10);
        MigrateResult result = Flyway.configure()
                .dataSource(url.jdbcUrl(), url.user(), url.password().reveal())
                .jdbcProperties(properties(url))
                .schemas("quota")
                .defaultSchema("quota")
                .baselineOnMigrate(false)
                .locations("classpath:db/migration")
                .load()
                .migrate();
        // Flyway names no target when there was nothing to do.
        String version = result.migrationsExecuted > 0 ? result.targetSchemaVersion : result.initialSchemaVersion;
        String done = "the schema is at version " + version + ", " + result.migrationsExecuted + " migrations applied";
        LOG.info(done);
        return done;
    }

    private static Map<String, String> properties(DatabaseUrl url) {
        Map<String, String> properties = new HashMap<>();
        properties.put("sslmode", url.sslMode());
        if (url.sslRootCert() != null) {
            properties.put("sslrootcert", url.sslRootCert());
        }
        // "IF NOT EXISTS" would be reported as a warning otherwise.
        properties.put("options", "-c client_min_messages=warning");
        return properties;
    }
}
