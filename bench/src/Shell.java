import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Other programs: running them, and what they cost. */
final class Shell {
    private static final double TICKS_A_SECOND = 100; // USER_HZ, the same on every Linux

    private Shell() {}

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

    /** CPU seconds of a process and of the children that it has waited for. */
    static double cpuSeconds(long pid) throws IOException {
        String[] fields = stat(pid);
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12]) + Long.parseLong(fields[13]) + Long.parseLong(fields[14]))
                / TICKS_A_SECOND;
    }

    /** As {@link #cpuSeconds}, with the children that run. */
    static double cpuSecondsOfFamily(long parent) throws IOException {
        double seconds = cpuSeconds(parent);
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            for (Path process : processes.filter(path -> path.getFileName().toString().matches("\\d+")).toList()) {
                long pid = Long.parseLong(process.getFileName().toString());
                try {
                    if (Long.parseLong(stat(pid)[1]) == parent) {
                        seconds += cpuSeconds(pid);
                    }
                } catch (IOException e) {
                    // ended meanwhile
                }
            }
        }
        return seconds;
    }

    /** From the process state on: its name, which may hold blanks, is left out. */
    private static String[] stat(long pid) throws IOException {
        String text = Files.readString(Path.of("/proc/" + pid + "/stat"));
        return text.substring(text.lastIndexOf(')') + 2).split(" ");
    }

    /** Resident memory in megabytes: {@code VmRSS} now, {@code VmHWM} at its highest. */
    static long memoryMb(long pid, String field) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
            if (line.startsWith(field + ":")) {
                return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
            }
        }
        throw new IllegalStateException("no " + field);
    }
}
