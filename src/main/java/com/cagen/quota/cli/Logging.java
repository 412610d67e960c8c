package com.cagen.quota.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import com.cagen.quota.config.Config;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs to standard output, as text or as a JSON object a line. */
final class Logging {
    private Logging() {}

    public static void configure(Config config) {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
        console.setContext(context);
        console.setEncoder(encoder(context, config.logFormat()));
        console.start();
        ch.qos.logback.classic.Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        root.addAppender(console);
        root.setLevel(Level.toLevel(config.logLevel().name()));
        // Chatty, and of no use to an operator.
        showMigrationSteps(config);
        context.getLogger("io.zonky").setLevel(Level.WARN);
        context.getLogger("io.netty").setLevel(Level.WARN);
        context.getLogger("com.hazelcast").setLevel(Level.WARN);
        // Vert.x asks for gauges that it already has; it gets the same ones.
        context.getLogger("io.micrometer.core.instrument.MeterRegistry").setLevel(Level.ERROR);
    }

    /** What Flyway does step by step is shown at debug only; problems always are. */
    static void showMigrationSteps(Config config) {
        ((LoggerContext) LoggerFactory.getILoggerFactory())
                .getLogger("org.flywaydb")
                .setLevel(config.logLevel() == Config.LogLevel.DEBUG ? Level.DEBUG : Level.WARN);
    }

    private static Encoder<ILoggingEvent> encoder(LoggerContext context, Config.LogFormat format) {
        if (format == Config.LogFormat.JSON) {
            JsonEncoder json = new JsonEncoder();
            json.setContext(context);
            // The message as text, once; what is the same in every line, or tells nothing, is left out.
            json.setWithFormattedMessage(true);
            json.setWithMessage(false);
            json.setWithArguments(false);
            json.setWithSequenceNumber(false);
            json.setWithNanoseconds(false);
            json.setWithContext(false);
            json.start();
            return json;
        }
        PatternLayoutEncoder text = new PatternLayoutEncoder();
        text.setContext(context);
        text.setPattern("%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0} [%X{request_id:--}] %msg%n");
        text.start();
        return text;
    }
}
