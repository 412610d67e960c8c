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

    /** What is wrong; empty when nothing is. */
    static List<String> check(BenchmarkPostgres postgres, String database) throws Exception {
        List<String> faults = new ArrayList<>();
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
            System.out.printf("checked the invariants in %.1f s%n", seconds(start));
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
            System.out.printf(
                    "verified %d audit entries of %d organizations, %.0f a second%n",
                    report.entries(), report.organizations(), report.entries() / seconds(start));
            if (report.firstBad() != null) {
                faults.add("audit chain: " + report.firstBad());
            }
        } finally {
            vertx.close().await();
        }
        return faults;
    }

    private static double seconds(long startNanos) {
        return (System.nanoTime() - startNanos) / 1e9;
    }
}
