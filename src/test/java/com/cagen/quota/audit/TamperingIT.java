package com.cagen.quota.audit;

import static com.cagen.quota.audit.AuditHarness.applied;
import static com.cagen.quota.audit.AuditHarness.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.config.SigningKey;
import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.SealRows;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.storage.sql.SqlWrite;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
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
    private static final List<String> TABLES = List.of("journal", "seals", "seal_quotas", "chain_heads");

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
        TABLES.forEach(table -> execute("CREATE TABLE genuine_" + table + " AS SELECT * FROM quota." + table));
        genuineLines = Files.readAllLines(file);
        assertThat(genuineLines).hasSize(6);
        TABLES.forEach(table -> execute("ALTER TABLE quota." + table + " DISABLE TRIGGER ALL"));
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
        TABLES.forEach(table -> execute(
                "DELETE FROM quota." + table + "; INSERT INTO quota." + table + " SELECT * FROM genuine_" + table));
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

    /** The second row of org_b, which has its entries 4 to 6. */
    private static final String SECOND_ROW = B + "AND position = (SELECT max(position) FROM quota.journal" + B + ")";

    private void editSecondRow(Consumer<JsonArray> edit) {
        JsonArray entries = new JsonArray(text("SELECT entries FROM quota.journal" + SECOND_ROW));
        edit.accept(entries);
        execute("UPDATE quota.journal SET entries = '" + entries.encode().replace("'", "''") + "'" + SECOND_ROW);
    }

    private String text(String query) {
        try (var connection = TestDatabase.connect(audit.url);
                var rows = connection.createStatement().executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void findsNothingWrongWithARowThatWasWrittenAnewAsItWas() {
        editSecondRow(entries -> {});
        assertThat(firstBad()).isNull();
    }

    /** The elements of an entry in the order of the journal. */
    @ParameterizedTest
    @CsvSource({
        "0, 01890000-0000-7000-8000-000000000000",
        "1, quota_x",
        "1,",
        "2, quota_x",
        "4, usage.deallocate",
        "5, refused",
        "6, nobody",
        "7, svc_2",
        "8, user_2",
        "9, req_2",
        "12, 01890000-0000-7000-8000-000000000000",
    })
    void namesTheEntryOfWhichOneFieldWasChanged(int element, @Nullable String value) {
        editSecondRow(entries -> {
            JsonArray entry = entries.getJsonArray(0);
            if (element == entry.size()) {
                entry.add(value);
            } else {
                entry.set(element, value);
            }
        });
        assertFound(4, "the hash does not fit the entry");
    }

    @Test
    void namesTheEntryWhoseVersionTimeOrDetailsWereChanged() {
        editSecondRow(entries -> entries.getJsonArray(0).set(3, 9));
        assertFound(4, "the hash does not fit the entry");
        editSecondRow(entries -> entries.getJsonArray(0)
                .set(3, 4)
                .set(10, entries.getJsonArray(0).getLong(10) + 1));
        assertFound(4, "the hash does not fit the entry");
        editSecondRow(entries -> entries.getJsonArray(0)
                .set(10, entries.getJsonArray(0).getLong(10) - 1)
                .set(11, new JsonObject().put("usage_mb", 9)));
        assertFound(4, "the hash does not fit the entry");
    }

    @Test
    void namesTheEntryWhoseFormatOrHashWasChanged() {
        execute("UPDATE quota.seals SET format = 1" + B + "AND last_seq = 6");
        assertFound(4, "the hash does not fit the entry");
        execute("UPDATE quota.seals SET format = 2, hashes = set_byte(hashes, 33, 255 - get_byte(hashes, 33))" + B
                + "AND last_seq = 6");
        assertFound(5, "the hash does not fit the entry");
    }

    @Test
    void namesTheEntryThatWasMovedToAnotherOrganization() {
        execute("UPDATE quota.journal SET organization_id = 'org_b' WHERE organization_id = 'org_c'");
        execute("UPDATE quota.seals SET organization_id = 'org_b', first_seq = 7, last_seq = 9"
                + " WHERE organization_id = 'org_c' AND last_seq = 6");
        assertFound(7, "the hash does not fit the entry");
    }

    @Test
    void namesThePlaceOfEntriesThatAreMissing() {
        execute("DELETE FROM quota.seals" + B + "AND last_seq = 3");
        assertFound(1, "the entry is missing");
    }

    @Test
    void namesThePlaceOfARowThatTheJournalLacksOrThatCannotBeRead() {
        execute("UPDATE quota.journal SET entries = '[[1]]'" + SECOND_ROW);
        assertFound(4, "the journal does not have the entry");
        execute("DELETE FROM quota.journal" + SECOND_ROW);
        assertFound(4, "the journal does not have the entry");
    }

    @Test
    void namesTheFirstOfTwoEntriesThatWereSwapped() {
        editSecondRow(entries -> {
            Object fifth = entries.getValue(1);
            entries.set(1, entries.getValue(2)).set(2, fifth);
        });
        assertFound(5, "the hash does not fit the entry");
    }

    @Test
    void namesAnEntryThatWasInsertedOrTakenOut() {
        editSecondRow(entries -> entries.add(entries.getValue(0)));
        assertFound(7, "the hash does not fit the entry");
        editSecondRow(entries -> {
            entries.remove(3);
            entries.remove(2);
        });
        assertFound(6, "the hash does not fit the entry");
    }

    @Test
    void namesARowOfTheJournalThatNoSealNames() {
        execute("INSERT INTO quota.journal SELECT organization_id, position + 1, batch_id, entry_count, entries"
                + " FROM quota.journal" + SECOND_ROW);
        assertFound(7, "the journal has rows without a place in the chain: 1");
    }

    @Test
    void findsEntriesThatAreNotListedForTheirQuotaOrListedForAnotherOne() {
        String why = "the entries that are listed for a quota are not those about it";
        execute("UPDATE quota.seal_quotas SET quota_id = 'quota_x'" + B + "AND last_seq = 6");
        assertFound(1, why);
        execute("DELETE FROM quota.seal_quotas" + B + "AND last_seq = 6");
        assertFound(1, why);
    }

    @Test
    void namesAnEntryAppendedBehindTheHeadThoughItsHashFits() {
        AuditEntry forged = applied("org_b", "quota_org_b", 7);
        SealBuilder seal = new SealBuilder("org_b", head(chain().get(5)), HashChain.FORMAT);
        long position = 1_000_000;
        seal.add(position, List.of(forged));
        List<SqlWrite> writes =
                new ArrayList<>(JournalRows.entries(UUID.randomUUID(), position, Map.of("org_b", List.of(forged))));
        writes.addAll(SealRows.writes(List.of(seal.seal()), HashChain.FORMAT));
        await(audit.database.transaction(SecurityScope.organization("org_b"), connection -> connection.write(writes)));
        execute("DELETE FROM quota.unsealed");
        assertFound(7, "the entry lies beyond the chain's head");
    }

    private void cutOffTheSecondSeal() {
        execute("DELETE FROM quota.seals" + B + "AND last_seq = 6");
        execute("DELETE FROM quota.seal_quotas" + B + "AND last_seq = 6");
        execute("DELETE FROM quota.journal" + SECOND_ROW);
    }

    @Test
    void namesTheFirstEntryOfAMissingTail() {
        cutOffTheSecondSeal();
        assertFound(4, "the chain ends before its head, which is 6");
    }

    @Test
    void namesTheFirstEntryOfAMissingTailThoughTheHeadWasPutBack() throws IOException {
        cutOffTheSecondSeal();
        resetHead(3);
        assertFoundByCheckpointsOnly("organization org_b, entry 4:", "the end of the chain is missing");
    }

    @Test
    void namesTheHeadThatWasPutBackBeforeEntriesThatAreStillThere() {
        resetHead(3);
        assertFound(4, "the entry lies beyond the chain's head");
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
        List<AuditEntry> entries = new ArrayList<>();
        for (SealedEntry sealed : chain()) {
            AuditEntry e = sealed.entry();
            entries.add(
                    sealed.seq() != changed
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
                                    e.createdAt()));
        }
        ChainRows.Head head = new HashChain().head();
        for (int first = 0; first < 6; first += 3) {
            List<AuditEntry> row = entries.subList(first, first + 3);
            long position =
                    Long.parseLong(text("SELECT positions[1] FROM quota.seals" + B + "AND last_seq = " + (first + 3)));
            SealBuilder seal = new SealBuilder("org_b", head, HashChain.FORMAT);
            seal.add(position, row);
            head = seal.head();
            String hashes = HexFormat.of().formatHex(seal.seal().hashes().getBytes());
            execute("UPDATE quota.journal SET entries = '" + JournalRows.encode(row) + "'" + B + "AND position = "
                    + position);
            execute("UPDATE quota.seals SET hashes = decode('" + hashes + "', 'hex')" + B + "AND last_seq = "
                    + (first + 3));
        }
        resetHead(6);
        assertFoundByCheckpointsOnly(
                "organization org_b, entry " + checkpoint + ": it, or one before it, was rewritten");
    }

    @Test
    void namesAnOrganizationThatIsGone() throws IOException {
        TABLES.forEach(table -> execute("DELETE FROM quota." + table + B));
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
        return audit.chain("org_b");
    }

    private static ChainRows.Head head(SealedEntry entry) {
        return new ChainRows.Head(
                entry.seq(), io.vertx.core.buffer.Buffer.buffer(HexFormat.of().parseHex(entry.hash())));
    }
}
