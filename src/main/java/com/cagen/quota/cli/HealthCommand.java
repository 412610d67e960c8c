package com.cagen.quota.cli;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** For container images, which have no curl: exit code 0 when the service on this machine is healthy, 1 when not. */
@Command(name = "health", description = "Asks the service on this machine whether it is healthy; 0: yes, 1: no.")
final class HealthCommand implements Callable<Integer> {
    private static final int TIMEOUT_MILLIS = 3_000;

    @Option(names = "--path", defaultValue = "/health", description = "Default: ${DEFAULT-VALUE}")
    private String path = "";

    @Option(names = "--port", description = "Default: the variable PORT, else 8080")
    private @Nullable Integer port;

    @Override
    public Integer call() throws IOException {
        String given = System.getenv("PORT");
        int to = port != null ? port : given == null || given.isBlank() ? 8080 : Integer.parseInt(given.strip());
        HttpURLConnection connection = (HttpURLConnection)
                URI.create("http://127.0.0.1:" + to + path).toURL().openConnection();
        connection.setConnectTimeout(TIMEOUT_MILLIS);
        connection.setReadTimeout(TIMEOUT_MILLIS);
        try {
            int status = connection.getResponseCode();
            System.out.println(path + " answered " + status);
            return status == HttpURLConnection.HTTP_OK ? 0 : 1;
        } catch (IOException e) {
            System.out.println("nothing answers on port " + to);
            return 1;
        } finally {
            connection.disconnect();
        }
    }
}
