package com.cagen.quota.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** A database as an earlier release left it: its schema, and rows that it wrote. */
public final class FormerDatabase {
    /** Of its first organization: a root with one living child. */
    public static final String ROOT = "quota_01a2168e8aea7319a960faa1f262d7e5";

    public static final String CHILD = "quota_01a2168e8b9f7f5d857f1798509fe6ab";

    /** As {@link #ROOT} and {@link #CHILD}, of {@link #withLedger}. */
    public static final String LEDGER_ROOT = "quota_01a21904644572cda07264ab67fc58fa";

    public static final String LEDGER_CHILD = "quota_01a2190464ba79e99c66df4b586c6235";

    private FormerDatabase() {}

    /**
     * Schema version 7. Two organizations, {@code acme} of alice and {@code globex} of erin, have 14 and 2 audit entries, sealed in
     * format 1; acme has 3 more in its outbox.
     *
     * @return its URL
     */
    public static String withTrailOfFormat1() {
        return with(List.of("2", "3", "4", "5", "7"), "/trail-format-1.sql");
    }

    /**
     * Schema version 9, the last one without a journal. Organization {@code acme} of alice has usage and transfers; its last three
     * operations wait in the outbox.
     *
     * @return its URL
     */
    public static String withLedger() {
        return with(List.of("2", "3", "4", "5", "7", "8", "9"), "/database-9.sql");
    }

    private static String with(List<String> versions, String rows) {
        String url = TestDatabase.createEmpty();
        Path db = Path.of("src/main/resources/db");
        String engine = TestConfig.ENGINE.name().toLowerCase(Locale.ROOT);
        try (Connection connection = TestDatabase.connect(url);
                var statement = connection.createStatement()) {
            statement.execute(Files.readString(db.resolve("migration/V1__schema.sql")));
            for (String version : versions) {
                try (var files = Files.newDirectoryStream(db.resolve(engine), "V" + version + "__*.sql")) {
                    connection.setAutoCommit(false); // there are settings that last for the transaction
                    statement.execute(Files.readString(files.iterator().next()));
                    connection.commit();
                }
            }
            statement.execute(resource(rows));
            connection.commit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
        return url;
    }

    private static String resource(String name) throws IOException {
        try (var in = Objects.requireNonNull(FormerDatabase.class.getResourceAsStream(name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
