package com.cagen.quota.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * The invariants of the design, as SQL over the whole database. Each query must return no row. That hashes recompute is what
 * {@code audit.ChainVerification} checks.
 */
public final class Invariants {
    private Invariants() {}

    /** Waits until the service has sealed everything that was committed. */
    public static void awaitSealed(String databaseUrl) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        try (Connection connection = TestDatabase.connect(databaseUrl);
                var statement = connection.createStatement()) {
            while (true) {
                try (var rows = statement.executeQuery("SELECT count(*), pg_sleep(0.02) FROM quota.unsealed")) {
                    rows.next();
                    if (rows.getLong(1) == 0) {
                        return;
                    }
                    if (System.nanoTime() > deadline) {
                        throw new AssertionError(rows.getLong(1) + " journal rows were not sealed in time");
                    }
                }
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** @throws AssertionError naming the first invariant that does not hold, and a row that shows it */
    public static void check(String databaseUrl) {
        try (Connection connection = TestDatabase.connect(databaseUrl);
                var statement = connection.createStatement()) {
            for (String each : Pattern.compile(";\\R").splitAsStream(sql()).toList()) {
                if (statement.execute(each)) {
                    try (var rows = statement.getResultSet()) {
                        if (rows.next()) {
                            throw new AssertionError("fails for " + rows.getString(1) + ":" + each);
                        }
                    }
                }
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private static String sql() {
        try (var in = Objects.requireNonNull(Invariants.class.getResourceAsStream("/invariants.sql"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
