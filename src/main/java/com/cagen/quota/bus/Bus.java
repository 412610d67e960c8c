package com.cagen.quota.bus;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.PermissionAnswer;
import com.cagen.quota.domain.PermissionChange;
import com.cagen.quota.domain.PermissionQuestion;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.domain.Request;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.MessageProducer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the verticles say to one another. One for each Vert.x instance; use its methods from the verticle's own context.
 *
 * <p>Every consumer registered here replies to whatever asked it, also when its handler throws. Refusals travel as failure
 * code and message; {@link RequestChannel} keeps their details.
 */
public final class Bus {
    private static final Logger LOG = LoggerFactory.getLogger(Bus.class);

    private final Vertx vertx;
    private final EventBus eventBus;
    private final MessageProducer<JsonObject> events;
    private final int laneCount;
    private final long timeoutMillis;

    /**
     * Registers the codecs.
     *
     * @param laneCount over which requests are spread by their quota
     * @param timeoutMillis after which a request without an answer is given up
     */
    public Bus(Vertx vertx, int laneCount, long timeoutMillis) {
        this.vertx = vertx;
        this.eventBus = vertx.eventBus();
        this.events = eventBus.publisher(Addresses.EVENTS);
        this.laneCount = laneCount;
        this.timeoutMillis = timeoutMillis;
        for (Class<?> type : List.of(
                Messages.Requests.class,
                Messages.Answers.class,
                Messages.Refusals.class,
                PermissionQuestion.class,
                PermissionAnswer.class,
                PermissionChange.class)) {
            register(type);
        }
    }

    private <T> void register(Class<T> type) {
        eventBus.registerDefaultCodec(type, Wire.codec(type));
    }

    /** A way to the lanes for the calling verticle, which must be on its own context. */
    public RequestChannel openChannel() {
        return new RequestChannel(vertx, laneCount, timeoutMillis);
    }

    /** Lets {@code handler} answer the requests of lane {@code lane}, on the calling verticle's context. */
    public void serveLane(int lane, Function<Request, Future<Answer>> handler) {
        new LaneServer(vertx, handler).listen(lane);
    }

    /**
     * Asks the auth verticle.
     *
     * @return fails with a {@link RefusalException} {@code auth_unavailable} when there is no trustworthy answer
     */
    public Future<PermissionAnswer> ask(PermissionQuestion question) {
        return eventBus.<PermissionAnswer>request(Addresses.PERMISSION_QUESTIONS, question, internal())
                .map(Message::body)
                .recover(Bus::authUnavailable);
    }

    /**
     * Has the auth service told of a grant or a revocation.
     *
     * @return fails with a {@link RefusalException} {@code auth_unavailable} when it did not confirm
     */
    public Future<Void> tell(PermissionChange change) {
        return eventBus.request(Addresses.PERMISSION_CHANGES, change, internal())
                .<Void>mapEmpty()
                .recover(Bus::authUnavailable);
    }

    private DeliveryOptions internal() {
        return new DeliveryOptions().setSendTimeout(timeoutMillis);
    }

    private static <T> Future<T> authUnavailable(Throwable failure) {
        LOG.warn("auth service unavailable: {}", failure.getMessage());
        return Future.failedFuture(new RefusalException(
                Refusal.of(ErrorCode.AUTH_UNAVAILABLE, "The auth service cannot be asked at the moment."), failure));
    }

    /** Lets the auth verticle answer {@link #ask} and {@link #tell}; a failed future becomes {@code auth_unavailable}. */
    public void serveAuth(
            Function<PermissionQuestion, Future<PermissionAnswer>> questions,
            Function<PermissionChange, Future<Void>> changes) {
        this.<PermissionQuestion, PermissionAnswer>serve(Addresses.PERMISSION_QUESTIONS, questions);
        this.<PermissionChange, Void>serve(Addresses.PERMISSION_CHANGES, changes);
    }

    private <Q, A> void serve(String address, Function<Q, Future<A>> handler) {
        eventBus.<Q>consumer(address, message -> guarded(() -> handler.apply(message.body()))
                .onSuccess(message::reply)
                .onFailure(failure -> message.fail(busCode(failure), String.valueOf(failure.getMessage()))));
    }

    private static int busCode(Throwable failure) {
        return failure instanceof RefusalException refused
                ? refused.refusal().code().busFailureCode()
                : ErrorCode.INTERNAL_ERROR.busFailureCode();
    }

    /** A handler that throws becomes a failed future: otherwise nobody would ever reply. */
    static <T> Future<T> guarded(java.util.function.Supplier<Future<T>> handler) {
        try {
            return handler.get();
        } catch (RuntimeException e) {
            LOG.error("a bus handler threw", e);
            return Future.failedFuture(e);
        }
    }

    /** Tells the auth verticle that its outbox has work. A hint: it looks from time to time anyway. */
    public void ringAuth() {
        eventBus.send(Addresses.AUTH_BELL, null);
    }

    public void onAuthBell(Runnable handler) {
        eventBus.consumer(Addresses.AUTH_BELL, ignored -> handler.run());
    }

    /** Tells the audit verticle that its outbox has work. A hint: it looks from time to time anyway. */
    public void ringAudit() {
        eventBus.send(Addresses.AUDIT_BELL, null);
    }

    public void onAuditBell(Runnable handler) {
        eventBus.consumer(Addresses.AUDIT_BELL, ignored -> handler.run());
    }

    /** Hands the audit verticle a refusal that no transaction recorded, such as an expired credential. */
    public void recordRefusal(AuditEntry entry) {
        eventBus.send(Addresses.AUDIT_REFUSALS, new Messages.Refusals(List.of(entry)));
    }

    public void onRefusals(Consumer<List<AuditEntry>> handler) {
        eventBus.<Messages.Refusals>consumer(
                Addresses.AUDIT_REFUSALS,
                message -> handler.accept(message.body().entries()));
    }

    /** Lets every lane know how old the oldest unsealed audit entry is, in milliseconds. */
    public void publishAuditLag(long millis) {
        eventBus.publish(Addresses.AUDIT_LAG, millis);
    }

    public void onAuditLag(LongConsumer handler) {
        eventBus.<Long>consumer(Addresses.AUDIT_LAG, message -> handler.accept(message.body()));
    }

    /**
     * Publishes a committed change to whoever listens.
     *
     * @return fails when it is known that nobody does; within one node that is known at once
     */
    public Future<Void> publishEvent(JsonObject event) {
        return events.write(event);
    }

    /** Hears every committed change, at least once, in order for each quota. */
    public void onEvent(Consumer<JsonObject> handler) {
        eventBus.<JsonObject>consumer(Addresses.EVENTS, message -> handler.accept(message.body()));
    }

    /**
     * Lets {@code handler} answer JSON bodies from any sender at a public address.
     *
     * @param handler gets the body (an empty object when it was none); its refusal becomes a recipient failure
     */
    public Future<Void> serveJson(
            com.cagen.quota.domain.OperationType operation, Function<JsonObject, Future<Answer>> handler) {
        MessageConsumer<Object> consumer = eventBus.consumer(Addresses.of(operation), message -> {
            JsonObject body = message.body() instanceof JsonObject json ? json : new JsonObject();
            guarded(() -> handler.apply(body))
                    .onSuccess(answer -> {
                        if (answer instanceof Answer.Success success) {
                            message.reply(new JsonObject(success.data()));
                        } else {
                            Refusal refusal = (Refusal) answer;
                            message.fail(refusal.code().busFailureCode(), refusal.message());
                        }
                    })
                    .onFailure(failure -> message.fail(
                            ErrorCode.INTERNAL_ERROR.busFailureCode(), "The request could not be answered."));
        });
        return consumer.completion();
    }

    /** Whether the bus works: a message to itself and back. */
    public Future<Void> ping() {
        String address = Addresses.INTERNAL + "ping." + java.util.UUID.randomUUID();
        MessageConsumer<Object> echo = eventBus.localConsumer(address, message -> message.reply(null));
        return eventBus.request(
                        address,
                        null,
                        new DeliveryOptions().setSendTimeout(1_000).setLocalOnly(true))
                .<Void>mapEmpty()
                .eventually(echo::unregister);
    }

    static boolean noHandlers(Throwable failure) {
        return failure instanceof ReplyException reply
                && reply.failureType() == io.vertx.core.eventbus.ReplyFailure.NO_HANDLERS;
    }
}
