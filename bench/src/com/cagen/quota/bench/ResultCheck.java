package com.cagen.quota.bench;

import com.cagen.quota.audit.ChainVerification;
import com.cagen.quota.config.Config;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Whether what the service wrote is right: a fast wrong answer fails the benchmark. */
final class ResultCheck {
    private ResultCheck() {}

    /**
     * What was found, and how long that took.
     *
     * @param faults what is wrong; empty when nothing is
     * @param verified audit entries whose place in their chain was checked
     */
    record Result(List<String> faults, double invariantsSeconds, long verified, double verifySeconds) {}

    static Result check(BenchmarkPostgres postgres, String database) throws Exception {
        List<String> faults = new ArrayList<>();
        double invariantsSeconds;
        try (var connection = postgres.connect(database);
                var statement = connection.createStatement()) {
            // Autovacuum may not have come to it yet. Without statistics, or in nested loops, a check may take hours.
            statement.execute("ANALYZE");
            statement.execute("SET enable_nestloop = off");
            long start = System.nanoTime();
            for (String each : Files.readString(Path.of("src/test/resources/invariants.sql"))
                    .split(";\\R", -1)) {
                if (statement.execute(each)) {
                    try (var rows = statement.getResultSet()) {
                        if (rows.next()) {
                            faults.add("fails for " + rows.getString(1) + ":" + each);
                        }
                    }
                }
            }
            invariantsSeconds = seconds(start);
        }
        Vertx vertx = Vertx.vertx();
        try {
            long start = System.nanoTime();
            ChainVerification.Report report = ChainVerification.run(Database.open(
                            vertx,
                            DatabaseUrl.parse(postgres.url(database)),
                            new Config.Database(Config.Engine.POSTGRESQL, 2, 10_000, 60_000, 61_000),
                            "verify",
                            2))
                    .await(1, TimeUnit.HOURS);
            double verifySeconds = seconds(start);
            if (report.firstBad() != null) {
                faults.add("audit chain: " + report.firstBad());
            }
            return new Result(faults, invariantsSeconds, report.entries(), verifySeconds);
        } finally {
            vertx.close().await();
        }
    }

    private static double seconds(long startNanos) {
        return (System.nanoTime() - startNanos) / 1e9;
    }
}
