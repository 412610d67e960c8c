package com.cagen.quota.messaging;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.QuotaSort;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.examples.ClusterMember;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.audit.ListAudit;
import com.cagen.quota.operations.increase.ApproveIncrease;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.GetIncrease;
import com.cagen.quota.operations.increase.ListIncreases;
import com.cagen.quota.operations.increase.RejectIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.ListPermissions;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DeclaredTree;
import com.cagen.quota.operations.quota.DrainQuota;
import com.cagen.quota.operations.quota.ExportTree;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.ListQuotas;
import com.cagen.quota.operations.quota.ListTree;
import com.cagen.quota.operations.quota.MoveQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.quota.TransferQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.reservation.CancelReservation;
import com.cagen.quota.operations.reservation.CommitReservation;
import com.cagen.quota.operations.reservation.CreateReservation;
import com.cagen.quota.operations.reservation.ExpireReservations;
import com.cagen.quota.operations.reservation.ExtendReservation;
import com.cagen.quota.operations.reservation.GetReservation;
import com.cagen.quota.operations.reservation.ListReservations;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ListRuntimes;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.operations.usage.TransferUsage;
import com.cagen.quota.operations.usage.UsageHistory;
import com.cagen.quota.operations.usage.UsageOverTime;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.protocol.ReservationStatus;
import com.cagen.quota.testing.Certificates;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.FreePorts;
import com.cagen.quota.testing.RunningService;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.MemberLeftException;
import com.hazelcast.map.IMap;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.spi.exception.RetryableHazelcastException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.PemKeyCertOptions;
import java.io.IOException;
import java.io.InvalidClassException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Two nodes in one JVM that know each other through sockets alone, with certificates. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClusteredBusIT {
    private static final Caller CALLER = new Caller("org_1", "alice", "svc", List.of("team_1"));
    private static final Instant AT = Instant.parse("2026-01-02T03:04:05.678901Z");
    private static final long TIMEOUT_MILLIS = 5_000;

    @TempDir
    static Path folder;

    private final List<Integer> ports = List.of(FreePorts.next(), FreePorts.next());
    private final List<Integer> busPorts = List.of(FreePorts.next(), FreePorts.next());
    private final List<Certificates.Pem> certificates = new ArrayList<>();
    private @Nullable Path authority;
    private final List<Vertx> vertx = new ArrayList<>();
    private final List<Cluster> clusters = new ArrayList<>();
    private final List<InternalBus> buses = new ArrayList<>();

    @BeforeAll
    void join() throws Exception {
        certificates.addAll(List.of(Certificates.make(folder, "one"), Certificates.make(folder, "two")));
        authority = Certificates.authority(folder, certificates.get(0), certificates.get(1));
        List<String> members = ports.stream().map(port -> "127.0.0.1:" + port).toList();
        for (int i = 0; i < 2; i++) {
            Cluster.Joined joined = await(Cluster.join(
                    Vertx.builder(),
                    new VertxOptions(),
                    new Config.Cluster(
                            "test-" + ports.get(0),
                            "127.0.0.1",
                            ports.get(i),
                            busPorts.get(i),
                            members,
                            null,
                            Config.Routing.HASH,
                            new Config.Tls(
                                    certificates.get(i).certificate(),
                                    certificates.get(i).key(),
                                    authority))));
            vertx.add(joined.vertx());
            clusters.add(joined.cluster());
            InternalBus bus = new InternalBus(
                    joined.vertx(),
                    Operations.CATALOG::commandType,
                    2,
                    TIMEOUT_MILLIS,
                    Config.Routing.HASH,
                    false,
                    joined.cluster());
            buses.add(bus);
            await(bus.join());
        }
    }

    @AfterAll
    void leave() {
        vertx.forEach(each -> await(each.close()));
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(30, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("no answer in time", e);
        }
    }

    private static void await(BooleanSupplier condition) {
        RunningService.until("what the test waits for", condition);
    }

    private static List<Input> commands() {
        return List.of(
                new CreateQuota.Command("näme", null, QuotaType.TEAM, 9_007_199_254_740_991L, "team_1"),
                new AllocateQuota.Command("q", "n", "two\nlines", 1, QuotaType.ORGANIZATION, null, List.of("u1", "u2")),
                new ReleaseQuota.Command("q"),
                new SuspendQuota.Command("q", "why"),
                new ResumeQuota.Command("q", null),
                new UpdateQuota.Command("q", null, "d", "key", List.of("name"), 7L, true, 3L),
                new DrainQuota.Command("q"),
                new TransferQuota.Command("q", "p", 5),
                new MoveQuota.Command("q", "p"),
                new ApplyTree.Command(
                        "q",
                        new DeclaredTree(
                                null,
                                "n",
                                null,
                                null,
                                null,
                                5L,
                                List.of(new DeclaredTree("k", "n", "d", QuotaType.TEAM, "t", 3L, null))),
                        true,
                        true,
                        "plan"),
                new ExportTree.Command("q"),
                new GetQuota.Command("q", null),
                new ListTree.Command("q", 16, "q2", 1_000),
                new ListQuotas.Command(
                        1, 20, QuotaType.TEAM, QuotaStatus.SUSPENDED, null, "p", "text", QuotaSort.NAME_DESCENDING),
                new BatchUsage.Command(
                        true, List.of(new BatchUsage.Item(BatchUsage.Verb.DEALLOCATE, "q", "r", 5, "why"))),
                new ReconcileUsage.Command(
                        "q", List.of(new ReconcileUsage.Observed("r", 0)), true, Instant.EPOCH, true),
                new CreateIncrease.Command("q", 5, "why"),
                new ListIncreases.Command(IncreaseStatus.PENDING, "q", "c", 20),
                new GetIncrease.Command("i"),
                new ApproveIncrease.Command("i", "why"),
                new RejectIncrease.Command("i", null),
                new WithdrawIncrease.Command("i", null),
                new CreateReservation.Command("q", "r", 5, 300, "why"),
                new CommitReservation.Command("q", "v", 5L),
                new CancelReservation.Command("q", "v"),
                new ExtendReservation.Command("q", "v", 60),
                new GetReservation.Command("q", "v"),
                new ListReservations.Command("q", ReservationStatus.HELD, "r", "v", 20),
                new ExpireReservations.Command("q"),
                new AllocateUsage.Command("q", "r", 5, null),
                new AllocateUsage.Command("q", "r", 5, null, AllocateUsage.Mode.BEST_EFFORT, 2L),
                new DeallocateUsage.Command("q", "r", 5, "\"quoted\" \u2028"),
                new TransferUsage.Command("q", "r", 5, "p", "s"),
                new UsageHistory.Command("q", null, AT, null, new Cursor.Place(7, 3), 100, true),
                new UsageOverTime.Command("q", AT, null, 24),
                new ListRuntimes.Command(2, 3),
                new GrantPermission.Command("q", "u", List.of(Permission.READ, Permission.ADMIN), AT),
                new RevokePermission.Command("q", "u", List.of(Permission.OWNER)),
                new ListPermissions.Command("q", "u", 1_000),
                new ListAudit.Command("q", "quota.get", "alice", null, AT, null, 1, false));
    }

    private static Request request(Input command) {
        return new Request(
                "req-1", CALLER, new Nonce("nonce", 1_767_225_600_000L), "key", Commands.nameOf(command), command);
    }

    private Object thereAndBack(Object message) {
        String address = "test.echo." + UUID.randomUUID();
        var echo = vertx.get(1).eventBus().consumer(address, received -> received.reply(received.body()));
        await(echo.completion());
        Object back = await(vertx.get(0).eventBus().request(address, message)).body();
        await(echo.unregister());
        return back;
    }

    @Test
    void everyMessageArrivesAtAnotherNodeAsItWasSent() {
        List<BusMessages.NumberedRequest> requests = new ArrayList<>();
        for (Input command : commands()) {
            requests.add(new BusMessages.NumberedRequest(requests.size(), request(command)));
        }
        Input drain = new DrainQuota.Command("q");
        requests.add(new BusMessages.NumberedRequest(
                requests.size(),
                new Request("req-1", Caller.system("org_1"), null, null, Commands.nameOf(drain), drain)));
        assertThat(commands().stream().map(Object::getClass))
                .hasSameElementsAs(Operations.CATALOG.all().stream()
                        .map(Operation::commandType)
                        .toList());
        Refusal refusal = new Refusal(
                ErrorCode.INSUFFICIENT_QUOTA,
                "Short.",
                Map.of(
                        "short_by_mb",
                        9_007_199_254_740_991L,
                        "small",
                        4L,
                        "required",
                        List.of("read", "admin"),
                        "inner",
                        Map.of("quota_id", "q")));
        AuditEntry entry = new AuditEntry(
                UUID.randomUUID(),
                "org_1",
                "q",
                null,
                3L,
                "quota.get",
                AuditEntry.REFUSED,
                "alice",
                "svc",
                null,
                "{\"a\":1}",
                "req-1",
                AT);
        List<Object> messages = List.of(
                new BusMessages.Requests("reply.to", requests),
                new BusMessages.Answers(List.of(
                        new BusMessages.NumberedAnswer(1, new Answer.Success("Done.", "{\"a\":1.50}", true)),
                        new BusMessages.NumberedAnswer(Long.MAX_VALUE, refusal))),
                new BusMessages.Refusals(List.of(entry), true),
                new BusMessages.Presence("node", 2, true, false, true),
                new PermissionQuestion(CALLER, "q"),
                new PermissionAnswer(Set.of(Permission.READ, Permission.ADMIN), 30),
                new PermissionAnswer(Set.of(), 5),
                new PermissionChange(new UUID(0, 1), CALLER, "q", "bob", List.of(Permission.READ), true, AT));
        for (Object message : messages) {
            assertThat(thereAndBack(message)).isEqualTo(message).isNotSameAs(message);
        }
    }

    @Test
    void knowsWhetherItIsAMember() {
        await(clusters.get(0).membership());
    }

    private RequestChannel channel(int node) {
        Promise<RequestChannel> opened = Promise.promise();
        vertx.get(node)
                .getOrCreateContext()
                .runOnContext(ignored -> opened.complete(buses.get(node).openChannel()));
        RequestChannel channel = await(opened.future());
        await(channel.ready());
        return channel;
    }

    @Test
    void sendsARequestToTheNodeThatServesAndElsewhereWhenThatOneStops() {
        RequestChannel channel = channel(0);
        Input get = new GetQuota.Command("q", null);
        // Nobody serves yet.
        assertThat(await(channel.send(request(get))))
                .isInstanceOfSatisfying(
                        Refusal.class, refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.OVERLOADED));
        Queue<Integer> served = new ConcurrentLinkedQueue<>();
        List<LaneServer> lanes = new ArrayList<>();
        for (int node = 0; node < 2; node++) {
            int number = node;
            for (int lane = 0; lane < 2; lane++) {
                lanes.add(buses.get(node).serveLane(lane, request -> {
                    served.add(number);
                    return Future.succeededFuture(new Answer.Success("Done.", "{}", false));
                }));
            }
        }
        await(buses.get(1).open());
        await(() -> await(buses.get(0).lanesKnown().transform(known -> Future.succeededFuture(known.succeeded()))));
        assertThat(await(channel.send(request(get)))).isInstanceOf(Answer.Success.class);
        await(buses.get(0).open());
        served.clear();
        for (int i = 0; i < 100; i++) {
            assertThat(await(channel.send(request(new GetQuota.Command("quota_" + i, null)))))
                    .isInstanceOf(Answer.Success.class);
        }
        assertThat(served).contains(0, 1);
        // The other one takes no more, without having said goodbye.
        lanes.get(2).close();
        lanes.get(3).close();
        served.clear();
        for (int i = 0; i < 100; i++) {
            assertThat(await(channel.send(request(new GetQuota.Command("quota_" + i, null)))))
                    .isInstanceOf(Answer.Success.class);
        }
        assertThat(served).containsOnly(0).hasSize(100);
        buses.get(1).leave();
        buses.get(0).leave();
    }

    @Test
    void asksTheAuthVerticleOfAnotherNodeAndFailsClosedWithoutOne() {
        Future<PermissionAnswer> nobody = buses.get(0).ask(new PermissionQuestion(CALLER, "q"));
        Throwable failure = await(nobody.transform(asked -> Future.succeededFuture(asked.cause())));
        assertThat(failure).isInstanceOf(RefusalException.class);
        PermissionAnswer answer = new PermissionAnswer(Set.of(Permission.READ), 3);
        buses.get(1)
                .serveAuth(
                        question -> Future.succeededFuture(answer),
                        change -> Future.succeededFuture(true),
                        change -> Future.succeededFuture());
        await(buses.get(1).open());
        await(() -> await(buses.get(0)
                .ask(new PermissionQuestion(CALLER, "q"))
                .transform(asked -> Future.succeededFuture(asked.succeeded()))));
        assertThat(await(buses.get(0).ask(new PermissionQuestion(CALLER, "q")))).isEqualTo(answer);
        await(buses.get(0)
                .tell(new PermissionChange(new UUID(0, 1), CALLER, "q", "bob", List.of(Permission.READ), true)));
        buses.get(1).leave();
    }

    @Test
    void bringsAnEventToEachSubscriberOnceAndTheAuditLagToEveryNode() {
        Queue<JsonObject> events = new ConcurrentLinkedQueue<>();
        Queue<Long> lags = new ConcurrentLinkedQueue<>();
        for (int node = 0; node < 2; node++) {
            buses.get(node).onEvent(events::add);
            buses.get(node).onAuditLag(lags::add);
        }
        await(buses.get(0).open());
        await(buses.get(1).open());
        buses.get(0).publishEvent(new JsonObject().put("event_id", "1"));
        buses.get(0).publishAuditLag(77);
        await(() -> events.size() >= 2 && lags.stream().filter(lag -> lag == 77).count() >= 2);
        buses.get(0).publishEvent(new JsonObject().put("event_id", "2"));
        await(() ->
                events.stream().filter(e -> "2".equals(e.getString("event_id"))).count() >= 2);
        assertThat(events).hasSize(4);
        // Nobody measures any more: what was heard last is no reason to trust it.
        await(() -> lags.stream().anyMatch(lag -> lag > 1_000));
        assertThat(lags.stream().dropWhile(lag -> lag != 77)).allMatch(lag -> lag >= 77);
        buses.get(0).leave();
        buses.get(1).leave();
    }

    private HazelcastInstance member(int node) {
        return Hazelcast.getAllHazelcastInstances().stream()
                .filter(each -> each.getCluster().getLocalMember().getAddress().getPort() == ports.get(node))
                .findFirst()
                .orElseThrow();
    }

    /** A class of the application, as a gadget would be. */
    private static final class Foreign implements Serializable {
        private static final long serialVersionUID = 1L;
    }

    @Test
    void makesNoJavaObjectOfAnotherMemberOtherThanItsErrors() {
        IMap<String, Object> sent = member(0).getMap("test");
        IMap<String, Object> received = member(1).getMap("test");
        for (Object refused : List.of(new Foreign(), new BitSet(), new AtomicReference<>(), URI.create("a:b"))) {
            sent.set("key", refused);
            assertThatThrownBy(() -> received.get("key"))
                    .as("%s", refused.getClass())
                    .isInstanceOf(HazelcastSerializationException.class)
                    .hasRootCauseInstanceOf(SecurityException.class)
                    .hasRootCauseMessage("Resolving class " + refused.getClass().getName() + " is not allowed.");
        }
        // A member that does not learn why another one refused would wait for a minute.
        IllegalStateException cause = new IllegalStateException("cause");
        cause.addSuppressed(new SecurityException("suppressed"));
        for (Throwable error : List.of(
                new RetryableHazelcastException("later", cause),
                new MemberLeftException(member(0).getCluster().getLocalMember()),
                new HazelcastSerializationException("class", new InvalidClassException("class")))) {
            sent.set("key", error);
            assertThat(received.get("key")).isInstanceOfSatisfying(error.getClass(), arrived -> assertThat(arrived)
                    .hasMessage(error.getMessage())
                    .hasStackTraceContaining(error.getStackTrace()[0].getMethodName()));
        }
    }

    @Test
    void letsNobodyButMembersSpeakToTheClusterManager() throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), ports.get(0))) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write("CP2".getBytes(US_ASCII)); // how Hazelcast's clients begin
            assertThat(untilClosed(socket)).isLessThanOrEqualTo(3); // an answer that says: another protocol
        }
    }

    /** How many bytes arrive before the other side closes the connection; fails when it stays open. */
    private static int untilClosed(Socket socket) throws SocketTimeoutException {
        int bytes = 0;
        try {
            while (socket.getInputStream().read() != -1) {
                bytes++;
            }
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            return bytes; // reset
        }
        return bytes;
    }

    /** The certificate may be one that a node has as well. */
    @Test
    void letsAnotherApplicationJoinWithACertificateOfTheNodes() {
        Certificates.Pem pem = certificates.get(1);
        EventBusOptions tls =
                ClusterMember.tls(pem.certificate().toString(), pem.key().toString(), String.valueOf(authority));
        List<String> members = ports.stream().map(port -> "127.0.0.1:" + port).toList();
        Vertx application =
                await(ClusterMember.join("test-" + ports.get(0), "127.0.0.1", FreePorts.next(), members, tls));
        try {
            String address = "test.application";
            await(vertx.get(0)
                    .eventBus()
                    .<JsonObject>consumer(address, message -> message.reply(message.body()))
                    .completion());
            JsonObject body = new JsonObject().put("quota_id", "q");
            assertThat(await(application.eventBus().request(address, body)).body())
                    .isEqualTo(body);
        } finally {
            await(application.close());
        }
    }

    @Test
    void closesTheBusToWhoeverHasNoCertificateOfTheNodes() throws Exception {
        Certificates.Pem stranger = Certificates.make(folder, "stranger");
        NetClientOptions strangers = new NetClientOptions()
                .setSsl(true)
                .setTrustAll(true)
                .setHostnameVerificationAlgorithm("")
                .setKeyCertOptions(new PemKeyCertOptions()
                        .addCertPath(stranger.certificate().toString())
                        .addKeyPath(stranger.key().toString()));
        NetClientOptions nobodys =
                new NetClientOptions().setSsl(true).setTrustAll(true).setHostnameVerificationAlgorithm("");
        for (NetClientOptions options : List.of(strangers, nobodys, new NetClientOptions())) {
            Buffer heard = Buffer.buffer();
            Promise<Void> closed = Promise.promise();
            NetClient client = vertx.get(0).createNetClient(options);
            client.connect(busPorts.get(1), "127.0.0.1").onComplete(connected -> {
                if (connected.failed()) {
                    closed.complete();
                    return;
                }
                connected.result().handler(heard::appendBuffer);
                connected.result().closeHandler(closed::tryComplete);
                // With TLS 1.3 a client learns only now that it was not let in.
                connected.result().write("hello, may I come in?");
            });
            await(closed.future());
            await(client.close()); // not before: garbage collected, it would close its connection itself
            assertThat(heard.length()).isLessThanOrEqualTo(7); // an alert at most, never a pong
        }
    }
}
