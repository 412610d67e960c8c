package com.cagen.quota.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs scripts as somebody would who pastes them into a terminal. */
public final class Shell {
    private static final long PATIENCE_SECONDS = 60;

    private Shell() {}

    /** What a script printed. */
    public record Result(String output, String errors) {}

    /** Feeds {@code script} to bash, which reads and runs it line by line. */
    public static Result run(String script) throws Exception {
        Process bash = new ProcessBuilder("bash").start();
        try {
            CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> text(bash.inputReader()));
            CompletableFuture<String> errors = CompletableFuture.supplyAsync(() -> text(bash.errorReader()));
            try (var in = bash.getOutputStream()) {
                in.write(script.getBytes(StandardCharsets.UTF_8));
            }
            if (!bash.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("the script did not end: " + script);
            }
            return new Result(output.join(), errors.join());
        } finally {
            bash.destroyForcibly();
        }
    }

    private static String text(java.io.Reader reader) {
        try (reader) {
            java.io.StringWriter text = new java.io.StringWriter();
            reader.transferTo(text);
            return text.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
