package com.cagen.quota.storage;

import java.sql.DriverManager;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.output.MigrateResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings a database's schema up to date, as the login of its URL. Blocks; safe to run on many nodes at once. */
public final class Migrations {
    private static final Logger LOG = LoggerFactory.getLogger(Migrations.class);

    private Migrations() {}

    /** @throws org.flywaydb.core.api.FlywayException when a migration fails; then nothing of it remains */
    public static void run(DatabaseUrl url) {
        DriverManager.setLoginTimeout(10);
        MigrateResult result = Flyway.configure()
                .dataSource(url.jdbcUrl(), url.user(), url.password().reveal())
                .jdbcProperties(tls(url))
                .schemas("quota")
                .defaultSchema("quota")
                .baselineOnMigrate(false)
                .locations("classpath:db/migration")
                .load()
                .migrate();
        LOG.info(
                "schema is at version {}, {} migrations applied",
                result.targetSchemaVersion,
                result.migrationsExecuted);
    }

    private static Map<String, String> tls(DatabaseUrl url) {
        return url.sslRootCert() == null
                ? Map.of("sslmode", url.sslMode())
                : Map.of("sslmode", url.sslMode(), "sslrootcert", url.sslRootCert());
    }
}
