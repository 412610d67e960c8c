package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.config.VerifyingKey;
import com.cagen.quota.testing.JarProcess;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.TestDatabase;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar's commands on a database that is there. */
@Tag("engine-independent")
class CommandsIT {
    @TempDir
    Path folder;

    private JarProcess run(Map<String, String> settings, int status, String... arguments) throws Exception {
        JarProcess process = new JarProcess(JarProcess.ownJava(), folder, settings, arguments);
        assertThat(process.awaitExit()).as(process.output()).isEqualTo(status);
        return process;
    }

    @Test
    void migratesADatabaseAndDoesItAgainWithoutHarm() throws Exception {
        assertThat(run(Map.of(), 1, "migrate").output()).contains("DATABASE_URL is needed to migrate");
        String url = TestDatabase.createEmpty();
        run(Map.of("DATABASE_URL", url), 0, "migrate");
        TestDatabase.execute(url, "SELECT FROM quota.quotas");
        run(Map.of("DATABASE_URL", url), 0, "migrate");
    }

    @Test
    void verifiesTheAuditChainsAndNamesTheFirstBadEntry() throws Exception {
        String url;
        try (RunningService service = new RunningService()) {
            User alice = service.user("acme", "alice");
            String quota = alice.root(10);
            alice.take(quota, "res", 5).data();
            alice.take(quota, "res", 5).data();
            service.user("beta", "bob").root(10);
            url = service.databaseUrl();
        }
        assertThat(run(Map.of("DATABASE_URL", url), 0, "audit", "verify").output())
                .contains("2 organizations, 4 entries")
                .contains("all chains are whole");
        // Somebody with all rights on the database, who wants five megabytes to look like one.
        TestDatabase.execute(url, """
                ALTER TABLE quota.journal DISABLE TRIGGER ALL;
                UPDATE quota.journal SET entries = replace(entries, '"usage_mb":5', '"usage_mb":1')
                WHERE organization_id = 'acme'
                """);
        assertThat(run(Map.of("DATABASE_URL", url), 2, "audit", "verify").output())
                .contains("acme")
                .contains("entry 2")
                .doesNotContain("all chains are whole");
    }

    @Test
    void findsByTheCheckpointsWhatTheChainsCannotShow() throws Exception {
        String url;
        Path checkpoints;
        String key;
        try (RunningService service = new RunningService()) {
            User alice = service.user("acme", "alice");
            alice.take(alice.root(10), "res", 5).data();
            url = service.databaseUrl();
            checkpoints = service.dataDir().resolve("checkpoints.log").toAbsolutePath();
            JsonObject answer = service.send("GET", "/api/v1/audit/key", "").data();
            assertThat(answer.getString("algorithm")).isEqualTo("Ed25519");
            key = answer.getString("public_key");
            assertThat(answer.getString("key_id"))
                    .isEqualTo(VerifyingKey.parse(key).id());
        }
        // An auditor has read access to the database, the file and the public key.
        Map<String, String> settings = Map.of("DATABASE_URL", url);
        String file = checkpoints.toString();
        assertThat(run(settings, 0, "audit", "verify", "--checkpoints", file, "--public-key", key)
                        .output())
                .contains("all chains are whole")
                .contains("1 checkpoints in " + file);
        assertThat(run(settings, 2, "audit", "verify", "--checkpoints", file).output())
                .contains("signed with the key " + VerifyingKey.parse(key).id() + ", which is not at hand");
        assertThat(run(settings, 1, "audit", "verify", "--public-key", "AAAA").output())
                .contains("--public-key AAAA is no Ed25519 public key");
        // Somebody with all rights on the database cuts the end off and leaves a chain that is whole.
        TestDatabase.execute(url, """
                ALTER TABLE quota.journal DISABLE TRIGGER ALL;
                ALTER TABLE quota.seals DISABLE TRIGGER ALL;
                ALTER TABLE quota.seal_quotas DISABLE TRIGGER ALL;
                DELETE FROM quota.seals WHERE first_seq = 2;
                UPDATE quota.seals SET last_seq = 1, positions = positions[1:1], hashes = substring(hashes FROM 1 FOR 32);
                DELETE FROM quota.journal WHERE position NOT IN (SELECT unnest(positions) FROM quota.seals);
                DELETE FROM quota.seal_quotas;
                INSERT INTO quota.seal_quotas SELECT s.organization_id, q.id, 1, s.positions, '{1}'
                FROM quota.seals s JOIN quota.quotas q USING (organization_id);
                UPDATE quota.chain_heads h SET seq = s.last_seq, hash = s.hashes FROM quota.seals s
                WHERE s.organization_id = h.organization_id
                """);
        assertThat(run(settings, 2, "audit", "verify", "--checkpoints", file, "--public-key", key)
                        .output())
                .contains("all chains are whole")
                .contains("organization acme, entry 2: the end of the chain is missing");
    }
}
