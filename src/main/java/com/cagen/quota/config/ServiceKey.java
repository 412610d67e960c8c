package com.cagen.quota.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The keys that calling services share with this one: configured or, in development, made once under the data folder. */
final class ServiceKey {
    private static final int KEY_BYTES = 32;

    private ServiceKey() {}

    /**
     * The newest one first. None, and a problem, when they cannot be used. Without problems, development makes a key where none is given: to be called last,
     * as it may write a file.
     */
    static List<Secret> read(
            Settings settings, boolean production, boolean required, Path dataDir, Consumer<String> say) {
        String name = "CAGEN_QUOTA_SERVICE_SECRET_KEY";
        List<String> given = settings.list(name);
        if (given.isEmpty() && required) {
            settings.problem(name, "", "is required in production and in a cluster; give base64 of 32 random bytes");
            return List.of();
        }
        if (given.isEmpty()) {
            Secret kept = settings.problems().isEmpty() ? keptKey(settings, dataDir.resolve("secret.key"), say) : null;
            return kept == null ? List.of() : List.of(kept);
        }
        for (String key : given) {
            String problem = problem(key, production);
            if (problem != null) {
                settings.problem(name, "***", problem + "; make one with: openssl rand -base64 32");
            }
        }
        return given.stream().map(Secret::new).toList();
    }

    /** Why a text is no key; null when it is one. */
    static @Nullable String problem(String text, boolean production) {
        if (!isKey(text)) {
            return "is not base64 of 32 bytes";
        }
        return production && hasEqualBytes(text) ? "is 32 times the same byte" : null;
    }

    private static boolean isKey(String text) {
        try {
            return Base64.getDecoder().decode(text).length == KEY_BYTES;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean hasEqualBytes(String key) {
        byte[] bytes = Base64.getDecoder().decode(key);
        byte[] equal = new byte[bytes.length];
        Arrays.fill(equal, bytes[0]);
        return Arrays.equals(bytes, equal);
    }

    /** Development only: a key of its own, readable by nobody else. */
    private static @Nullable Secret keptKey(Settings settings, Path file, Consumer<String> say) {
        try {
            if (!Files.exists(file)) {
                makeKey(file);
                say.accept("No CAGEN_QUOTA_SERVICE_SECRET_KEY was given: made one, kept in " + file);
            }
            String kept = Files.readString(file).strip();
            if (isKey(kept)) {
                return new Secret(kept);
            }
            settings.problems()
                    .add(file + " holds no base64 of 32 bytes; put the key back, or delete the file to get a new one");
        } catch (IOException e) {
            settings.problem(
                    "DATA_DIR", file.toString(), "cannot be read or written (" + e + "); give a folder that can");
        }
        return null;
    }

    private static void makeKey(Path file) throws IOException {
        byte[] bytes = new byte[KEY_BYTES];
        new SecureRandom().nextBytes(bytes);
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        // Under another name first: a file that is there is a whole one. Only its owner may read it.
        Path made = Files.createTempFile(folder, "secret", ".new");
        Files.writeString(made, Base64.getEncoder().encodeToString(bytes) + "\n");
        Files.move(made, file);
    }
}
