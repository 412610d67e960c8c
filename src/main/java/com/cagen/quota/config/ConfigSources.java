package com.cagen.quota.config;

import io.github.cdimascio.dotenv.Dotenv;
import io.github.cdimascio.dotenv.DotenvException;
import io.vertx.config.ConfigRetriever;
import io.vertx.config.ConfigRetrieverOptions;
import io.vertx.config.ConfigStoreOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;

/**
 * Where settings come from, the later over the earlier: {@code conf/config.yaml}, {@code .env}, the environment. All three use
 * the same names, so that a setting has one name wherever it stands.
 */
public final class ConfigSources {
    private static final String FILE = "conf/config.yaml";

    private ConfigSources() {}

    /**
     * Reads whatever is there. Blocks.
     *
     * @param directory in which {@code conf/config.yaml} and {@code .env} are looked for
     * @param environment the variables of the process
     * @return values by name, for {@link ConfigLoader#load}
     * @throws ConfigException for a file that cannot be read, or a name in {@code conf/config.yaml} that is no setting
     */
    public static Map<String, String> read(Path directory, Map<String, String> environment) {
        Map<String, String> values = new HashMap<>();
        Path file = directory.toAbsolutePath().resolve(FILE);
        if (Files.exists(file)) {
            values.putAll(yaml(file));
        }
        putPresent(values, dotenv(directory));
        putPresent(values, environment);
        return values;
    }

    /** An empty variable is none: compose and the like set those that are not given to an empty string. */
    private static void putPresent(Map<String, String> values, Map<String, String> over) {
        over.forEach((name, value) -> {
            if (!value.isBlank()) {
                values.put(name, value);
            }
        });
    }

    private static Map<String, String> yaml(Path file) {
        // Not optional: the retriever would pass over an optional file that it cannot parse.
        ConfigStoreOptions store = new ConfigStoreOptions()
                .setType("file")
                .setFormat("yaml")
                .setConfig(new JsonObject().put("path", file.toString()));
        JsonObject read =
                retrieve(new ConfigRetrieverOptions().setScanPeriod(-1).addStore(store));
        List<String> unknown = read.fieldNames().stream()
                .filter(name -> !Settings.NAMES.contains(name))
                .sorted()
                .map(name ->
                        name + " in " + FILE + " is no setting; see the list in the file that came with the service")
                .toList();
        if (!unknown.isEmpty()) {
            throw new ConfigException(unknown);
        }
        Map<String, String> values = new HashMap<>();
        read.forEach(entry -> values.put(entry.getKey(), text(entry.getValue())));
        return values;
    }

    private static String text(@org.jspecify.annotations.Nullable Object value) {
        return value instanceof JsonArray list
                ? list.stream().map(String::valueOf).collect(Collectors.joining(","))
                : value == null ? "" : String.valueOf(value);
    }

    private static JsonObject retrieve(ConfigRetrieverOptions options) {
        Vertx vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(1)
                .setFileSystemOptions(new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false)));
        try {
            return get(ConfigRetriever.create(vertx, options).getConfig());
        } catch (ExecutionException e) {
            // The parser's message quotes the line it stumbled over, which may hold a secret.
            throw new ConfigException(List.of(FILE + " is no readable YAML; every line is NAME: value"));
        } finally {
            vertx.close();
        }
    }

    private static <T> T get(Future<T> future) throws ExecutionException {
        try {
            return future.toCompletionStage().toCompletableFuture().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while reading the configuration", e);
        }
    }

    private static Map<String, String> dotenv(Path directory) {
        if (!Files.exists(directory.resolve(".env"))) {
            return Map.of();
        }
        try {
            Dotenv dotenv = Dotenv.configure().directory(directory.toString()).load();
            Map<String, String> values = new HashMap<>();
            // The file's own entries: the library mixes the environment in, which is ours to do.
            dotenv.entries(Dotenv.Filter.DECLARED_IN_ENV_FILE)
                    .forEach(entry -> values.put(entry.getKey(), entry.getValue()));
            return values;
        } catch (DotenvException e) {
            throw new ConfigException(new ArrayList<>(List.of(".env is not readable; every line is NAME=value")));
        }
    }
}
