package com.cagen.quota.bench;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

/**
 * One kind of load on the service, with requests made beforehand, each with a credential of its own.
 *
 * @param perSecond so many requests a second are due; 0: wrk sends on each connection as fast as answers come
 */
record HttpLoad(String name, Kind kind, int connections, int perSecond) {
    /** So many requests a second are prepared at most. */
    private static final int FASTEST = 60_000;

    private static final int CHUNK = 10_000;
    private static final int RESOURCES = 1_000;
    /** Of one batch. */
    static final int ITEMS = 100;

    enum Kind {
        HOT,
        SPREAD,
        /** An idempotency key on each request. */
        SPREAD_KEYS,
        /** A fifth of the callers own nothing; their grants come from the auth service's cache. */
        SPREAD_READERS,
        READS,
        /** {@code reservation.create} on one quota. */
        RESERVE_HOT,
        /** {@code reservation.create} on all quotas. */
        RESERVE_SPREAD,
        /** {@code usage.batch} of {@link #ITEMS} items, each of another quota. */
        BATCH,
        /** SPREAD, while {@link TreeChanges} are made. */
        TREE;

        boolean hot() {
            return this == HOT || this == RESERVE_HOT;
        }

        boolean reserves() {
            return this == RESERVE_HOT || this == RESERVE_SPREAD;
        }
    }

    /** Closed loop: as fast as answers come. */
    HttpLoad(String name, Kind kind, int connections) {
        this(name, kind, connections, 0);
    }

    /** Writes as many requests as {@link #run} may need. */
    void prepare(ServiceProcess service, Path file, int seconds) throws Exception {
        int fastest = Math.min(FASTEST, connections * 4_000) / (kind == Kind.BATCH ? ITEMS : 1);
        int count = (perSecond > 0 ? perSecond : fastest) * seconds;
        int chunk = kind == Kind.BATCH ? CHUNK / ITEMS : CHUNK;
        List<Callable<byte[]>> chunks = new ArrayList<>();
        for (int from = 0; from < count; from += chunk) {
            chunks.add(() -> requests(service, chunk));
        }
        var makers = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
            // A few at a time: all of them would not fit into a small heap.
            for (int from = 0; from < chunks.size(); from += 8) {
                for (var made : makers.invokeAll(chunks.subList(from, Math.min(from + 8, chunks.size())))) {
                    out.write(made.get());
                }
            }
        } finally {
            makers.shutdown();
        }
        // Else the kernel writes it while the load runs, and every COMMIT waits for that.
        Programs.run("sync", file.toString());
    }

    private byte[] requests(ServiceProcess service, int count) {
        CredentialCipher credentials = new CredentialCipher(ServiceProcess.SERVICE_ID, service.key);
        SplittableRandom random = new SplittableRandom();
        StringBuilder all = new StringBuilder(count * 700);
        long now = System.currentTimeMillis();
        for (int i = 0; i < count; i++) {
            String request = request(service, credentials, random, now);
            all.append(String.format("%06d", request.length())).append(request);
        }
        return all.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private String request(ServiceProcess service, CredentialCipher credentials, SplittableRandom random, long now) {
        int quota = kind.hot() ? 0 : random.nextInt(service.quotas.size());
        boolean reader = kind == Kind.SPREAD_READERS && random.nextInt(5) == 0;
        quota = reader ? quota - quota % 5 : quota;
        Caller caller = new Caller(
                ServiceProcess.organization(quota), reader ? "reader" : "owner", ServiceProcess.SERVICE_ID, List.of());
        StringBuilder request = new StringBuilder(700);
        request.append(kind == Kind.READS ? "GET" : "POST")
                .append(" /api/v1")
                .append(path(service.quotas.get(quota)))
                .append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Cagen ");
        request.append(ServiceProcess.SERVICE_ID)
                .append(':')
                .append(credentials.seal(caller, now))
                .append("\r\n");
        if (kind == Kind.SPREAD_KEYS) {
            request.append("Idempotency-Key: ").append(UUID.randomUUID()).append("\r\n");
        }
        if (kind == Kind.READS) {
            return request.append("\r\n").toString();
        }
        String body = body(service, quota, random);
        return request.append("Content-Type: application/json\r\nContent-Length: ")
                .append(body.length())
                .append("\r\n\r\n")
                .append(body)
                .toString();
    }

    private String path(String quotaId) {
        return switch (kind) {
            case READS -> "/quotas/" + quotaId;
            case BATCH -> "/usage/batch";
            case RESERVE_HOT, RESERVE_SPREAD -> "/quotas/" + quotaId + "/reservations";
            case HOT, SPREAD, SPREAD_KEYS, SPREAD_READERS, TREE -> "/quotas/" + quotaId + "/usage/allocate";
        };
    }

    private String body(ServiceProcess service, int quota, SplittableRandom random) {
        String resource = "\"resource_id\":\"runtime_" + random.nextInt(RESOURCES) + "\"";
        if (kind.reserves()) {
            return "{" + resource + ",\"reserve_mb\":1,\"ttl_seconds\":3600}";
        }
        if (kind != Kind.BATCH) {
            return "{" + resource + ",\"usage_mb\":1}";
        }
        StringBuilder items = new StringBuilder(12_000).append("{\"atomic\":true,\"items\":[");
        int organization = quota % ServiceProcess.ORGANIZATIONS;
        int each = service.quotas.size() / ServiceProcess.ORGANIZATIONS;
        int first = random.nextInt(each);
        for (int i = 0; i < ITEMS; i++) {
            int other = organization + (first + i) % each * ServiceProcess.ORGANIZATIONS;
            items.append(i == 0 ? "{" : ",{")
                    .append("\"operation\":\"allocate\",\"quota_id\":\"")
                    .append(service.quotas.get(other))
                    .append("\",")
                    .append(resource)
                    .append(",\"usage_mb\":1}");
        }
        return items.append("]}").toString();
    }

    LoadResult run(ServiceProcess service, Path file, int seconds) throws Exception {
        if (perSecond > 0) {
            OpenLoad.Result result = OpenLoad.run(service.port, file, connections, perSecond, seconds);
            System.out.printf("the load generator took %.1f us of CPU for each request%n", result.ownMicros());
            return result.load();
        }
        String output = Programs.run(
                List.of(
                        "wrk",
                        "-t1",
                        "-c" + connections,
                        "-d" + seconds + "s",
                        "--timeout",
                        "10s",
                        "-s",
                        "bench/replay.lua",
                        "http://127.0.0.1:" + service.port + "/"),
                Map.of("REQUESTS", file.toString()));
        for (String line : output.lines().toList()) {
            if (line.startsWith("RESULT ")) {
                String[] f = line.split(" ", -1);
                long requests = Long.parseLong(f[1]);
                return new LoadResult(
                        requests / (Long.parseLong(f[2]) / 1e6),
                        Long.parseLong(f[3]) / 1e3,
                        Long.parseLong(f[4]) / 1e3,
                        Long.parseLong(f[5]) / 1e3,
                        requests,
                        Long.parseLong(f[6]) + Long.parseLong(f[7]));
            }
        }
        throw new IllegalStateException("wrk said nothing:\n" + output);
    }
}
