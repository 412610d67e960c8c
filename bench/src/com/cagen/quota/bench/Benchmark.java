package com.cagen.quota.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Measures the shipped jar against pgbench on the same PostgreSQL, in the same run, in turns; then checks that what the
 * service did was right. Run by {@code bench/run}.
 */
final class Benchmark {
    private static final int QUOTAS = 10_000;
    private static final int WARM_UP_SECONDS = 20;
    /** Before the name of a load on the jar that is compared with. */
    static final String OTHER = "other ";

    private static final long CATCH_UP_LIMIT_MILLIS = 120_000;

    private final Map<String, String> options;
    /** The folders of the servers' programs; null: where they are found. */
    private final List<@Nullable Path> servers;

    private final Path folder = Path.of("target", "bench").toAbsolutePath();
    private final int rounds;
    private final int seconds;
    private final Pattern only;
    private final Map<String, List<Measurement>> measurements = new LinkedHashMap<>();

    private Benchmark(Map<String, String> options, List<@Nullable Path> servers) {
        this.options = options;
        this.servers = servers;
        this.rounds = Integer.parseInt(options.getOrDefault("rounds", "3"));
        this.seconds = Integer.parseInt(options.getOrDefault("seconds", "10"));
        this.only = Pattern.compile(options.getOrDefault("only", ""));
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new LinkedHashMap<>();
        List<@Nullable Path> servers = new ArrayList<>();
        for (String argument : arguments) {
            String[] parts = argument.replaceFirst("^--", "").split("=", 2);
            if (parts.length < 2
                    || !List.of(
                                    "rounds",
                                    "seconds",
                                    "only",
                                    "java",
                                    "fill",
                                    "rows",
                                    "rate",
                                    "postgres",
                                    "settings",
                                    "statements",
                                    "other",
                                    "other-java")
                            .contains(parts[0])) {
                System.err.println("""
                        bench/run [--rounds=3] [--seconds=10] [--only=REGEX]
                          --java='-Xmx96m …'  options of the service's JVM
                          --other=JAR         and of another jar beside it, in turns, with the ratios in the end
                          --other-java='…'    options of that one's JVM, as above by default; without --other the same jar
                          --fill=MINUTES      full load for so long: does anything grow?
                          --rows=MILLIONS     at the end, some loads again with so many million rows in the ledger
                          --rate=yes          HOT and SPREAD at half and four fifths of their rate with 256 connections, open loop
                          --postgres=DIR      another PostgreSQL's bin folder; may be repeated: the same with each
                          --settings='a=b …'  settings of PostgreSQL besides the defaults
                          --statements=yes    what each statement costs PostgreSQL (slows it down a little)""");
                System.exit(2);
            }
            if (parts[0].equals("postgres")) {
                servers.add(Path.of(parts[1]));
            } else {
                options.put(parts[0], parts[1]);
            }
        }
        if (servers.isEmpty()) {
            servers.add(null);
        }
        new Benchmark(options, servers).run();
    }

    private void run() throws Exception {
        Files.createDirectories(folder);
        StringBuilder reports = new StringBuilder();
        boolean right = true;
        for (Path server : servers) {
            right &= run(server, reports);
        }
        Path file = Files.writeString(folder.resolve("report.md"), reports);
        System.out.println("all of it is also in " + file);
        if (!right) {
            System.exit(1);
        }
    }

    /** Whether all that the service wrote was right. */
    private boolean run(@Nullable Path server, StringBuilder reports) throws Exception {
        List<String> java = List.of(
                options.getOrDefault("java", BenchmarkReport.JAVA_OPTIONS).split(" ", -1));
        String[] settings =
                options.containsKey("settings") ? options.get("settings").split(" ", -1) : new String[0];
        boolean statements = options.containsKey("statements");
        if (statements) {
            settings =
                    new String[] {"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on"
                    };
        }
        try (BenchmarkPostgres postgres = new BenchmarkPostgres(folder, server, 54_329, settings)) {
            postgres.runIn();
            postgres.execute("postgres", "CREATE DATABASE peer");
            postgres.execute("peer", Files.readString(Path.of("bench/peer/schema.sql")));
            try (ServiceProcess service = start(postgres, "quota", 18_080, java, "target/cagen-quota.jar");
                    ServiceProcess other = startOther(postgres, java)) {
                measurements.clear(); // of the warm-up, and of another server
                if (statements) {
                    postgres.execute("quota", "CREATE EXTENSION pg_stat_statements SCHEMA public");
                }
                for (int round = 1; round <= rounds; round++) {
                    for (PgbenchLoad peer : peers()) {
                        if (only.matcher(peer.name()).find()) {
                            measure(postgres, peer);
                        }
                    }
                    for (HttpLoad load : loads()) {
                        if (only.matcher(load.name()).find()) {
                            measureBoth(postgres, service, other, load);
                        }
                    }
                    for (HttpLoad load : options.containsKey("rate") ? openLoads() : List.<HttpLoad>of()) {
                        measureBoth(postgres, service, other, load);
                    }
                }
                if (options.containsKey("fill")) {
                    fill(postgres, service, Integer.parseInt(options.get("fill")));
                }
                ResultCheck.Result check = ResultCheck.check(postgres, "quota");
                if (options.containsKey("rows")) {
                    withRows(postgres, service, Integer.parseInt(options.get("rows")));
                }
                String report = new BenchmarkReport(measurements).markdown(postgres, java, rounds, seconds, check);
                System.out.println("\n" + report);
                reports.append(report).append('\n');
                return check.faults().isEmpty();
            }
        }
    }

    private ServiceProcess start(BenchmarkPostgres postgres, String database, int port, List<String> java, String jar)
            throws Exception {
        ServiceProcess service = new ServiceProcess(folder, postgres, database, port, java, Path.of(jar));
        System.out.println("making " + QUOTAS + " quotas");
        service.setUp(QUOTAS);
        System.out.println("warming up");
        // What is not measured is not warmed up: another jar may not know it.
        for (HttpLoad.Kind kind : HttpLoad.Kind.values()) {
            if (loads().stream()
                    .anyMatch(load ->
                            load.kind() == kind && only.matcher(load.name()).find())) {
                measure(postgres, service, new HttpLoad("warm-up " + kind, kind, 64), WARM_UP_SECONDS);
            }
        }
        return service;
    }

    /** Null when there is none to compare with. */
    private @Nullable ServiceProcess startOther(BenchmarkPostgres postgres, List<String> java) throws Exception {
        if (!options.containsKey("other") && !options.containsKey("other-java")) {
            return null;
        }
        List<String> otherJava = options.containsKey("other-java")
                ? List.of(options.get("other-java").split(" ", -1))
                : java;
        return start(postgres, "other", 18_081, otherJava, options.getOrDefault("other", "target/cagen-quota.jar"));
    }

    private static List<PgbenchLoad> peers() {
        List<PgbenchLoad> peers = new ArrayList<>();
        for (String form : List.of("transaction", "procedure")) {
            for (String spread : List.of("hot", "spread")) {
                // The procedure's best is somewhere between, depending on how fast the disk syncs.
                int[] counts = form.equals("procedure") ? new int[] {1, 8, 16, 32, 64} : new int[] {1, 8, 64};
                for (int clients : counts) {
                    peers.add(new PgbenchLoad(
                            "pgbench " + spread.toUpperCase(Locale.ROOT) + " " + form + " " + clients,
                            spread + "-" + form,
                            clients));
                }
            }
        }
        return peers;
    }

    private static List<HttpLoad> loads() {
        List<HttpLoad> loads = new ArrayList<>();
        for (HttpLoad.Kind kind : List.of(HttpLoad.Kind.HOT, HttpLoad.Kind.SPREAD)) {
            for (int connections : new int[] {1, 8, 64, 256}) {
                loads.add(new HttpLoad(kind + " " + connections, kind, connections));
            }
        }
        for (HttpLoad.Kind kind : List.of(HttpLoad.Kind.SPREAD_KEYS, HttpLoad.Kind.SPREAD_READERS)) {
            loads.add(new HttpLoad(kind + " 64", kind, 64));
            loads.add(new HttpLoad(kind + " 256", kind, 256));
        }
        loads.add(new HttpLoad("READS 64", HttpLoad.Kind.READS, 64));
        loads.add(new HttpLoad("RESERVE_HOT 64", HttpLoad.Kind.RESERVE_HOT, 64));
        loads.add(new HttpLoad("RESERVE_SPREAD 64", HttpLoad.Kind.RESERVE_SPREAD, 64));
        loads.add(new HttpLoad("TREE 64", HttpLoad.Kind.TREE, 64));
        loads.add(new HttpLoad("BATCH 8", HttpLoad.Kind.BATCH, 8));
        return loads;
    }

    /** Parts of what the round that runs just measured as the peak. */
    private List<HttpLoad> openLoads() {
        List<HttpLoad> loads = new ArrayList<>();
        for (HttpLoad.Kind kind : List.of(HttpLoad.Kind.HOT, HttpLoad.Kind.SPREAD)) {
            List<Measurement> peaks = measurements.getOrDefault(kind + " 256", List.of());
            for (int percent : peaks.isEmpty() ? new int[0] : new int[] {50, 80}) {
                double peak = peaks.get(peaks.size() - 1).load().perSecond();
                loads.add(new HttpLoad(
                        kind + " open, " + percent + " % of the peak", kind, 256, (int) (peak * percent / 100)));
            }
        }
        return loads;
    }

    private void measureBoth(
            BenchmarkPostgres postgres, ServiceProcess service, @Nullable ServiceProcess other, HttpLoad load)
            throws Exception {
        measure(postgres, service, load, seconds);
        if (other != null) {
            HttpLoad same = new HttpLoad(OTHER + load.name(), load.kind(), load.connections(), load.perSecond());
            measure(postgres, other, same, seconds);
        }
    }

    private void measure(BenchmarkPostgres postgres, PgbenchLoad peer) throws Exception {
        double before = ProcessUsage.cpuSecondsOfFamily(postgres.pid());
        LoadResult result = peer.run(postgres, folder, seconds);
        double cpu = ProcessUsage.cpuSecondsOfFamily(postgres.pid()) - before;
        note(peer.name(), new Measurement(result, 0, cpu * 1e6 / result.requests(), 0, 0, 0));
    }

    private Measurement measure(BenchmarkPostgres postgres, ServiceProcess service, HttpLoad load, int seconds)
            throws Exception {
        Path file = folder.resolve("requests");
        load.prepare(service, file, seconds);
        if (options.containsKey("statements") && !load.name().startsWith("warm-up")) {
            postgres.execute("quota", "SELECT public.pg_stat_statements_reset()");
        }
        double serviceBefore = ProcessUsage.cpuSeconds(service.pid());
        double postgresBefore = ProcessUsage.cpuSecondsOfFamily(postgres.pid());
        LoadResult result;
        try (TreeChanges ignored = load.kind() == HttpLoad.Kind.TREE ? new TreeChanges(service) : null) {
            result = load.run(service, file, seconds);
        }
        // What a jar from before there was a journal calls it.
        String unsealed = postgres.query(
                service.database, "SELECT coalesce(to_regclass('quota.unsealed'), to_regclass('quota.outbox'))");
        long lag = Math.round(Double.parseDouble(postgres.query(
                service.database,
                "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000, 0) FROM "
                        + unsealed)));
        long start = System.nanoTime();
        while (!"0".equals(postgres.query(service.database, "SELECT count(*) FROM " + unsealed))) {
            if (System.nanoTime() - start > CATCH_UP_LIMIT_MILLIS * 1_000_000) {
                throw new IllegalStateException("the audit trail did not catch up");
            }
            Thread.sleep(20);
        }
        long catchUp = (System.nanoTime() - start) / 1_000_000;
        // Sealing is part of an operation's price, so what it costs after the load counts too.
        double serviceCpu = ProcessUsage.cpuSeconds(service.pid()) - serviceBefore;
        double postgresCpu = ProcessUsage.cpuSecondsOfFamily(postgres.pid()) - postgresBefore;
        Files.delete(file);
        if (result.errors() > 0) {
            throw new IllegalStateException(load.name() + ": " + result.errors() + " requests failed");
        }
        Measurement measurement = new Measurement(
                result,
                serviceCpu * 1e6 / result.requests(),
                postgresCpu * 1e6 / result.requests(),
                ProcessUsage.memoryMb(service.pid(), "VmRSS"),
                lag,
                catchUp);
        note(load.name(), measurement);
        if (options.containsKey("statements") && !load.name().startsWith("warm-up")) {
            printStatements(postgres, result.requests());
        }
        return measurement;
    }

    private void note(String name, Measurement m) {
        measurements.computeIfAbsent(name, ignored -> new ArrayList<>()).add(m);
        System.out.printf(
                "%-32s %8.0f/s  p50 %7.2f ms  p99 %7.2f ms  max %7.1f ms  service %5.1f us  postgres %6.1f us  rss %d MB  lag %d ms + %d ms%n",
                name,
                m.load().perSecond(),
                m.load().p50Millis(),
                m.load().p99Millis(),
                m.load().maxMillis(),
                m.serviceMicros(),
                m.postgresMicros(),
                m.rssMb(),
                m.lagMillis(),
                m.catchUpMillis());
    }

    private static void printStatements(BenchmarkPostgres postgres, long requests) throws Exception {
        try (var connection = postgres.connect("quota");
                var statement = connection.createStatement();
                var rows = statement.executeQuery("""
                        SELECT calls, rows, (total_exec_time + total_plan_time) * 1000, plans, total_plan_time * 1000, regexp_replace(left(query, 300), '\\s+', ' ', 'g')
                        FROM public.pg_stat_statements ORDER BY total_exec_time DESC LIMIT 25""")) {
            while (rows.next()) {
                System.out.printf(
                        "  %7.2f us/request %8d calls %7.1f rows/call %8.1f us/call %7d plans of %7.1f us  %.100s%n",
                        rows.getDouble(3) / requests,
                        rows.getLong(1),
                        rows.getDouble(2) / rows.getLong(1),
                        rows.getDouble(3) / rows.getLong(1),
                        rows.getLong(4),
                        rows.getDouble(5) / Math.max(1, rows.getLong(4)),
                        rows.getString(6));
            }
        }
    }

    /** Full load for minutes: shows whether anything grows. */
    private void fill(BenchmarkPostgres postgres, ServiceProcess service, int minutes) throws Exception {
        HttpLoad load = new HttpLoad("SPREAD 256, for minutes", HttpLoad.Kind.SPREAD, 256);
        for (int half = 0; half < 2 * minutes; half++) { // making the requests comes on top
            measure(postgres, service, load, 30);
        }
        sizes(postgres);
    }

    /** What a million rows take, indexes included. */
    private static void sizes(BenchmarkPostgres postgres) throws Exception {
        for (String table : List.of("journal", "seals", "seal_quotas", "operations", "quota_holdings")) {
            System.out.println(table + ": "
                    + postgres.query(
                            "quota",
                            "SELECT count(*) || ' rows, ' || pg_total_relation_size('quota." + table
                                    + "') / greatest(1, count(*)) || ' bytes each' FROM quota." + table));
        }
        System.out.println("nonces: "
                + postgres.query(
                        "quota",
                        "SELECT (SELECT count(*) FROM quota.nonces) || ' rows, '"
                                + " || sum(pg_total_relation_size(inhrelid)) / (SELECT count(*) FROM quota.nonces) || ' bytes each'"
                                + " FROM pg_inherits WHERE inhparent = 'quota.nonces'::regclass"));
        System.out.println("WAL: "
                + postgres.query(
                        "quota",
                        "SELECT pg_size_pretty(wal_bytes) || ', ' || wal_fpi || ' full pages' FROM pg_stat_wal"));
    }

    /** Makes up a long past for every quota. Its rows have no places in the chains, so nothing can be checked afterwards. */
    private void withRows(BenchmarkPostgres postgres, ServiceProcess service, int millions) throws Exception {
        System.out.println("making " + millions + " million journal rows");
        postgres.execute("quota", """
                INSERT INTO quota.journal (organization_id, position, batch_id, entry_count, entries)
                SELECT organization_id, -row_number() OVER (), gen_random_uuid(), 1, '[["' || repeat('x', 600) || '"]]'
                FROM quota.quotas CROSS JOIN generate_series(1, %d::bigint * 1000000 / (SELECT count(*) FROM quota.quotas)) AS n
                """.formatted(millions));
        postgres.execute("quota", "VACUUM ANALYZE quota.journal");
        postgres.execute("quota", "CHECKPOINT");
        String rows = postgres.query("quota", "SELECT count(*) FROM quota.journal");
        for (int round = 1; round <= rounds; round++) {
            for (HttpLoad again : loads()) {
                if (List.of("HOT 64", "SPREAD 64", "SPREAD 256", "READS 64").contains(again.name())) {
                    measure(
                            postgres,
                            service,
                            new HttpLoad(
                                    again.name() + ", " + rows + " journal rows", again.kind(), again.connections()),
                            seconds);
                }
            }
        }
    }
}
