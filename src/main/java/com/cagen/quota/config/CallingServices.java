package com.cagen.quota.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** The services that may call, by their ids. Immutable; reads a file when it is made. */
public final class CallingServices {
    static final String SERVICE_ID = "[\\x21-\\x39\\x3b-\\x7e]{1,255}";

    private static final String FILE_SCHEME = "file:";
    private static final String ALL = "*";
    private static final Pattern OPERATION = Pattern.compile("\\*|[a-z]+\\.(\\*|[a-z]+)");
    private static final Set<String> FIELDS = Set.of("id", "keys", "operations", "organizations");
    private static final int MAX_SERVICES = 1_000;
    private static final int MAX_KEYS = 10;

    private final Map<String, Service> byId;

    private CallingServices(Map<String, Service> byId) {
        this.byId = Map.copyOf(byId);
    }

    /**
     * One service.
     *
     * @param keys the first one seals, every one opens
     * @param operations what it may do: names such as {@code quota.get}, {@code usage.*} or {@code *}; possibly nothing
     * @param organizations whose users it may act for; null: of all
     */
    public record Service(
            String id,
            List<Secret> keys,
            List<String> operations,
            @Nullable Set<String> organizations) {
        public Service {
            keys = List.copyOf(keys);
            operations = List.copyOf(operations);
            organizations = organizations == null ? null : Set.copyOf(organizations);
        }

        public boolean mayDo(String operation) {
            return operations.stream().anyMatch(pattern -> covers(pattern, operation));
        }

        public boolean mayActFor(String organizationId) {
            return organizations == null || organizations.contains(organizationId);
        }
    }

    /**
     * The service of the configuration itself, which may do everything, and those of its file. One that the file names as well is as
     * the file says.
     *
     * @throws ConfigException when the file cannot be read, with everything that is wrong with it
     */
    public static CallingServices of(Config config) {
        Map<String, Service> services = new LinkedHashMap<>();
        services.put(
                config.serviceId(),
                new Service(config.serviceId(), config.services().keys(), List.of(ALL), null));
        Path file = config.services().file();
        if (file != null) {
            boolean production = config.environment() == Config.Environment.PRODUCTION;
            services.putAll(new Reader(file, production).read());
        }
        return new CallingServices(services);
    }

    /** These, each with an id of its own. */
    public static CallingServices of(List<Service> services) {
        Map<String, Service> byId = new LinkedHashMap<>();
        services.forEach(service -> byId.put(service.id, service));
        return new CallingServices(byId);
    }

    /** Whether a name as it is in the file, such as {@code usage.*}, stands for an operation. */
    public static boolean covers(String pattern, String operation) {
        return pattern.endsWith(ALL)
                ? operation.startsWith(pattern.substring(0, pattern.length() - ALL.length()))
                : pattern.equals(operation);
    }

    public @Nullable Service find(@Nullable String id) {
        return id == null ? null : byId.get(id);
    }

    /** What they may do, as it is written. */
    public Set<String> operations() {
        Set<String> operations = new HashSet<>();
        byId.values().forEach(service -> operations.addAll(service.operations));
        return operations;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other || (other instanceof CallingServices services && byId.equals(services.byId));
    }

    @Override
    public int hashCode() {
        return byId.hashCode();
    }

    /** Reads one file, and notes everything that is wrong with it. */
    private static final class Reader {
        private final Path file;
        private final boolean production;
        private final List<String> problems = new ArrayList<>();

        Reader(Path file, boolean production) {
            this.file = file;
            this.production = production;
        }

        Map<String, Service> read() {
            Map<String, Service> services = new LinkedHashMap<>();
            Object list = content() instanceof Map<?, ?> map ? map.get("services") : null;
            if (!(list instanceof List<?> items) || items.isEmpty() || items.size() > MAX_SERVICES) {
                problem("services", "must be a list of 1 to " + MAX_SERVICES + " services");
                throw new ConfigException(problems);
            }
            for (int i = 0; i < items.size(); i++) {
                Service service = service("services[" + i + "]", items.get(i));
                if (service != null && services.put(service.id, service) != null) {
                    problem("services[" + i + "].id", "is there twice");
                }
            }
            if (!problems.isEmpty()) {
                throw new ConfigException(problems);
            }
            return services;
        }

        private @Nullable Object content() {
            try {
                return new Yaml(new SafeConstructor(new LoaderOptions())).load(Files.readString(file));
            } catch (IOException e) {
                problem("", "cannot be read (" + e.getClass().getSimpleName() + ")");
            } catch (YAMLException e) {
                problem("", "is no YAML"); // its message quotes the file
            }
            throw new ConfigException(problems);
        }

        private @Nullable Service service(String place, @Nullable Object item) {
            if (!(item instanceof Map<?, ?> fields)) {
                problem(place, "must have id, keys and operations");
                return null;
            }
            for (Object name : fields.keySet()) {
                if (!FIELDS.contains(String.valueOf(name))) {
                    problem(
                            place + "." + name,
                            "is unknown; there are "
                                    + String.join(", ", FIELDS.stream().sorted().toList()));
                }
            }
            String id = fields.get("id") instanceof String text ? text : "";
            if (!id.matches(SERVICE_ID)) {
                problem(place + ".id", "must be 1 to 255 visible ASCII characters, none of them a colon");
            }
            List<String> given = texts(place + ".keys", fields.get("keys"));
            if (given.isEmpty() || given.size() > MAX_KEYS) {
                problem(place + ".keys", "must be a list of 1 to " + MAX_KEYS + " keys");
            }
            List<Secret> keys = new ArrayList<>();
            for (int i = 0; i < given.size(); i++) {
                keys.add(key(place + ".keys[" + i + "]", given.get(i)));
            }
            List<String> operations = texts(place + ".operations", fields.get("operations"));
            if (fields.get("operations") == null) {
                problem(place + ".operations", "is required: a list such as [usage.*, quota.get], or [\"*\"]");
            }
            for (String operation : operations) {
                if (!OPERATION.matcher(operation).matches()) {
                    problem(place + ".operations", "has a name that is none: " + operation);
                }
            }
            Object organizations = fields.get("organizations");
            return new Service(
                    id,
                    keys,
                    operations,
                    organizations == null ? null : Set.copyOf(texts(place + ".organizations", organizations)));
        }

        private List<String> texts(String place, @Nullable Object value) {
            if (value == null) {
                return List.of();
            }
            if (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
                return list.stream().map(String.class::cast).toList();
            }
            problem(place, "must be a list of texts");
            return List.of();
        }

        private Secret key(String place, String given) {
            String text = given;
            if (given.startsWith(FILE_SCHEME)) {
                Path path = file.toAbsolutePath().resolveSibling(given.substring(FILE_SCHEME.length()));
                try {
                    text = Files.readString(path).strip();
                } catch (IOException e) {
                    problem(place, "names a file that cannot be read: " + path);
                    return new Secret("");
                }
            }
            String problem = ServiceKey.problem(text, production);
            if (problem != null) {
                problem(place, problem);
            }
            return new Secret(text);
        }

        private void problem(String place, String why) {
            problems.add("SERVICES_FILE=" + file + (place.isEmpty() ? " " : " " + place + " ") + why);
        }
    }
}
