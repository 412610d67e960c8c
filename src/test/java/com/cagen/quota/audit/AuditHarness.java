package com.cagen.quota.audit;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.audit.SealedEntry;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.rows.SealedRows;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.storage.sql.SecurityScope;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A migrated database, a journal to fill, and as many nodes that seal it as a test wants. */
final class AuditHarness implements AutoCloseable {
    final String url;
    final Config config;
    final Database database;
    private final Vertx vertx = Vertx.vertx();
    private final List<Node> nodes = new ArrayList<>();

    AuditHarness(Path checkpointFile) {
        this(TestDatabase.create(), checkpointFile);
    }

    /** @param url of a database that may have a schema of an earlier release */
    AuditHarness(String url, Path checkpointFile) {
        this.url = url;
        config = TestConfig.withAudit(TestConfig.of(url), new Config.Audit(10, 60_000, checkpointFile));
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        database = Database.open(vertx, DatabaseUrl.parse(url), config.database(), "test", 4);
    }

    /** A node of its own: Vert.x, pool and audit verticle. */
    static final class Node implements AutoCloseable {
        final Vertx vertx = Vertx.vertx();
        final InternalBus bus;
        final Database database;
        final AuditVerticle verticle;
        final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        final Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
        private @Nullable String deployment;

        Node(Config config, String url) {
            bus = new InternalBus(vertx, Operations.CATALOG::commandType, 1, 5_000);
            bus.onEvent(events::add);
            database = Database.open(vertx, DatabaseUrl.parse(url), config.database(), "node", 4);
            verticle = new AuditVerticle(config, bus, database, metrics);
        }

        Node start() {
            deployment = await(vertx.deployVerticle(verticle));
            return this;
        }

        /** Ends when what was not sealed is sealed and has its checkpoint. */
        void stop() {
            if (deployment != null) {
                await(vertx.undeploy(deployment));
                deployment = null;
            }
        }

        @Override
        public void close() {
            stop();
            await(database.close());
            await(vertx.close());
        }
    }

    Node node() {
        Node node = new Node(config, url);
        nodes.add(node);
        return node;
    }

    /** Seals what waits, and writes checkpoints. */
    void sealAll() {
        node().start().stop();
    }

    static AuditEntry applied(String organization, String quota, long version) {
        return new AuditEntry(
                UUID.randomUUID(),
                organization,
                quota,
                null,
                version,
                "usage.allocate",
                AuditEntry.APPLIED,
                "user_1",
                "svc_1",
                null,
                "{\"usage_mb\":" + version + "}",
                "req_1",
                Instant.now().truncatedTo(ChronoUnit.MICROS));
    }

    /** Commits journal rows, one for each list, as one transaction would; or as many, where each keeps to one organization. */
    Future<Void> add(List<List<AuditEntry>> rows) {
        if (rows.size() > 1 && config.database().oneOrganizationATransaction()) {
            Future<Void> added = Future.succeededFuture();
            for (List<AuditEntry> entries : rows) {
                added = added.compose(ignored -> add(List.of(entries)));
            }
            return added;
        }
        Set<String> organizations = new LinkedHashSet<>();
        Map<String, List<AuditEntry>> journal = new LinkedHashMap<>();
        for (List<AuditEntry> entries : rows) {
            String organization = entries.get(0).organizationId();
            organizations.add(organization);
            journal.put(organization, entries);
        }
        return database.transaction(
                SecurityScope.organizations(organizations),
                connection -> RequestRows.ensureOrganizations(connection, organizations)
                        .compose(ignored -> JournalRows.nextMoment(connection))
                        .compose(moment ->
                                connection.write(JournalRows.entries(UUID.randomUUID(), moment.position(), journal))));
    }

    /** The entries that were sealed since there is a journal, in their places. */
    List<SealedEntry> chain(String organization) {
        List<SealedRows.StoredSeal> seals = await(database.transaction(
                SecurityScope.organization(organization),
                connection -> SealedRows.chain(connection, organization, 0, 1_000_000)));
        List<SealedEntry> chain = new ArrayList<>();
        for (SealedRows.StoredSeal seal : seals) {
            List<AuditEntry> entries = seal.rows().stream()
                    .flatMap(row -> Objects.requireNonNull(row.entries()).stream())
                    .toList();
            for (int i = 0; i < entries.size(); i++) {
                byte[] hash = seal.hashes().getBytes(32 * i, 32 * (i + 1));
                chain.add(new SealedEntry(
                        seal.firstSeq() + i,
                        entries.get(i),
                        seal.format(),
                        HexFormat.of().formatHex(hash)));
            }
        }
        return chain;
    }

    /** Runs a statement that changes the journal, as a superuser can. */
    void tamper(String sql) {
        TestDatabase.execute(url, "ALTER TABLE quota.journal DISABLE TRIGGER ALL; " + sql);
    }

    static <T> T await(Future<T> future) {
        try {
            return future.await(30, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("no answer in time", e);
        }
    }

    @Override
    public void close() {
        nodes.forEach(Node::close);
        await(database.close());
        await(vertx.close());
    }
}
