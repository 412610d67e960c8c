package com.cagen.quota.bench;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Runs other programs. */
final class Programs {
    private Programs() {}

    static String run(String... command) throws Exception {
        return run(List.of(command));
    }

    static String run(List<String> command) throws Exception {
        return run(command, Map.of());
    }

    /** What the program printed; it must end well. */
    static String run(List<String> command, Map<String, String> environment) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(command.get(0) + " failed:\n" + output);
        }
        return output;
    }
}
