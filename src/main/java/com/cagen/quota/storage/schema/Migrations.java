package com.cagen.quota.storage.schema;

import com.cagen.quota.config.Config;
import com.cagen.quota.storage.sql.DatabaseUrl;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.flywaydb.core.api.output.MigrateResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a database's schema up to date, as the login of its URL. Blocks; safe to run on many nodes at once.
 *
 * <p>Every migration ends by writing its version into a comment on the table {@code quotas}. By that, a schema that {@code
 * psql} made is taken over as it is, and a login that may not change the schema can still tell whether it fits.
 */
public final class Migrations {
    private static final Logger LOG = LoggerFactory.getLogger(Migrations.class);
    /** What the newest migration makes. */
    static final int NEWEST = 17;

    private static final Pattern MARK = Pattern.compile("schema version (\\d+)( for Citus)?");

    private static final String STATE = """
            SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE'),
                   (SELECT pg_catalog.obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c
                    WHERE c.relnamespace = n.oid AND c.relname = 'quotas'),
                   EXISTS (SELECT FROM pg_catalog.pg_class c
                           WHERE c.relnamespace = n.oid AND c.relname = 'flyway_schema_history')
            FROM pg_catalog.pg_namespace n WHERE n.nspname = 'quota'
            """;

    private Migrations() {}

    /**
     * @param mayChange whether the login may make tables in the schema, or there is none yet
     * @param version by the mark of the last migration; 0 without one
     * @param sharded by the same mark; known from version 2 on
     * @param recorded whether Flyway has made it or taken it over
     */
    private record State(boolean mayChange, int version, boolean sharded, boolean recorded) {}

    /**
     * @return what it did, in a sentence
     * @throws FlywayException when the database cannot be reached, or a migration fails; then nothing of it remains
     * @throws IllegalStateException when the login may not migrate, and somebody has to
     */
    public static String run(DatabaseUrl url, Config.Engine engine) {
        DriverManager.setLoginTimeout(10);
        State state = look(url);
        if (state.version > 1 && state.sharded != (engine == Config.Engine.CITUS)) {
            throw new IllegalStateException("the schema was made for DATABASE_ENGINE "
                    + (state.sharded ? "citus" : "postgresql") + ", and this is another one");
        }
        String done = state.mayChange ? migrate(url, engine, state) : check(state);
        LOG.info(done);
        return done;
    }

    private static State look(DatabaseUrl url) {
        try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.jdbcProperties());
                ResultSet rows = connection.createStatement().executeQuery(STATE)) {
            if (!rows.next()) {
                return new State(true, 0, false, false);
            }
            String comment = rows.getString(2);
            Matcher mark = MARK.matcher(comment == null ? "" : comment);
            return mark.matches()
                    ? new State(
                            rows.getBoolean(1),
                            Integer.parseInt(mark.group(1)),
                            mark.group(2) != null,
                            rows.getBoolean(3))
                    : new State(rows.getBoolean(1), 0, false, rows.getBoolean(3));
        } catch (SQLException e) {
            throw new FlywayException("the database cannot be reached", e);
        }
    }

    private static String migrate(DatabaseUrl url, Config.Engine engine, State state) {
        FluentConfiguration flyway = Flyway.configure()
                .dataSource(url.jdbcUrl(), url.user(), url.password().reveal())
                .jdbcProperties(properties(url))
                .schemas("quota")
                .defaultSchema("quota")
                .locations(
                        "classpath:db/migration",
                        "classpath:db/" + engine.name().toLowerCase(Locale.ROOT));
        if (!state.recorded && state.version > 0) {
            // Made by psql: what is there counts as applied. A schema without our mark is somebody else's and refused.
            flyway.baselineOnMigrate(true).baselineVersion(Integer.toString(state.version));
        }
        MigrateResult result = flyway.load().migrate();
        // Flyway names no target when there was nothing to do.
        String version = result.migrationsExecuted > 0 ? result.targetSchemaVersion : result.initialSchemaVersion;
        return "the schema is at version " + version + ", " + result.migrationsExecuted + " migrations applied";
    }

    private static String check(State state) {
        if (state.version < NEWEST) {
            throw new IllegalStateException("the schema is at version " + state.version + ", this service needs "
                    + NEWEST + ", and this login may not change it; run migrate with one that may");
        }
        return "the schema is at version " + state.version + ", as it must be for a login that may not change it";
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
