package com.cagen.quota.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.examples.UploadVerticle;
import com.cagen.quota.node.ServiceWithInternals;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.protocol.ReservationStatus;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryContext;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The client against a whole service, on its event bus. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class QuotaClientIT {
    private static final String USAGE = "cagen.quota.v1.usage.allocate";
    private static final User ALICE = new User("alice", "acme", List.of("team_dev"));
    private static final User BOB = new User("bob", "acme");
    private static final User STRANGER = new User("mallory", "elsewhere");

    private final ServiceWithInternals service;
    private final Vertx vertx;
    private final QuotaClientOptions options = new QuotaClientOptions(TestConfig.KEY);
    private final QuotaClient client;

    QuotaClientIT() throws Exception {
        service = new ServiceWithInternals(TestConfig.of(TestDatabase.create()));
        vertx = service.vertx();
        client = QuotaClient.create(vertx, options);
    }

    @AfterAll
    void stop() {
        service.close();
    }

    private static <T> T await(Future<T> future) {
        try {
            return future.await(60, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("no answer in time", e);
        }
    }

    private <T> T done(User user, QuotaRequest<T> request) {
        return await(client.send(user, request));
    }

    private static QuotaException refused(Future<?> future) {
        QuotaException refused = catchThrowableOfType(QuotaException.class, () -> await(future));
        assertThat(refused).isNotNull();
        return refused;
    }

    private Quota root(long totalMb) {
        return done(ALICE, new QuotaRequest.CreateQuota("Acme", QuotaType.ORGANIZATION, totalMb));
    }

    private List<LedgerPage.Entry> ledger(Quota quota) {
        return done(ALICE, new QuotaRequest.UsageHistory(quota.id(), null, 100)).entries();
    }

    @Test
    void asksEveryOperation() {
        Quota root =
                done(ALICE, new QuotaRequest.CreateQuota("Acme", "All of it", QuotaType.ORGANIZATION, 1_000, null));
        assertThat(root.level()).isZero();
        assertThat(root.description()).isEqualTo("All of it");
        assertThat(root.availableMb()).isEqualTo(1_000);

        Quota team = done(ALICE, new QuotaRequest.AllocateQuota(root.id(), "Dev", 400, QuotaType.TEAM, "team_dev"));
        assertThat(team.parentQuotaId()).isEqualTo(root.id());
        assertThat(team.teamId()).isEqualTo("team_dev");
        Quota read = done(ALICE, new QuotaRequest.GetQuota(root.id()));
        assertThat(read.allocatedMb()).isEqualTo(400);
        assertThat(read.myPermissions()).containsExactly(Permission.READ, Permission.ADMIN, Permission.OWNER);

        Quota updated = done(
                ALICE,
                new QuotaRequest.UpdateQuota(root.id())
                        .name("Acme Corp.")
                        .description(null)
                        .key("acme")
                        .totalMb(2_000)
                        .ifVersion(read.version()));
        assertThat(updated.name()).isEqualTo("Acme Corp.");
        assertThat(updated.description()).isNull();
        assertThat(updated.key()).isEqualTo("acme");
        assertThat(updated.totalMb()).isEqualTo(2_000);
        assertThat(updated.version()).isEqualTo(read.version() + 1);
        Quota draining =
                done(ALICE, new QuotaRequest.UpdateQuota(root.id()).totalMb(1).drain(true));
        assertThat(draining.drainToMb()).isEqualTo(1);
        assertThat(done(ALICE, new QuotaRequest.UpdateQuota(root.id()).drain(false))
                        .drainToMb())
                .isNull();

        HeldPermissions granted = done(
                ALICE, new QuotaRequest.GrantPermission(team.id(), "bob", List.of(Permission.READ, Permission.ADMIN)));
        assertThat(granted.permissions()).containsExactlyInAnyOrder(Permission.READ, Permission.ADMIN);

        Usage used = done(BOB, new QuotaRequest.AllocateUsage(team.id(), "runtime_1", 150, "a build"));
        assertThat(used.operation()).isEqualTo("allocate");
        assertThat(used.heldMb()).isEqualTo(150);
        assertThat(used.availableMb()).isEqualTo(250);
        assertThat(done(BOB, new QuotaRequest.DeallocateUsage(team.id(), "runtime_1", 50))
                        .heldMb())
                .isEqualTo(100);

        assertThat(ledger(team)).extracting(LedgerPage.Entry::usageMb).containsExactly(150L, 50L);
        LedgerPage newest =
                done(ALICE, new QuotaRequest.UsageHistory(team.id(), "runtime_1", null, null, null, 1, true));
        assertThat(newest.entries()).extracting(LedgerPage.Entry::operation).containsExactly("deallocate");
        assertThat(newest.nextCursor()).isNotNull();
        assertThat(done(
                                ALICE,
                                new QuotaRequest.UsageHistory(
                                        team.id(), null, null, null, newest.nextCursor(), 10, true))
                        .entries())
                .extracting(LedgerPage.Entry::operation)
                .containsExactly("allocate");

        RuntimePage runtimes = done(BOB, new QuotaRequest.ListRuntimes(1, 10));
        assertThat(runtimes.runtimes())
                .extracting(RuntimePage.Resource::resourceId)
                .containsExactly("runtime_1");
        assertThat(runtimes.runtimes().get(0).quotas()).containsExactly(new RuntimePage.Holding(team.id(), "Dev", 100));

        assertThat(done(BOB, new QuotaRequest.CheckUsage(team.id(), "runtime_2", 10))
                        .allowed())
                .isTrue();
        UsageCheck tooMuch = done(BOB, new QuotaRequest.CheckUsage(team.id(), "runtime_2", 10_000));
        assertThat(tooMuch.allowed()).isFalse();
        assertThat(tooMuch.code()).isEqualTo("insufficient_quota");
        Usage rest = done(BOB, new QuotaRequest.AllocateUsage(team.id(), "runtime_2", 10_000, null, 1L));
        assertThat(rest.usageMb()).isEqualTo(tooMuch.availableMb());
        done(BOB, new QuotaRequest.DeallocateUsage(team.id(), "runtime_2", rest.usageMb()));

        UsageBatch batch = done(
                BOB,
                new QuotaRequest.BatchUsage(
                        false,
                        List.of(
                                QuotaRequest.BatchUsage.Item.allocate(team.id(), "runtime_3", 7),
                                QuotaRequest.BatchUsage.Item.deallocate(team.id(), "runtime_3", 8),
                                QuotaRequest.BatchUsage.Item.deallocate(team.id(), "runtime_3", 7))));
        assertThat(batch.items()).extracting(UsageBatch.Item::code).containsExactly(null, "insufficient_usage", null);
        assertThat(Objects.requireNonNull(batch.items().get(2).usage()).heldMb())
                .isZero();

        Reconciliation reconciled =
                done(ALICE, new QuotaRequest.ReconcileUsage(team.id(), Map.of("runtime_1", 90L), true, null, true));
        assertThat(reconciled.resources().get(0).differenceMb()).isEqualTo(-10);
        assertThat(reconciled.resources().get(0).outcome()).isEqualTo("adjusted");
        assertThat(done(ALICE, new QuotaRequest.ReconcileUsage(team.id(), Map.of("runtime_1", 100L)))
                        .adjusted())
                .isZero();

        Increase asked = done(BOB, new QuotaRequest.CreateIncrease(team.id(), 450, "more builds"));
        assertThat(asked.totalMbBefore()).isEqualTo(400);
        assertThat(done(ALICE, new QuotaRequest.ListIncreases(IncreaseStatus.PENDING, team.id(), null, 10))
                        .increases())
                .containsExactly(asked);
        assertThat(done(ALICE, new QuotaRequest.RejectIncrease(asked.id(), "not now"))
                        .decidedBy())
                .isEqualTo("alice");
        assertThat(done(BOB, new QuotaRequest.GetIncrease(asked.id())).decisionReason())
                .isEqualTo("not now");
        Increase withdrawn = done(BOB, new QuotaRequest.CreateIncrease(team.id(), 450, "more builds"));
        assertThat(done(BOB, new QuotaRequest.WithdrawIncrease(withdrawn.id(), null))
                        .status())
                .isEqualTo(IncreaseStatus.WITHDRAWN);
        done(ALICE, new QuotaRequest.UpdateQuota(root.id()).totalMb(401));
        Increase again = done(BOB, new QuotaRequest.CreateIncrease(team.id(), 401, "one more"));
        assertThat(done(ALICE, new QuotaRequest.ApproveIncrease(again.id(), null))
                        .status())
                .isEqualTo(IncreaseStatus.APPROVED);
        done(ALICE, new QuotaRequest.UpdateQuota(team.id()).totalMb(400));

        Reservation held = done(BOB, new QuotaRequest.CreateReservation(team.id(), "upload_1", 40, 600));
        assertThat(held.status()).isEqualTo(ReservationStatus.HELD);
        assertThat(Objects.requireNonNull(held.figures()).reservedMb()).isEqualTo(40);
        Reservation extended = done(BOB, new QuotaRequest.ExtendReservation(team.id(), held.id(), 3_600));
        assertThat(extended.expiresAt()).isAfter(held.expiresAt());
        Reservation committed = done(BOB, new QuotaRequest.CommitReservation(team.id(), held.id(), 30L));
        assertThat(committed.committedMb()).isEqualTo(30);
        assertThat(committed.closedAt()).isNotNull();
        assertThat(done(BOB, new QuotaRequest.GetReservation(team.id(), held.id())))
                .isEqualTo(committed);
        Reservation other = done(BOB, new QuotaRequest.CreateReservation(team.id(), "upload_2", 5, 600));
        assertThat(done(BOB, new QuotaRequest.CancelReservation(team.id(), other.id()))
                        .status())
                .isEqualTo(ReservationStatus.CANCELLED);
        ReservationPage page = done(
                BOB, new QuotaRequest.ListReservations(team.id(), ReservationStatus.COMMITTED, "upload_1", null, 10));
        assertThat(page.reservations()).extracting(Reservation::id).containsExactly(held.id());
        done(BOB, new QuotaRequest.DeallocateUsage(team.id(), "upload_1", 30));

        QuotaPage children = done(
                ALICE,
                new QuotaRequest.ListQuotas(
                        1, 10, QuotaType.TEAM, QuotaStatus.ACTIVE, "team_dev", root.id(), "DEV", "-name"));
        assertThat(children.quotas()).extracting(Quota::id).containsExactly(team.id());
        assertThat(children.totalCount()).isEqualTo(1);

        assertThat(done(ALICE, new QuotaRequest.SuspendQuota(team.id(), "a pause"))
                        .status())
                .isEqualTo(QuotaStatus.SUSPENDED);
        assertThat(done(ALICE, new QuotaRequest.ResumeQuota(team.id(), null)).effectiveStatus())
                .isEqualTo(QuotaStatus.ACTIVE);
        PermissionPage access = done(ALICE, new QuotaRequest.ListPermissions(team.id(), null, 10));
        assertThat(access.owners()).containsExactly(new PermissionPage.Owner("alice", root.id()));
        assertThat(access.grants())
                .extracting(PermissionPage.Grant::userId, PermissionPage.Grant::grantedBy)
                .contains(Tuple.tuple("bob", "alice"));
        assertThat(done(ALICE, new QuotaRequest.RevokePermission(team.id(), "bob", List.of(Permission.ADMIN)))
                        .permissions())
                .containsExactly(Permission.READ);

        done(ALICE, new QuotaRequest.UpdateQuota(root.id()).totalMb(410));
        Quota sibling = done(
                ALICE,
                new QuotaRequest.AllocateQuota(root.id(), "Ops", null, 10, QuotaType.ORGANIZATION, null, List.of()));
        QuotaTransfer transferred = done(ALICE, new QuotaRequest.TransferQuota(team.id(), sibling.id(), 20));
        assertThat(transferred.from().id()).isEqualTo(team.id());
        assertThat(transferred.to().totalMb()).isEqualTo(30);

        QuotaTree wanted = new QuotaTree(null, List.of(new QuotaTree("lab", "Lab", 10, List.of())));
        TreeChange planned = done(ALICE, new QuotaRequest.ApplyTree(sibling.id(), wanted, false, true, null));
        assertThat(planned.steps()).extracting(TreeChange.Step::operation).containsExactly("create");
        TreeChange applied =
                done(ALICE, new QuotaRequest.ApplyTree(sibling.id(), wanted, false, false, planned.plan()));
        assertThat(applied.steps().get(0).quotaId()).isNotNull();
        assertThat(applied.code()).isNull();
        QuotaTree exported =
                done(ALICE, new QuotaRequest.ExportTree(sibling.id())).tree();
        assertThat(exported.children()).isEqualTo(wanted.children());
        assertThat(done(ALICE, new QuotaRequest.ApplyTree(sibling.id(), exported))
                        .steps())
                .isEmpty();

        Quota moved = done(ALICE, new QuotaRequest.MoveQuota(sibling.id(), root.id()));
        assertThat(moved.parentQuotaId()).isEqualTo(root.id());

        done(ALICE, new QuotaRequest.DeallocateUsage(team.id(), "runtime_1", 100));
        Quota released = done(ALICE, new QuotaRequest.ReleaseQuota(team.id()));
        assertThat(released.status()).isEqualTo(QuotaStatus.DELETED);
        assertThat(released.deletedAt()).isNotNull();

        assertThat(auditedActions(team)).contains("quota.allocate", "usage.allocate", "quota.release");
    }

    /** The trail is sealed a moment after the change: asks until the last change is there. */
    private List<String> auditedActions(Quota quota) {
        while (true) {
            List<String> actions = done(ALICE, new QuotaRequest.ListAudit(quota.id(), null, 100)).entries().stream()
                    .map(AuditPage.Entry::action)
                    .toList();
            if (actions.contains("quota.release")) {
                return actions;
            }
        }
    }

    @Test
    void tellsWhyARequestWasRefused() {
        Quota root = root(100);
        QuotaException refused = refused(client.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r", 500)));
        assertThat(refused.code()).isEqualTo(ErrorCode.INSUFFICIENT_QUOTA);
        assertThat(refused.httpStatus()).isEqualTo(409);
        assertThat(refused.failureCode()).isEqualTo(40901);
        assertThat(refused.retryable()).isFalse();
        assertThat(refused).hasMessageContaining("100 MB available").hasMessageContaining("400 MB too much");
        assertThat(refused(client.send(STRANGER, new QuotaRequest.GetQuota(root.id())))
                        .code())
                .isEqualTo(ErrorCode.QUOTA_NOT_FOUND);
        assertThat(refused(client.send(BOB, new QuotaRequest.GetQuota(root.id())))
                        .code())
                .isEqualTo(ErrorCode.PERMISSION_DENIED);
        assertThat(refused(client.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r", 0)))
                        .code())
                .isEqualTo(ErrorCode.INVALID_REQUEST);
        QuotaClient wrongKey =
                QuotaClient.create(vertx, new QuotaClientOptions("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="));
        assertThat(refused(wrongKey.send(ALICE, new QuotaRequest.GetQuota(root.id())))
                        .code())
                .isEqualTo(ErrorCode.INVALID_CREDENTIAL);
        assertThat(ledger(root)).isEmpty();
    }

    @Test
    void repeatsUnderTheCallersKeyWithoutASecondEffect() {
        Quota root = root(100);
        QuotaRequest.AllocateUsage use = new QuotaRequest.AllocateUsage(root.id(), "r", 60);
        String key = UUID.randomUUID().toString();
        Usage first = await(client.send(ALICE, use, key));
        assertThat(await(client.send(ALICE, use, key))).isEqualTo(first);
        assertThat(refused(client.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r", 61), key))
                        .code())
                .isEqualTo(ErrorCode.IDEMPOTENCY_KEY_REUSED);
        assertThat(ledger(root)).hasSize(1);
    }

    @Test
    void sendsAgainWhatNobodyAnswered() {
        Quota root = root(100);
        Queue<JsonObject> swallowed = new ConcurrentLinkedQueue<>();
        // Takes turns with the service at the address, and never answers.
        MessageConsumer<JsonObject> silent = vertx.eventBus().consumer(USAGE, message -> swallowed.add(message.body()));
        await(silent.completion());
        try {
            QuotaClient patient = QuotaClient.create(
                    vertx, options.withTimeoutMillis(1_500).withAttempts(8).withBackoffMillis(1));
            // Two at once: one of them meets the silent one first.
            Future<Usage> one = patient.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r1", 10));
            Future<Usage> other = patient.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r2", 10));
            await(Future.all(one, other));
        } finally {
            await(silent.unregister());
        }
        assertThat(swallowed).isNotEmpty();
        assertThat(ledger(root)).extracting(LedgerPage.Entry::resourceId).containsExactlyInAnyOrder("r1", "r2");
    }

    @Test
    void repeatsAtOnceWhatWaitsWhenANodeIsLost() {
        Quota root = root(100);
        Queue<JsonObject> swallowed = new ConcurrentLinkedQueue<>();
        Promise<Void> heard = Promise.promise();
        MessageConsumer<JsonObject> silent = vertx.eventBus().consumer(USAGE, message -> {
            swallowed.add(message.body());
            heard.tryComplete();
        });
        await(silent.completion());
        Future<?> both;
        try {
            QuotaClient patient =
                    QuotaClient.create(vertx, options.withTimeoutMillis(600_000).withAttempts(2));
            both = Future.all(
                    patient.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r1", 10)),
                    patient.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r2", 10)));
            await(heard.future());
        } finally {
            await(silent.unregister());
        }
        for (int i = 0; i < 3; i++) { // as three nodes that are left would say
            vertx.eventBus().publish("cagen.quota.internal.lost", "node");
        }
        await(both);
        assertThat(swallowed).hasSize(1);
        assertThat(ledger(root)).extracting(LedgerPage.Entry::resourceId).containsExactlyInAnyOrder("r1", "r2");
    }

    @Test
    void doesAChangeOnceThoughItsAnswersAreLost() {
        Quota root = root(100);
        Queue<JsonObject> sent = new ConcurrentLinkedQueue<>();
        AtomicInteger lost = new AtomicInteger();
        Handler<DeliveryContext<Object>> losesTwoAnswers = delivery -> {
            Message<Object> message = delivery.message();
            if (message.address().equals(USAGE) && message.body() instanceof JsonObject body) {
                sent.add(body.copy());
            }
            boolean answer = message.body() instanceof JsonObject body && body.containsKey("usage_id");
            if (answer && lost.getAndIncrement() < 2) {
                return; // committed, and nobody hears of it
            }
            delivery.next();
        };
        vertx.eventBus().addOutboundInterceptor(losesTwoAnswers);
        Usage usage;
        try {
            QuotaClient patient = QuotaClient.create(
                    vertx, options.withTimeoutMillis(1_500).withAttempts(8).withBackoffMillis(1));
            usage = await(patient.send(ALICE, new QuotaRequest.AllocateUsage(root.id(), "r", 60)));
        } finally {
            vertx.eventBus().removeOutboundInterceptor(losesTwoAnswers);
        }
        assertThat(sent).hasSizeGreaterThanOrEqualTo(3);
        assertThat(sent)
                .extracting(body -> body.getString("idempotency_key"))
                .containsOnly(sent.element().getString("idempotency_key"));
        assertThat(sent).extracting(body -> body.getString("encrypted_data")).doesNotHaveDuplicates();
        assertThat(usage.usedMb()).isEqualTo(60);
        assertThat(ledger(root)).extracting(LedgerPage.Entry::usageId).containsExactly(usage.usageId());
    }

    @Test
    void givesUpAfterItsAttemptsAndNamesTheKeyToRepeatUnder() {
        AtomicInteger asked = new AtomicInteger();
        Vertx elsewhere = Vertx.vertx();
        try {
            QuotaClient hopeless =
                    QuotaClient.create(elsewhere, options.withAttempts(3).withBackoffMillis(1));
            QuotaException nobody = refused(hopeless.send(ALICE, new QuotaRequest.AllocateUsage("quota_1", "r", 1)));
            assertThat(nobody.kind()).isEqualTo(QuotaException.Kind.NOT_THERE);
            assertThat(nobody.outcomeUnknown()).isFalse();
            assertThat(nobody.idempotencyKey()).isNotBlank();

            elsewhere.eventBus().<JsonObject>consumer(USAGE, message -> {
                asked.incrementAndGet();
                message.fail(50304, "Nobody knows.");
            });
            QuotaException unknown =
                    refused(hopeless.send(ALICE, new QuotaRequest.AllocateUsage("quota_1", "r", 1), "my-key"));
            assertThat(unknown.code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
            assertThat(unknown.outcomeUnknown()).isTrue();
            assertThat(unknown.retryable()).isTrue();
            assertThat(unknown.idempotencyKey()).isEqualTo("my-key");
            assertThat(asked).hasValue(3);
        } finally {
            await(elsewhere.close());
        }
    }

    @Test
    void worksAsTheExampleShows() {
        Quota root = root(100);
        await(vertx.deployVerticle(new UploadVerticle(TestConfig.KEY)));
        JsonObject upload = new JsonObject()
                .put("user", "alice")
                .put("organization", "acme")
                .put("quota", root.id())
                .put("upload", "upload_" + root.id())
                .put("mb", 70);
        JsonObject seventyTaken = new JsonObject().put("left_mb", 30);
        assertThat(begin(upload)).isEqualTo(seventyTaken);
        assertThat(begin(upload)).as("begun twice").isEqualTo(seventyTaken);
        ReplyException full = catchThrowableOfType(
                ReplyException.class, () -> begin(upload.copy().put("upload", "another")));
        assertThat(full.failureCode()).isEqualTo(507);
        assertThat(full).hasMessageContaining("40 MB too much");
    }

    private JsonObject begin(JsonObject upload) {
        return await(
                vertx.eventBus().<JsonObject>request("uploads.begin", upload).map(Message::body));
    }
}
