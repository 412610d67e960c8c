package com.cagen.quota.service;

import static com.cagen.quota.testing.RunningService.await;
import static com.cagen.quota.testing.RunningService.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.audit.AuditVerticle;
import com.cagen.quota.auth.AuthVerticle;
import com.cagen.quota.auth.GrantBook;
import com.cagen.quota.auth.StubAuthService;
import com.cagen.quota.config.Config;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.QuotaVerticle;
import com.cagen.quota.messaging.InternalBus;
import com.cagen.quota.messaging.RequestChannel;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.CommitLossProxy;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Random grants and revocations on several nodes, of which some are cut off for good in the middle, with an auth service that
 * fails in every way: refuses, breaks, answers nothing, does what it was asked without an answer, or does it too late. However
 * that went, at the end auth service, record and trail agree. {@code -Dgrants.histories=5000} makes it the long run.
 */
class GrantHistoriesIT {
    private static final int HISTORIES = Integer.getInteger("grants.histories", 100);
    /** A lost node keeps its connections: with more than a dozen the server would have none left. */
    private static final int HISTORIES_A_CRASH = Math.max(60, HISTORIES / 12);

    private static final int STEPS = 6;
    private static final int AT_ONCE = 24;
    private static final long AUTH_TIMEOUT_MILLIS = 250;
    private static final String CREATOR = "alice";
    private static final List<String> USERS = List.of("bob", "carol", "dave");
    private static final Set<ErrorCode> EXPECTED = EnumSet.of(
            ErrorCode.PERMISSION_DENIED,
            ErrorCode.LAST_OWNER,
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            ErrorCode.AUTH_UNAVAILABLE,
            ErrorCode.DATABASE_UNAVAILABLE,
            ErrorCode.OUTCOME_UNKNOWN,
            ErrorCode.OVERLOADED);

    private final long seed = Long.getLong("grants.seed", System.nanoTime());
    private final String url = TestDatabase.create();
    private final Vertx outside = Vertx.vertx();
    private final StubAuthService stub = new StubAuthService(outside);
    private final GrantBook book = new GrantBook();
    private final Set<String> dead = ConcurrentHashMap.newKeySet();
    private final List<Node> nodes = new CopyOnWriteArrayList<>();
    private final List<Node> gone = new CopyOnWriteArrayList<>();
    private final AtomicInteger nodeNumbers = new AtomicInteger();
    private final Map<ErrorCode, AtomicInteger> refusals = new ConcurrentHashMap<>();
    private final AtomicInteger successes = new AtomicInteger();
    /** What happened to each call about a user: for the message of a failure. Keys are {@code quota/user}. */
    private final Map<String, List<String>> told = new ConcurrentHashMap<>();

    private final Set<String> quotas = ConcurrentHashMap.newKeySet();

    /** Lanes and an auth verticle with connections of their own, as a process of its own would have. */
    private final class Node {
        final String name = "node" + nodeNumbers.getAndIncrement();
        final CommitLossProxy proxy;
        final Vertx vertx = Vertx.vertx();
        private final Context context = vertx.getOrCreateContext();
        private final RequestChannel channel;

        Node(boolean audits) {
            try {
                proxy = new CommitLossProxy(url);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Config config = config(proxy.url());
            Database database = Database.open(vertx, DatabaseUrl.parse(proxy.url()), config.database(), name, 8);
            InternalBus bus = new InternalBus(
                    vertx,
                    Operations.CATALOG::commandType,
                    config.lanes().count(),
                    config.database().busTimeoutMillis());
            SimpleMeterRegistry metrics = new SimpleMeterRegistry();
            await(vertx.deployVerticle(new AuthVerticle(config, bus, database, stub.url() + "/" + name, metrics)));
            for (int lane = 0; lane < config.lanes().count(); lane++) {
                await(vertx.deployVerticle(
                        new QuotaVerticle(config, bus, database, Operations.CATALOG, metrics, lane)));
            }
            if (audits) {
                await(vertx.deployVerticle(new AuditVerticle(config, bus, database, metrics)));
            }
            // A node without the audit verticle would take its silence for a lag.
            vertx.setPeriodic(0, 1_000, ignored -> bus.publishAuditLag(0));
            Promise<RequestChannel> opened = Promise.promise();
            context.runOnContext(ignored -> opened.complete(bus.openChannel()));
            channel = await(opened.future());
        }

        private Config config(String databaseUrl) {
            Config base = TestConfig.of(databaseUrl);
            return new Config(
                    base.environment(),
                    base.host(),
                    base.port(),
                    base.dataDir(),
                    base.databaseUrl(),
                    null,
                    base.serviceId(),
                    base.services(),
                    base.logLevel(),
                    base.logFormat(),
                    base.allowedOrigins(),
                    base.roles(),
                    base.eventLoops(),
                    base.http(),
                    base.lanes(),
                    new Config.Database(TestConfig.ENGINE, 8, 500, 1_000, 4_000),
                    new Config.Auth(AUTH_TIMEOUT_MILLIS),
                    base.audit(),
                    base.bridges(),
                    null);
        }

        Future<Answer> send(String user, @Nullable String key, Input operation) {
            Caller caller = new Caller("org_1", user, "svc_cagen_quota", List.of());
            Nonce nonce = new Nonce(UUID.randomUUID().toString(), System.currentTimeMillis());
            Promise<Answer> answer = Promise.promise();
            context.runOnContext(ignored -> channel.send(
                            new Request("req", caller, nonce, key, Commands.nameOf(operation), operation))
                    .onComplete(answer));
            return answer.future();
        }

        /** It never says anything to anybody again. */
        void crash() {
            nodes.remove(this);
            gone.add(this);
            dead.add(name);
            proxy.refuse(true);
        }
    }

    private static boolean oneIn(int n) {
        return ThreadLocalRandom.current().nextInt(n) == 0;
    }

    private void note(String fate, HttpServerRequest request, JsonObject body) {
        if (body.containsKey("target_user_id")) {
            told.computeIfAbsent(
                            body.getString("resource_id") + "/" + body.getString("target_user_id"),
                            ignored -> new CopyOnWriteArrayList<>())
                    .add(System.nanoTime() / 1_000_000 % 1_000_000 + " " + fate + " " + request.path() + " "
                            + body.getJsonArray("permissions"));
        }
    }

    private boolean meets(String fate, int rarity, HttpServerRequest request, JsonObject body) {
        if (!oneIn(rarity)) {
            return false;
        }
        note(fate, request, body);
        return true;
    }

    /** Mostly right. */
    private void unreliable(HttpServerRequest request, JsonObject body) {
        String node = request.path().substring(1, request.path().indexOf('/', 1));
        boolean change = body.containsKey("target_user_id");
        if (dead.contains(node)) {
            if (meets("dead, done", 2, request, body)) {
                book.carryOut(request.path(), body);
            }
            request.connection().close();
        } else if (meets("closed", 40, request, body)) {
            request.connection().close();
        } else if (meets("done, closed", 40, request, body)) {
            book.carryOut(request.path(), body);
            request.connection().close();
        } else if (meets("done, silent", 40, request, body)) {
            book.carryOut(request.path(), body);
        } else if (meets("done late", 40, request, body)) {
            outside.setTimer(AUTH_TIMEOUT_MILLIS * 3 / 2, ignored -> book.carryOut(request.path(), body));
        } else if (meets("500", 40, request, body)) {
            request.response().setStatusCode(500).end();
        } else if (change && meets("refused", 40, request, body)) {
            request.response().end("{\"success\":false,\"error\":\"not now\"}");
        } else {
            note("done", request, body);
            request.response().end(book.carryOut(request.path(), body).encode());
        }
    }

    private Answer counted(Answer answer) {
        if (answer instanceof Refusal refusal) {
            assertThat(EXPECTED).as(refusal.message()).contains(refusal.code());
            refusals.computeIfAbsent(refusal.code(), ignored -> new AtomicInteger())
                    .incrementAndGet();
        } else {
            successes.incrementAndGet();
        }
        return answer;
    }

    private Node anyNode(Random random) {
        while (true) {
            List<Node> now = List.copyOf(nodes);
            if (!now.isEmpty()) {
                return now.get(random.nextInt(now.size()));
            }
        }
    }

    private String create(Random random, String key, Input operation) {
        while (true) {
            Answer answer = await(anyNode(random).send(CREATOR, key, operation));
            if (answer instanceof Answer.Success success) {
                return new JsonObject(success.data()).getString("id");
            }
        }
    }

    private void history(int number) {
        Random random = new Random(seed + number);
        String quota = create(
                random, "root" + number, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, 100, null));
        if (random.nextBoolean()) {
            quota = create(
                    random,
                    "child" + number,
                    new AllocateQuota.Command(
                            quota, "child", null, 10, QuotaType.ORGANIZATION, null, List.of("bob", "carol")));
        }
        quotas.add(quota);
        for (int step = 0; step < STEPS; step++) {
            List<Future<Answer>> answers = new ArrayList<>();
            for (int i = random.nextInt(3); i >= 0; i--) {
                String key = random.nextBoolean() ? "key" + number + "-" + random.nextInt(3) : null;
                String user = random.nextInt(3) == 0 ? "bob" : CREATOR;
                answers.add(anyNode(random).send(user, key, change(random, quota)));
            }
            answers.forEach(answer -> counted(await(answer)));
        }
    }

    private static Input change(Random random, String quota) {
        String target = USERS.get(random.nextInt(USERS.size()));
        List<Permission> permissions = new ArrayList<>();
        permissions.add(random.nextBoolean() ? Permission.READ : Permission.ADMIN);
        if (random.nextInt(6) == 0) {
            permissions.add(Permission.OWNER);
        }
        return random.nextInt(5) < 3
                ? new GrantPermission.Command(quota, target, permissions)
                : new RevokePermission.Command(quota, target, permissions);
    }

    @Test
    void authServiceRecordAndTrailAgree() throws Exception {
        System.out.println("seed " + seed + ", " + HISTORIES + " histories");
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        stub.behaviour = this::unreliable;
        nodes.add(new Node(true));
        nodes.add(new Node(false));
        nodes.add(new Node(false));
        ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
        List<java.util.concurrent.Future<?>> running = new ArrayList<>();
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < HISTORIES; i++) {
            int number = i;
            running.add(threads.submit(() -> {
                history(number);
                if (done.incrementAndGet() % HISTORIES_A_CRASH == 0) {
                    nodes.add(new Node(false));
                    nodes.get(1).crash();
                }
            }));
        }
        for (java.util.concurrent.Future<?> one : running) {
            one.get(10, TimeUnit.MINUTES);
        }
        threads.shutdown();
        stub.behaviour = (request, body) -> {
            note("done", request, body);
            book.answer(request, body);
        };
        awaitEmptyAuthOutbox();
        Invariants.awaitSealed(url);
        System.out.println(successes + " done, refused " + refusals + ", " + gone.size() + " nodes lost");
        assertThat(quotas).hasSize(HISTORIES);
        assertThat(successes.get()).isGreaterThan(HISTORIES);
        compare();
        for (Node node : nodes) {
            await(node.vertx.close());
        }
        Invariants.check(url);
        stop();
    }

    private void stop() {
        gone.forEach(node -> node.vertx.close());
        nodes.forEach(node -> node.proxy.close());
        gone.forEach(node -> node.proxy.close());
        await(outside.close());
    }

    private void awaitEmptyAuthOutbox() {
        until(60, "the auth outbox is empty", () -> {
            // What has failed often would wait for up to a minute.
            TestDatabase.execute(
                    url,
                    "UPDATE quota.auth_outbox SET next_attempt_at = greatest(now(), uncertain_until)"
                            + " WHERE next_attempt_at > now() + interval '2 seconds'");
            return query("SELECT count(*) FROM quota.auth_outbox", row -> row.getLong(1))
                            .get(0)
                    == 0;
        });
    }

    private interface Read<T> {
        T from(ResultSet row) throws SQLException;
    }

    private <T> List<T> query(String sql, Read<T> read) {
        try (Connection connection = TestDatabase.connect(url);
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            List<T> list = new ArrayList<>();
            while (rows.next()) {
                list.add(read.from(rows));
            }
            return list;
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private static Set<String> texts(JsonArray array) {
        Set<String> texts = new TreeSet<>();
        array.forEach(text -> texts.add((String) text));
        return texts;
    }

    private String history(String quota, String user) {
        List<String> trail = query(
                "SELECT created_at, actor_user_id, action, outcome, details FROM quota.quota_audit_logs WHERE quota_id = '"
                        + quota + "' AND target_user_id = '" + user + "' ORDER BY seq",
                row -> row.getString(1) + " " + row.getString(2) + " " + row.getString(3) + " " + row.getString(4) + " "
                        + row.getString(5));
        return String.join("\n", told.getOrDefault(quota + "/" + user, List.of())) + "\n" + String.join("\n", trail);
    }

    private void compare() {
        Map<String, Set<String>> recorded = new HashMap<>();
        query(
                "SELECT quota_id || '/' || user_id, permissions FROM quota.quota_grants",
                row -> recorded.put(row.getString(1), new TreeSet<>(Arrays.asList((String[])
                        row.getArray(2).getArray()))));
        Map<String, Set<String>> owners = new HashMap<>();
        query(
                "SELECT id, owner_ids FROM quota.quotas",
                row -> owners.put(row.getString(1), new TreeSet<>(Arrays.asList((String[])
                        row.getArray(2).getArray()))));
        Map<String, Set<String>> grantsInTrail = new HashMap<>();
        Map<String, Set<String>> ownersInTrail = new HashMap<>();
        query("""
                SELECT quota_id, target_user_id, details FROM quota.quota_audit_logs
                WHERE outcome = 'applied' ORDER BY seq
                """, row -> {
            JsonObject details = new JsonObject(row.getString(3));
            String quota = row.getString(1);
            String target = row.getString(2);
            if (target != null) {
                details.getJsonArray("changes").forEach(change -> {
                    JsonObject after = ((JsonObject) change).getJsonObject("after");
                    if (after.containsKey("granted")) {
                        grantsInTrail.put(quota + "/" + target, texts(after.getJsonArray("granted")));
                    }
                    if (after.containsKey("owner_ids")) {
                        ownersInTrail.put(quota, texts(after.getJsonArray("owner_ids")));
                    }
                });
            } else {
                details.getJsonArray("admin_user_ids", new JsonArray())
                        .forEach(admin -> grantsInTrail.put(quota + "/" + admin, Set.of("read", "admin")));
            }
            return quota;
        });
        for (String quota : quotas) {
            Set<String> owning = owners.getOrDefault(quota, Set.of());
            assertThat(ownersInTrail.getOrDefault(quota, owning))
                    .as("owners of %s", quota)
                    .isEqualTo(owning);
            for (String user : USERS) {
                String key = quota + "/" + user;
                Set<String> grants = recorded.getOrDefault(key, Set.of());
                assertThat(grantsInTrail.getOrDefault(key, Set.of()))
                        .as("trail and record of %s, seed %d", key, seed)
                        .isEqualTo(grants);
                Set<String> all = new TreeSet<>(grants);
                if (owning.contains(user)) {
                    all.add("owner");
                }
                assertThat(book.held(quota, user))
                        .as(() ->
                                "auth service and record of %s, seed %d, %s".formatted(key, seed, history(quota, user)))
                        .isEqualTo(all);
            }
        }
    }
}
