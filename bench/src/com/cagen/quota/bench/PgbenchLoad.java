package com.cagen.quota.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The same work as one transaction for each request, or as one call of a stored procedure, by pgbench. */
record PgbenchLoad(String name, String script, int clients) {

    LoadResult run(BenchmarkPostgres postgres, Path folder, int seconds) throws Exception {
        Path logs = folder.resolve("pgbench");
        Files.createDirectories(logs);
        Programs.run(
                List.of(
                        postgres.pgbench.toString(),
                        "-h",
                        "127.0.0.1",
                        "-p",
                        Integer.toString(postgres.port),
                        "-U",
                        "bench",
                        "-n",
                        "-M",
                        "prepared",
                        "-c",
                        Integer.toString(clients),
                        "-j",
                        Integer.toString(Math.min(clients, 2)),
                        "-T",
                        Integer.toString(seconds),
                        "-f",
                        "bench/peer/" + script + ".sql",
                        "-l",
                        "--log-prefix",
                        logs.resolve("log").toString(),
                        "peer"),
                Map.of("PGPASSWORD", "bench"));
        List<Long> micros = new ArrayList<>();
        try (Stream<Path> files = Files.list(logs)) {
            for (Path file : files.toList()) {
                for (String line : Files.readAllLines(file)) {
                    micros.add(Long.parseLong(line.split(" ", -1)[2]));
                }
                Files.delete(file);
            }
        }
        micros.sort(null);
        int n = micros.size();
        return new LoadResult(
                (double) n / seconds,
                micros.get(n / 2) / 1e3,
                micros.get(n * 99 / 100) / 1e3,
                micros.get(n - 1) / 1e3,
                n,
                0);
    }
}
