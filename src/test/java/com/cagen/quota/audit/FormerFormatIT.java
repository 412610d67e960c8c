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
        TestDatabase.execute(audit.url, "CREATE TABLE genuine AS SELECT * FROM quota.quota_audit_logs");
        TestDatabase.execute(audit.url, "ALTER TABLE quota.quota_audit_logs DISABLE TRIGGER ALL");
    }

    @AfterEach
    void putBack() {
        TestDatabase.execute(
                audit.url, "TRUNCATE quota.quota_audit_logs; INSERT INTO quota.quota_audit_logs SELECT * FROM genuine");
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

    /** Entry 4 is of format 1, entry 16 of format 2. */
    @ParameterizedTest
    @CsvSource({
        "4, usage_mb, the hash does not fit the entry",
        "16, usage_mb, the hash does not fit the entry",
        "4, format 2, the hash does not fit the entry",
        "16, format 1, the hash does not fit the entry",
        "4, format 3, this release knows no format 3",
        "16, format 0, this release knows no format 0",
    })
    void namesAnEntryOfEitherFormatThatWasChanged(long seq, String what, String why) {
        String change = what.startsWith("format ")
                ? "format = " + what.substring(7)
                : "details = replace(details::text, '\"usage_mb\":', '\"usage_mb\":1')::json";
        TestDatabase.execute(
                audit.url,
                "UPDATE quota.quota_audit_logs SET " + change + " WHERE organization_id = 'acme' AND seq = " + seq);
        assertThat(await(ChainVerification.run(audit.database)).firstBad())
                .isEqualTo(new ChainVerification.Bad("acme", seq, why));
    }
}
