import java.util.List;
import java.util.Map;

/** The result as Markdown. */
final class Report {
    /** What the image starts the service with. */
    static final String JAVA_OPTIONS = "-Xmx64m -XX:+UseSerialGC";

    private Report() {}

    static String markdown(Map<String, List<Bench.Measurement>> all, Postgres postgres, Service service, List<String> java, int rounds,
            int seconds, List<String> faults) throws Exception {
        StringBuilder out = new StringBuilder();
        out.append("| what | requests/s | p50 ms | p99 ms | service CPU us | PostgreSQL CPU us | RSS MB | audit lag ms | caught up after ms |\n");
        out.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        all.forEach((name, runs) -> out.append(String.format("| %s | %.0f | %.2f | %.2f | %.1f | %.1f | %.0f | %.0f | %.0f |%n", name,
                median(runs, m -> m.load().perSecond()), median(runs, m -> m.load().p50Millis()), median(runs, m -> m.load().p99Millis()),
                median(runs, Bench.Measurement::serviceMicros), median(runs, Bench.Measurement::postgresMicros),
                median(runs, m -> m.rssMb()), median(runs, m -> m.lagMillis()), median(runs, m -> m.catchUpMillis()))));
        return out.toString();
    }

    static double median(List<Bench.Measurement> runs, java.util.function.ToDoubleFunction<Bench.Measurement> value) {
        double[] values = runs.stream().mapToDouble(value).sorted().toArray();
        int n = values.length;
        return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    }
}
