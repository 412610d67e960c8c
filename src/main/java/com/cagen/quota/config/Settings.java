package com.cagen.quota.config;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/** Named values as they were given, read one by one, and what is wrong with them. */
public final class Settings {
    /** Every setting there is; conf/config.yaml and .env.example document them. */
    public static final Set<String> NAMES = Set.of(
            "ENVIRONMENT",
            "HOST",
            "DEV_ALLOW_REMOTE",
            "PORT",
            "DATA_DIR",
            "DATABASE_URL",
            "AUTH_SERVICE_URL",
            "AUTH_SERVICE_INSECURE",
            "CAGEN_QUOTA_SERVICE_SECRET_KEY",
            "QUOTA_SERVICE_ID",
            "SERVICES_FILE",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "ALLOWED_ORIGINS",
            "QUOTA_ROLES",
            "EVENT_LOOPS",
            "LANES",
            "MAX_BATCH",
            "MAX_QUEUE",
            "TREE_CONCURRENCY",
            "DATABASE_ENGINE",
            "DATABASE_POOL_SIZE",
            "LOCK_TIMEOUT_MS",
            "STATEMENT_TIMEOUT_MS",
            "BUS_TIMEOUT_MS",
            "HTTP_TIMEOUT_MS",
            "HTTP_IDLE_TIMEOUT_S",
            "HTTP_INSTANCES",
            "HTTP_MAX_CONNECTIONS",
            "AUTH_TIMEOUT_MS",
            "AUDIT_DRAIN_INTERVAL_MS",
            "AUDIT_MAX_LAG_MS",
            "AUDIT_CHECKPOINT_FILE",
            "AUDIT_SIGNING_KEY",
            "BRIDGE_TCP_PORT",
            "BRIDGE_TCP_HOST",
            "BRIDGE_TCP_CERTIFICATE_FILE",
            "BRIDGE_TCP_KEY_FILE",
            "BRIDGE_TCP_CLIENT_CA_FILE",
            "BRIDGE_SOCKJS_PORT",
            "BRIDGE_MAX_CONNECTIONS",
            "BRIDGE_MAX_MESSAGES_PER_S",
            "CLUSTER",
            "CLUSTER_NAME",
            "CLUSTER_HOST",
            "CLUSTER_PORT",
            "CLUSTER_BUS_PORT",
            "CLUSTER_MEMBERS",
            "CLUSTER_KUBERNETES_DNS",
            "CLUSTER_ROUTING",
            "CLUSTER_TLS_CERT",
            "CLUSTER_TLS_KEY",
            "CLUSTER_TLS_CA",
            "CLUSTER_INSECURE");

    private final Map<String, String> values;
    private final List<String> problems = new ArrayList<>();

    /** @param values an empty one counts as absent */
    Settings(Map<String, String> values) {
        this.values = values;
    }

    /** What was found wrong so far, a line each. */
    List<String> problems() {
        return problems;
    }

    String get(String name, String otherwise) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException(name + " is not in NAMES");
        }
        String value = values.getOrDefault(name, "").strip();
        return value.isEmpty() ? otherwise : value;
    }

    void problem(String name, String value, String why) {
        problems.add(value.isEmpty() ? name + " " + why : name + "=" + value + " " + why);
    }

    int number(Range range, int otherwise) {
        return (int) number(range.name(), otherwise, range::holds, range.remedy());
    }

    long number(String name, long otherwise, LongPredicate allowed, String remedy) {
        String text = get(name, Long.toString(otherwise));
        Function<String, Long> wrong = why -> {
            problem(name, text, why + "; " + remedy);
            return otherwise;
        };
        try {
            long value = Long.parseLong(text);
            return allowed.test(value) ? value : wrong.apply("is out of range");
        } catch (NumberFormatException e) {
            return wrong.apply("is no whole number");
        }
    }

    <E extends Enum<E>> E oneOf(String name, Class<E> type, E otherwise) {
        E given = constant(name, get(name, otherwise.name()), type);
        return given == null ? otherwise : given;
    }

    /** Null, and a problem, for a text that is none of them. */
    <E extends Enum<E>> @Nullable E constant(String name, String text, Class<E> type) {
        for (E each : type.getEnumConstants()) {
            if (each.name().equalsIgnoreCase(text)) {
                return each;
            }
        }
        problem(
                name,
                text,
                "is unknown; give one of "
                        + Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT));
        return null;
    }

    /** Whether a setting has the one word that allows something; any other word is a problem. */
    boolean allowed(String name, String word) {
        String given = get(name, "");
        if (!given.isEmpty() && !given.equals(word)) {
            problem(name, given, "is unknown; the only word is " + word);
        }
        return given.equals(word);
    }

    /** Null when absent. */
    @Nullable
    Integer portOrNone(String name) {
        Range port = new Range(name, Config.PORT.min(), Config.PORT.max());
        return get(name, "").isEmpty() ? null : number(port, 0);
    }

    /** A file that can be read; null when absent. */
    @Nullable
    Path file(String name) {
        Path file = path(name, "");
        if (file.toString().isEmpty()) {
            return null;
        }
        if (!Files.isReadable(file)) {
            problem(name, file.toString(), "cannot be read; give a PEM file");
        }
        return file;
    }

    Path path(String name, String otherwise) {
        String text = get(name, otherwise);
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            problem(name, text, "is no path; give a folder or file name");
            return Path.of(otherwise);
        }
    }

    List<String> list(String name) {
        return Arrays.stream(get(name, "").split(",", -1))
                .map(String::strip)
                .filter(each -> !each.isEmpty())
                .toList();
    }
}
