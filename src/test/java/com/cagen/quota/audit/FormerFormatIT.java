package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.applied;
import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.FormerDatabase;
import com.cagen.quota.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A chain that a release before audit formats has begun, and that goes on in format 2. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FormerFormatIT {
    private static final List<String> TABLES = List.of("quota_audit_logs_v9", "journal", "seals");

    @TempDir
    static Path folder;

    private AuditHarness audit;
    private Path checkpoints;

    @BeforeAll
    void start() {
        checkpoints = folder.resolve("checkpoints.log");
        audit = new AuditHarness(FormerDatabase.withTrailOfFormat1(), checkpoints);
        assertThat(await(ChainVerification.run(audit.database)))
                .as("migrated, and as the release before left it")
                .isEqualTo(new ChainVerification.Report(2, 16, null));
        audit.sealAll(); // three that the release before has left in the outbox
        await(audit.add(List.of(List.of(applied("acme", FormerDatabase.CHILD, 6)))));
        await(audit.add(List.of(List.of(applied("globex", "quota_1", 3)))));
        audit.sealAll();
        for (String table : TABLES) {
            TestDatabase.execute(audit.url, "CREATE TABLE genuine_" + table + " AS SELECT * FROM quota." + table);
            TestDatabase.execute(audit.url, "ALTER TABLE quota." + table + " DISABLE TRIGGER ALL");
        }
    }

    @AfterEach
    void putBack() {
        for (String table : TABLES) {
            TestDatabase.execute(
                    audit.url,
                    "TRUNCATE quota." + table + "; INSERT INTO quota." + table + " SELECT * FROM genuine_" + table);
        }
    }

    @AfterAll
    void stop() {
        audit.close();
    }

    private List<String> formats(String organization) throws SQLException {
        List<String> formats = new ArrayList<>();
        try (Connection connection = TestDatabase.connect(audit.url);
                ResultSet rows = connection
                        .createStatement()
                        .executeQuery("SELECT seq, format FROM quota.quota_audit_logs WHERE organization_id = '"
                                + organization + "' ORDER BY seq")) {
            while (rows.next()) {
                formats.add(rows.getString(1) + ":" + rows.getString(2));
            }
        }
        return formats;
    }

    @Test
    void goesOnInFormat2WhereFormat1Ended() throws Exception {
        assertThat(formats("globex")).containsExactly("1:1", "2:1", "3:2");
        assertThat(formats("acme")).hasSize(18).contains("14:1", "15:2", "18:2");
        assertThat(await(ChainVerification.run(audit.database))).isEqualTo(new ChainVerification.Report(2, 21, null));
    }

    @Test
    void signsCheckpointsOfBoth() throws IOException {
        assertThat(Files.readAllLines(checkpoints)).hasSize(4);
        assertThat(CheckpointVerification.run(
                        audit.database, checkpoints, CheckpointVerification.Keys.of(audit.config)))
                .isEqualTo(new CheckpointVerification.Report(4, 0, null));
    }

    /** Entry 4 was sealed by the former release, in format 1; entries 15 to 17 by this one, in one seal of format 2. */
    @ParameterizedTest
    @CsvSource({
        "4, quota_audit_logs_v9, 'details = replace(details::text, ''\"usage_mb\":'', ''\"usage_mb\":1'')::json'",
        "4, quota_audit_logs_v9, format = 2",
        "16, journal, 'entries = replace(entries, ''\"usage_mb\":5000'', ''\"usage_mb\":5001'')'",
        "15, seals, format = 1",
    })
    void namesAnEntryOfEitherFormatThatWasChanged(long seq, String table, String change) {
        change(seq, table, change);
        assertThat(await(ChainVerification.run(audit.database)).firstBad())
                .isEqualTo(new ChainVerification.Bad("acme", seq, "the hash does not fit the entry"));
    }

    @ParameterizedTest
    @CsvSource({"4, quota_audit_logs_v9, 3", "15, seals, 0"})
    void namesAnEntryOfAFormatThatThisReleaseDoesNotKnow(long seq, String table, int format) {
        change(seq, table, "format = " + format);
        assertThat(await(ChainVerification.run(audit.database)).firstBad())
                .isEqualTo(new ChainVerification.Bad("acme", seq, "this release knows no format " + format));
    }

    private void change(long seq, String table, String change) {
        String where =
                table.equals("journal") ? "position < 0" : table.equals("seals") ? "first_seq = 15" : "seq = " + seq;
        TestDatabase.execute(
                audit.url, "UPDATE quota." + table + " SET " + change + " WHERE organization_id = 'acme' AND " + where);
    }
}
