package com.cagen.quota.bench;

import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** The result as Markdown. */
final class BenchmarkReport {
    /** As little memory as will do: docs/operations.md says what each is for. */
    static final String JAVA_OPTIONS = "-Xms32m -Xmn20m -Xmx64m -XX:+UseSerialGC -XX:TrimNativeHeapInterval=10000";

    private final Map<String, List<Measurement>> all;

    BenchmarkReport(Map<String, List<Measurement>> all) {
        this.all = all;
    }

    String markdown(BenchmarkPostgres postgres, List<String> java, int rounds, int seconds, ResultCheck.Result check)
            throws Exception {
        StringBuilder out = new StringBuilder();
        out.append("Commit ")
                .append(Programs.run("git", "rev-parse", "--short", "HEAD").strip());
        out.append(Programs.run("git", "status", "--porcelain").isBlank() ? "" : " with changes");
        out.append(", ")
                .append(LocalDate.now(ZoneOffset.UTC))
                .append(". ")
                .append(Runtime.getRuntime().availableProcessors())
                .append(" cores, ");
        out.append(Programs.run("sh", "-c", "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2")
                        .strip())
                .append("; ");
        out.append(postgres.query("postgres", "SELECT split_part(version(), ' on ', 1)"))
                .append("; Java ")
                .append(Runtime.version());
        out.append(" `")
                .append(String.join(" ", java))
                .append("`. Medians of ")
                .append(rounds)
                .append(" rounds of ")
                .append(seconds);
        out.append(" s each, in turns.\n\n");
        out.append("| goal | asked | measured |\n| --- | ---: | ---: |\n");
        ratio(
                out,
                "HOT, 64 connections, against pgbench with 64 clients",
                "≥ 50×",
                "HOT 64",
                "pgbench HOT transaction 64");
        ratio(
                out,
                "HOT, 256, against pgbench at its best client count",
                "≥ 12×",
                "HOT 256",
                best("pgbench HOT transaction"));
        ratio(
                out,
                "SPREAD, 64, against pgbench with 64 clients",
                "≥ 10×",
                "SPREAD 64",
                "pgbench SPREAD transaction 64");
        ratio(
                out,
                "SPREAD, 256, against the stored procedure at its best client count",
                "≥ 3×",
                "SPREAD 256",
                best("pgbench SPREAD procedure"));
        ratio(
                out,
                "HOT, 256, against the stored procedure at its best client count",
                "≥ 6×",
                "HOT 256",
                best("pgbench HOT procedure"));
        figure(out, "p99 at 64 connections, HOT, ms", "≤ 15", "HOT 64", m -> m.load()
                .p99Millis());
        figure(out, "p99 at 64 connections, SPREAD, ms", "≤ 15", "SPREAD 64", m -> m.load()
                .p99Millis());
        figure(out, "pgbench's own p99 with 64 clients, SPREAD, ms", "", "pgbench SPREAD transaction 64", m -> m.load()
                .p99Millis());
        if (all.containsKey("HOT 1") && all.containsKey("pgbench HOT transaction 1")) {
            out.append(String.format(
                    "| idle, 1 connection, p50, against pgbench with 1 client | ≤ 1.3× | %.2f× |%n",
                    median("HOT 1", m -> m.load().p50Millis())
                            / median("pgbench HOT transaction 1", m -> m.load().p50Millis())));
        }
        figure(out, "reads at 64 connections, a second", "≥ 15,000", "READS 64", m -> m.load()
                .perSecond());
        figure(out, "audit lag at the end of SPREAD 256, ms", "≤ 2,000", "SPREAD 256", m -> m.lagMillis());
        figure(out, "RSS at the end of SPREAD 256, MB", "≤ 200", "SPREAD 256", m -> m.rssMb());
        for (String kind : List.of("HOT", "SPREAD")) {
            figure(
                    out,
                    "p99 in an open loop at half the peak, " + kind + ", ms",
                    "≤ 8",
                    kind + " open, 50 % of the peak",
                    m -> m.load().p99Millis());
        }
        out.append(String.format(
                "| audit verify, entries a second (%,d entries) | ≥ 200,000 | %,.0f |%n",
                check.verified(), check.verified() / check.verifySeconds()));
        out.append(
                "\n| what | requests/s | p50 ms | p99 ms | service CPU µs | PostgreSQL CPU µs | RSS MB | audit lag ms | caught up after ms |\n");
        out.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        all.keySet()
                .forEach(name -> out.append(String.format(
                        "| %s | %.0f | %.2f | %.2f | %.0f | %.0f | %.0f | %.0f | %.0f |%n",
                        name,
                        median(name, m -> m.load().perSecond()),
                        median(name, m -> m.load().p50Millis()),
                        median(name, m -> m.load().p99Millis()),
                        median(name, Measurement::serviceMicros),
                        median(name, Measurement::postgresMicros),
                        median(name, m -> m.rssMb()),
                        median(name, m -> m.lagMillis()),
                        median(name, m -> m.catchUpMillis()))));
        comparison(out);
        out.append(
                check.faults().isEmpty()
                        ? "\nAll invariants held and every audit chain was whole.\n"
                        : "\n**WRONG:** " + String.join("; ", check.faults()) + "\n");
        out.append(String.format("Checking the invariants took %.0f s.%n", check.invariantsSeconds()));
        return out.toString();
    }

    /** Measured in turns, round by round, so the ratios of the rounds are worth more than that of the medians. */
    private void comparison(StringBuilder out) {
        List<String> compared = all.keySet().stream()
                .filter(name -> all.containsKey(Benchmark.OTHER + name))
                .toList();
        if (compared.isEmpty()) {
            return;
        }
        out.append(
                "\n| compared with the other: median of the rounds' ratios | requests/s | p50 | p99 | service CPU | PostgreSQL CPU |\n");
        out.append("| --- | ---: | ---: | ---: | ---: | ---: |\n");
        for (String name : compared) {
            out.append(String.format(
                    "| %s | %.2f | %.2f | %.2f | %.2f | %.2f |%n",
                    name,
                    compared(name, m -> m.load().perSecond()),
                    compared(name, m -> m.load().p50Millis()),
                    compared(name, m -> m.load().p99Millis()),
                    compared(name, Measurement::serviceMicros),
                    compared(name, Measurement::postgresMicros)));
        }
    }

    private double compared(String name, ToDoubleFunction<Measurement> value) {
        double[] ours = measured(name).stream().mapToDouble(value).toArray();
        double[] theirs =
                measured(Benchmark.OTHER + name).stream().mapToDouble(value).toArray();
        return median(IntStream.range(0, ours.length)
                .mapToDouble(i -> ours[i] / theirs[i])
                .toArray());
    }

    /** The measurement with the highest throughput of those whose names begin so; empty when there is none. */
    private String best(String prefix) {
        TreeMap<Double, String> byThroughput = new TreeMap<>();
        all.keySet().stream()
                .filter(name -> name.startsWith(prefix))
                .forEach(name -> byThroughput.put(median(name, m -> m.load().perSecond()), name));
        return byThroughput.isEmpty() ? "" : byThroughput.lastEntry().getValue();
    }

    private void ratio(StringBuilder out, String goal, String asked, String ours, String theirs) {
        if (all.containsKey(ours) && all.containsKey(theirs)) {
            out.append(String.format(
                    "| %s (%s) | %s | %.1f× |%n",
                    goal,
                    theirs,
                    asked,
                    median(ours, m -> m.load().perSecond())
                            / median(theirs, m -> m.load().perSecond())));
        }
    }

    private void figure(
            StringBuilder out, String goal, String asked, String name, ToDoubleFunction<Measurement> value) {
        if (all.containsKey(name)) {
            out.append(String.format("| %s | %s | %,.0f |%n", goal, asked, median(name, value)));
        }
    }

    private List<Measurement> measured(String name) {
        return Objects.requireNonNull(all.get(name), name);
    }

    private double median(String name, ToDoubleFunction<Measurement> value) {
        return median(measured(name).stream().mapToDouble(value).toArray());
    }

    private static double median(double[] unsorted) {
        double[] values = Arrays.stream(unsorted).sorted().toArray();
        int n = values.length;
        return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    }
}
