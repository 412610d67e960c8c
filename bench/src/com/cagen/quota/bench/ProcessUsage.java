package com.cagen.quota.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a process costs, from {@code /proc}. */
final class ProcessUsage {
    private static final double TICKS_A_SECOND = 100; // USER_HZ, the same on every Linux

    private ProcessUsage() {}

    /** CPU seconds of a process and of the children that it has waited for. */
    static double cpuSeconds(long pid) throws IOException {
        String[] fields = stat(pid);
        return (Long.parseLong(fields[11])
                        + Long.parseLong(fields[12])
                        + Long.parseLong(fields[13])
                        + Long.parseLong(fields[14]))
                / TICKS_A_SECOND;
    }

    /** As {@link #cpuSeconds}, with the children that run. */
    static double cpuSecondsOfFamily(long parent) throws IOException {
        double seconds = cpuSeconds(parent);
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            for (Path process : processes
                    .filter(path -> path.getFileName().toString().matches("\\d+"))
                    .toList()) {
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
        return text.substring(text.lastIndexOf(')') + 2).split(" ", -1);
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
