package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.applied;
import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.config.SigningKey;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.AuditRows;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What somebody with a superuser's powers over the database can do, and how it is found out. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TamperingIT {
    private static final String B = " WHERE organization_id = 'org_b' ";
    private static final String B3 = B + "AND seq = 3";

    @TempDir
    static Path folder;

    private AuditHarness audit;
    private Path file;
    private List<String> genuineLines = List.of();

    /** Three organizations with six entries each; checkpoints at the third one and at the last one. */
    @BeforeAll
    void start() throws IOException {
        file = folder.resolve("checkpoints.log");
        audit = new AuditHarness(file);
        for (int half = 0; half < 2; half++) {
            for (String organization : List.of("org_a", "org_b", "org_c")) {
                String quota = "quota_" + organization;
                await(audit.add(List.of(List.of(
                        applied(organization, quota, 3L * half + 1), full(organization), refused(organization)))));
            }
            audit.sealAll();
        }
        execute("CREATE TABLE genuine_entries AS SELECT * FROM quota.quota_audit_logs");
        execute("CREATE TABLE genuine_heads AS SELECT * FROM quota.chain_heads");
        genuineLines = Files.readAllLines(file);
        assertThat(genuineLines).hasSize(6);
        execute("ALTER TABLE quota.quota_audit_logs DISABLE TRIGGER ALL");
    }

    private static AuditEntry full(String organization) {
        AuditEntry e = applied(organization, "quota_" + organization, 2);
        return new AuditEntry(
                e.auditId(),
                organization,
                e.quotaId(),
                "quota_0",
                2L,
                "permission.grant",
                "applied",
                "a",
                "s",
                "t",
                "{}",
                "r",
                e.createdAt());
    }

    private static AuditEntry refused(String organization) {
        AuditEntry e = applied(organization, "quota_" + organization, 1);
        return new AuditEntry(
                e.auditId(),
                organization,
                null,
                null,
                null,
                "credential.use",
                "refused",
                "a",
                "s",
                null,
                "{\"code\":\"credential_replayed\"}",
                "r",
                e.createdAt());
    }

    @AfterEach
    void putBack() throws IOException {
        execute("TRUNCATE quota.quota_audit_logs; INSERT INTO quota.quota_audit_logs SELECT * FROM genuine_entries");
        execute("DELETE FROM quota.chain_heads; INSERT INTO quota.chain_heads SELECT * FROM genuine_heads");
        Files.write(file, genuineLines);
    }

    @AfterAll
    void stop() {
        audit.close();
    }

    private void execute(String sql) {
        TestDatabase.execute(audit.url, sql);
    }

    private ChainVerification.@Nullable Bad firstBad() {
        return await(ChainVerification.run(audit.database)).firstBad();
    }

    private void assertFound(long seq, String why) {
        assertThat(firstBad()).isEqualTo(new ChainVerification.Bad("org_b", seq, why));
    }

    /** The chains look whole; only the checkpoints tell. */
    private void assertFoundByCheckpointsOnly(String... parts) throws IOException {
        assertThat(firstBad()).isNull();
        assertThat(verify().firstBad()).contains(parts);
    }

    @Test
    void findsNothingWrongWithWhatWasLeftAlone() throws IOException {
        assertThat(firstBad()).isNull();
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(6, 0, null));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "audit_id = gen_random_uuid()",
                "quota_id = 'quota_x'",
                "quota_id = NULL",
                "parent_quota_id = 'quota_x'",
                "quota_version = 9",
                "action = 'usage.deallocate'",
                "outcome = 'refused'",
                "actor_user_id = 'nobody'",
                "service_id = 'svc_2'",
                "target_user_id = 'user_2'",
                "details = '{\"usage_mb\": 4}'",
                "request_id = 'req_2'",
                "created_at = created_at + interval '1 microsecond'",
                "operation_id = gen_random_uuid()",
                "format = 1",
                "hash = decode(repeat('ab', 32), 'hex')"
            })
    void namesTheEntryOfWhichOneFieldWasChanged(String change) {
        execute("UPDATE quota.quota_audit_logs SET " + change + B + "AND seq = 4");
        assertFound(4, "the hash does not fit the entry");
    }

    @Test
    void namesTheEntryThatWasMovedToAnotherOrganization() {
        execute("UPDATE quota.quota_audit_logs SET organization_id = 'org_b', seq = 7"
                + " WHERE organization_id = 'org_c' AND seq = 6");
        assertFound(7, "the hash does not fit the entry");
    }

    @Test
    void namesThePlaceOfAnEntryThatIsMissing() {
        execute("DELETE FROM quota.quota_audit_logs" + B3);
        assertFound(3, "the entry is missing");
    }

    @Test
    void namesTheFirstOfTwoEntriesThatWereSwapped() {
        execute("UPDATE quota.quota_audit_logs SET seq = -3" + B3);
        execute("UPDATE quota.quota_audit_logs SET seq = 3" + B + "AND seq = 4");
        execute("UPDATE quota.quota_audit_logs SET seq = 4" + B + "AND seq = -3");
        assertFound(3, "the hash does not fit the entry");
    }

    @Test
    void namesAnEntryThatWasInserted() {
        execute("UPDATE quota.quota_audit_logs SET seq = -seq - 1" + B + "AND seq >= 3");
        execute("UPDATE quota.quota_audit_logs SET seq = -seq" + B + "AND seq < 0");
        execute(
                "INSERT INTO quota.quota_audit_logs SELECT organization_id, 3, gen_random_uuid(), quota_id, NULL, 9, action,"
                        + " outcome, actor_user_id, service_id, NULL, details, request_id, created_at, hash, format"
                        + " FROM quota.quota_audit_logs" + B + "AND seq = 1");
        assertFound(3, "the hash does not fit the entry");
    }

    @Test
    void namesAnEntryAppendedBehindTheHeadThoughItsHashFits() {
        AuditEntry forged = applied("org_b", "quota_org_b", 7);
        ChainRows.Head place = new HashChain(head(chain().get(5))).seal(forged);
        await(audit.database.transaction(
                SecurityScope.organization("org_b"),
                connection -> connection.write(AuditRows.entries(List.of(forged), List.of(place), HashChain.FORMAT))));
        assertFound(7, "the entry lies beyond the chain's head");
    }

    @Test
    void namesTheFirstEntryOfAMissingTail() {
        execute("DELETE FROM quota.quota_audit_logs" + B + "AND seq > 4");
        assertFound(5, "the chain ends before its head, which is 6");
    }

    @Test
    void namesTheFirstEntryOfAMissingTailThoughTheHeadWasPutBack() throws IOException {
        execute("DELETE FROM quota.quota_audit_logs" + B + "AND seq > 4");
        resetHead(4);
        assertFoundByCheckpointsOnly("organization org_b, entry 5:", "the end of the chain is missing");
    }

    @Test
    void namesTheHeadThatWasPutBackBeforeEntriesThatAreStillThere() {
        resetHead(4);
        assertFound(5, "the entry lies beyond the chain's head");
    }

    @Test
    void namesAHeadWithAnotherHash() {
        execute("UPDATE quota.chain_heads SET hash = decode(repeat('ab', 32), 'hex')" + B);
        assertFound(6, "the chain's head has another hash");
    }

    private void resetHead(long seq) {
        execute("UPDATE quota.chain_heads h SET seq = " + seq + ", hash = (SELECT l.hash FROM quota.quota_audit_logs l"
                + " WHERE l.organization_id = 'org_b' AND l.seq = " + seq + ")" + B);
    }

    @ParameterizedTest
    @CsvSource({"2, 3", "5, 6"})
    void namesTheFirstCheckpointAfterAnEntryFromWhichTheWholeChainWasRecomputed(int changed, int checkpoint)
            throws IOException {
        List<SealedEntry> chain = chain();
        HashChain forged = new HashChain();
        for (SealedEntry sealed : chain) {
            AuditEntry e = sealed.entry();
            AuditEntry entry = sealed.seq() != changed
                    ? e
                    : new AuditEntry(
                            e.auditId(),
                            e.organizationId(),
                            e.quotaId(),
                            e.parentQuotaId(),
                            e.quotaVersion(),
                            e.action(),
                            e.outcome(),
                            "somebody_else",
                            e.serviceId(),
                            e.targetUserId(),
                            e.details(),
                            e.requestId(),
                            e.createdAt());
            String hash = HexFormat.of().formatHex(forged.seal(entry).hash().getBytes());
            execute("UPDATE quota.quota_audit_logs SET actor_user_id = '" + entry.actorUserId() + "', hash = decode('"
                    + hash + "', 'hex')" + B + "AND seq = " + sealed.seq());
        }
        resetHead(6);
        assertFoundByCheckpointsOnly(
                "organization org_b, entry " + checkpoint + ": it, or one before it, was rewritten");
    }

    @Test
    void namesAnOrganizationThatIsGone() throws IOException {
        execute("DELETE FROM quota.quota_audit_logs" + B);
        execute("DELETE FROM quota.chain_heads" + B);
        assertFoundByCheckpointsOnly("organization org_b, entry 1: the organization is gone");
    }

    @Test
    void namesACheckpointLineThatWasEdited() throws IOException {
        List<String> lines = new ArrayList<>(genuineLines);
        lines.set(3, lines.get(3).replace("\"seq\":6", "\"seq\":5"));
        Files.write(file, lines);
        assertFoundByCheckpointsOnly("line 4: the signature does not fit");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void namesThePlaceOfACheckpointLineThatIsMissing(int line) throws IOException {
        List<String> lines = new ArrayList<>(genuineLines);
        lines.remove(line);
        Files.write(file, lines);
        assertFoundByCheckpointsOnly("line " + (line + 1) + ": the signature does not fit");
    }

    @Test
    void namesALineThatNobodySigned() throws IOException {
        List<String> lines = new ArrayList<>(genuineLines);
        lines.add(2, "{\"organization_id\":\"org_b\"}");
        lines.add("something else");
        Files.write(file, lines);
        assertFoundByCheckpointsOnly("line 8: not a checkpoint");
    }

    private CheckpointVerification.Report verify() throws IOException {
        return CheckpointVerification.run(audit.database, file, CheckpointVerification.Keys.of(audit.config));
    }

    /** As an auditor does, who has no secret. */
    private CheckpointVerification.Report verifyWithPublicKeyOnly() throws IOException {
        VerifyingKey key =
                VerifyingKey.parse(SigningKey.of(audit.config).verifyingKey().encoded());
        return CheckpointVerification.run(audit.database, file, CheckpointVerification.Keys.publicOnly(List.of(key)));
    }

    @Test
    void needsNoSecretToVerify() throws IOException {
        assertThat(verifyWithPublicKeyOnly()).isEqualTo(new CheckpointVerification.Report(6, 0, null));
        Files.writeString(file, String.join("\n", genuineLines).replaceFirst("\"seq\":3", "\"seq\":2"));
        assertThat(verifyWithPublicKeyOnly().firstBad()).contains("line 1: the signature does not fit");
    }

    @Test
    void namesTheKeyOfALineThatIsNotAtHand() throws Exception {
        KeyPair other = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        SigningKey key = SigningKey.parse(
                Base64.getEncoder().encodeToString(other.getPrivate().getEncoded()));
        Files.delete(file);
        new CheckpointFile(file, key).append(List.of(new Checkpoint("org_a", 1, "00", "2026-01-01T00:00:00Z")));
        assertFoundByCheckpointsOnly(
                "line 1: signed with the key " + key.verifyingKey().id(), "--public-key");
    }

    /** Says to be signed with the genuine key. */
    @Test
    void refusesALineThatAnotherKeySignedUnderTheNameOfTheGenuineOne() throws Exception {
        KeyPair other = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        SigningKey key = SigningKey.parse(
                Base64.getEncoder().encodeToString(other.getPrivate().getEncoded()));
        String line = new Checkpoint("org_a", 1, "00", "2026-01-01T00:00:00Z").sign(key, Checkpoint.FIRST);
        String genuineId = SigningKey.of(audit.config).verifyingKey().id();
        Files.writeString(file, line.replace(key.verifyingKey().id(), genuineId) + "\n");
        assertFoundByCheckpointsOnly("line 1: the signature does not fit");
    }

    /** What everybody can make who has the service's key, as each calling service does. */
    private List<String> linesOfAnEarlierRelease(String previous, Checkpoint... checkpoints) {
        Checkpoint.OldKey key = new Checkpoint.OldKey(audit.config.secretKey());
        List<String> lines = new ArrayList<>();
        String last = previous;
        for (Checkpoint each : checkpoints) {
            String text = new JsonObject()
                    .put("organization_id", each.organizationId())
                    .put("seq", each.seq())
                    .put("hash", each.hash())
                    .put("time", each.time())
                    .put("previous", last)
                    .encode();
            String signed = text.substring(0, text.length() - 1);
            last = key.mac(signed);
            lines.add(signed + ",\"mac\":\"" + last + "\"}");
        }
        return lines;
    }

    private Checkpoint genuine(int seq) {
        return new Checkpoint("org_b", seq, chain().get(seq - 1).hash(), "2026-01-01T00:00:00Z");
    }

    @Test
    void refusesALineThatWasForgedWithTheServicesKey() throws IOException {
        List<String> lines = new ArrayList<>(genuineLines);
        String last = java.util.Objects.requireNonNull(new Checkpoint.Line(lines.get(5)).seal());
        lines.addAll(linesOfAnEarlierRelease(last, genuine(4)));
        Files.write(file, lines);
        assertFoundByCheckpointsOnly("line 7: in the format of earlier releases behind a line in the present one");
        assertThat(verifyWithPublicKeyOnly().firstBad()).contains("line 7: in the format of earlier releases");
    }

    @Test
    void refusesAFileThatWasForgedWithTheServicesKeyWhenGivenThePublicKey() throws IOException {
        Files.write(file, linesOfAnEarlierRelease(Checkpoint.FIRST, genuine(3), genuine(6)));
        assertThat(verifyWithPublicKeyOnly().firstBad()).contains("no line is signed with a public key");
    }

    @Test
    void stillVerifiesLinesOfEarlierReleasesAndSaysHowManyThereAre() throws IOException {
        Files.write(file, linesOfAnEarlierRelease(Checkpoint.FIRST, genuine(3), genuine(6)));
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(2, 2, null));
        audit.sealAll(); // by this release, which goes on in the same file
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(5, 2, null));
        assertThat(verifyWithPublicKeyOnly()).isEqualTo(new CheckpointVerification.Report(3, 2, null));
        List<String> lines = Files.readAllLines(file);
        lines.set(0, lines.get(0).replace("\"seq\":3", "\"seq\":2"));
        Files.write(file, lines);
        assertFoundByCheckpointsOnly("line 1: the signature does not fit");
        lines.remove(1); // the next line signs the mac of this one
        Files.write(file, lines);
        assertThat(verifyWithPublicKeyOnly().firstBad()).contains("line 2: the signature does not fit");
    }

    @Test
    void passesOverWhatAPowerCutLeftOfALineAndGoesOnBehindIt() throws IOException {
        Files.writeString(
                file,
                String.join("\n", genuineLines) + "\n" + genuineLines.get(0).substring(0, 50));
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(6, 0, null));
        audit.sealAll(); // a new process, which writes every head anew
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(9, 0, null));
    }

    @Test
    void beginsAFileThatWasMovedAwayAnewWithEveryHead() throws IOException {
        Files.delete(file);
        audit.sealAll();
        assertThat(verify()).isEqualTo(new CheckpointVerification.Report(3, 0, null));
    }

    @Test
    void takesAFileThatCannotBeWrittenAsNoReasonToStop() throws IOException {
        Files.delete(file);
        Files.createDirectory(file);
        AuditHarness.Node node = audit.node().start();
        node.stop();
        assertThat(node.metrics
                        .get("cagen_quota_audit_checkpoint_failures")
                        .counter()
                        .count())
                .isEqualTo(1);
        Files.delete(file);
    }

    private List<SealedEntry> chain() {
        return await(audit.database.transaction(
                SecurityScope.organization("org_b"), connection -> AuditRows.chain(connection, "org_b", 0, 100)));
    }

    private static ChainRows.Head head(SealedEntry entry) {
        return new ChainRows.Head(
                entry.seq(), io.vertx.core.buffer.Buffer.buffer(HexFormat.of().parseHex(entry.hash())));
    }
}
