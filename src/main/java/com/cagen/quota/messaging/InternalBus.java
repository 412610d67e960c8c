package com.cagen.quota.messaging;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.access.PermissionQuestion;
import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.CommandTypes;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.MessageProducer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the verticles say to one another, and the nodes of a cluster. One for each Vert.x instance; use its methods from the
 * verticle's own context.
 *
 * <p>Every consumer registered here replies to whatever asked it, also when its handler throws. Refusals travel as failure
 * code and message; {@link RequestChannel} keeps their details.
 */
public final class InternalBus {
    private static final Logger LOG = LoggerFactory.getLogger(InternalBus.class);
    private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);
    private static final DeliveryOptions ANYWHERE = new DeliveryOptions();
    private static final long LAG_CHECK_MILLIS = 1_000;
    /** Until Vert.x has forgotten the addresses of a lost node: what is repeated before may be sent to it again. */
    private static final long FORGET_MILLIS = 1_000;

    private static final long MINUTE_MILLIS = 60_000;
    private static final long FLUSH_MILLIS = 5_000;

    private final Vertx vertx;
    private final EventBus eventBus;
    private final MessageProducer<JsonObject> events;
    private final int laneCount;
    private final boolean lanesByOrganization;
    private final long timeoutMillis;
    private final @Nullable Cluster cluster;
    private final ClusterNodes nodes;
    private final PresenceBeacon presence;
    private final RefusalSender refusals;
    private final CredentialUses credentialUses;
    /** Of consumers: until they are through, other nodes do not know of them. */
    private final Queue<Future<Void>> registrations = new ConcurrentLinkedQueue<>();

    /** A consumer. */
    public interface Served {
        /** Takes no more messages; what was taken is still answered. */
        Future<Void> stop();
    }

    /** For a node alone, or one of a cluster that prefers its own lanes. */
    public InternalBus(Vertx vertx, CommandTypes commandTypes, int laneCount, long timeoutMillis) {
        this(vertx, commandTypes, laneCount, timeoutMillis, Config.Routing.LOCAL, false, null);
    }

    /**
     * Registers the codecs.
     *
     * @param commandTypes of the operations that this node knows
     * @param laneCount over which requests to this node are spread
     * @param timeoutMillis after which a request without an answer is given up
     * @param routing which node a request goes to; without a cluster, this one
     * @param lanesByOrganization whether they are spread by their organization, else by their quota
     * @param cluster that this node is a member of, or null
     */
    public InternalBus(
            Vertx vertx,
            CommandTypes commandTypes,
            int laneCount,
            long timeoutMillis,
            Config.Routing routing,
            boolean lanesByOrganization,
            @Nullable Cluster cluster) {
        this.vertx = vertx;
        this.eventBus = vertx.eventBus();
        this.events = eventBus.publisher(Addresses.EVENTS);
        this.laneCount = laneCount;
        this.lanesByOrganization = lanesByOrganization;
        this.timeoutMillis = timeoutMillis;
        this.cluster = cluster;
        this.nodes = new ClusterNodes(cluster == null ? UUID.randomUUID().toString() : cluster.node(), routing);
        this.presence = new PresenceBeacon(vertx, nodes);
        MessageJson json = new MessageJson(commandTypes);
        this.refusals = new RefusalSender(vertx, nodes, timeoutMillis);
        this.credentialUses = new CredentialUses(refusals::add, refusals::countDropped, Clock.systemUTC());
        vertx.setPeriodic(MINUTE_MILLIS, ignored -> credentialUses.endMinute());
        for (Class<?> type : List.of(
                BusMessages.Requests.class,
                BusMessages.Answers.class,
                BusMessages.Refusals.class,
                BusMessages.Presence.class,
                PermissionQuestion.class,
                PermissionAnswer.class,
                PermissionChange.class,
                VisibilityQuestion.class,
                VisibilityAnswer.class)) {
            register(type, json);
        }
    }

    /** Hears of the other nodes from now on, and they of this one, which serves nothing until {@link #open}. Once. */
    public Future<Void> join() {
        if (cluster != null) {
            cluster.onLost(this::lost);
        }
        return presence.join();
    }

    private void lost(String node) {
        nodes.lost(node);
        vertx.setTimer(FORGET_MILLIS, ignored -> eventBus.publish(Addresses.NODE_LOST, node));
    }

    /** Tells the other nodes what this one serves: to be called when all of it works. */
    public Future<Void> open() {
        return Future.all(List.copyOf(registrations)).<Void>mapEmpty().onSuccess(ignored -> presence.open());
    }

    /** Announces that this node is leaving: other nodes send no more requests. Those that are here or on their way are still
     * served. */
    public void leave() {
        presence.leave();
    }

    /** Fails when no node is known that serves requests. */
    public Future<Void> lanesKnown() {
        return nodes.lane("") == null
                ? Future.failedFuture("no node is known that serves requests")
                : Future.succeededFuture();
    }

    /** Fails when no node is known that asks the auth service. */
    public Future<Void> authKnown() {
        return nodes.auth("") == null
                ? Future.failedFuture("no node with the role auth is known")
                : Future.succeededFuture();
    }

    private <T> Future<Void> consumer(String address, Handler<Message<T>> handler) {
        Future<Void> completion = eventBus.consumer(address, handler).completion();
        registrations.add(completion);
        return completion;
    }

    private DeliveryOptions to(String node) {
        return node.equals(nodes.self()) ? LOCAL : ANYWHERE;
    }

    private <T> void register(Class<T> type, MessageJson json) {
        eventBus.registerDefaultCodec(type, json.codec(type));
    }

    /** How many nodes there are: this one, and those heard in the last seconds. */
    public int nodes() {
        return nodes.count();
    }

    /** A way to the lanes for the calling verticle, which must be on its own context. */
    public RequestChannel openChannel() {
        return new RequestChannel(vertx, nodes, timeoutMillis, lanesByOrganization);
    }

    /** Lets {@code handler} answer the requests of this node's lane {@code lane}, on the calling verticle's context. */
    public LaneServer serveLane(int lane, Function<Request, Future<Answer>> handler) {
        LaneServer server = new LaneServer(vertx, nodes.self(), handler);
        registrations.add(server.listen(Addresses.lane(nodes.self(), lane)));
        nodes.serving(laneCount, false, false);
        return server;
    }

    /**
     * Asks an auth verticle.
     *
     * @return fails with a {@link RefusalException}: {@code auth_unavailable} when there is no trustworthy answer, {@code
     *     overloaded} when too many questions of the caller's organization are waiting
     */
    public Future<PermissionAnswer> ask(PermissionQuestion question) {
        return this.<PermissionAnswer>askAuth(question.resourceId(), Addresses::permissionQuestions, question, true);
    }

    /**
     * Has the auth service told of a grant or a revocation.
     *
     * @return true when it confirmed, false when it refused and did nothing; fails with a {@link RefusalException} {@code
     *     auth_unavailable} when it may have done it or not, and {@code overloaded} as {@link #ask} does
     */
    public Future<Boolean> tell(PermissionChange change) {
        return this.<Boolean>askAuth(change.resourceId(), Addresses::permissionChanges, change, true);
    }

    /**
     * Has the auth service told what is recorded for the target of a change that did not come about. A message in the auth
     * outbox must say so as well, in case that this fails.
     *
     * @return when it was tried; fails when nobody is there to try
     */
    public Future<Void> restore(PermissionChange change) {
        return askAuth(change.resourceId(), Addresses::permissionRestores, change, true);
    }

    private <T> Future<T> askAuth(String key, Function<String, String> address, Object message, boolean again) {
        String node = nodes.auth(key);
        if (node == null) {
            return authUnavailable(new IllegalStateException("no node with the role auth is known"));
        }
        DeliveryOptions options = new DeliveryOptions(to(node)).setSendTimeout(timeoutMillis);
        return eventBus.<T>request(address.apply(node), message, options)
                .map(Message::body)
                .recover(failure -> {
                    if (again && BusReplies.noHandlers(failure)) {
                        nodes.gone(node);
                        return askAuth(key, address, message, false);
                    }
                    return overloaded(failure)
                            ? Future.failedFuture(tooManyQuestions(failure))
                            : authUnavailable(failure);
                });
    }

    private static RefusalException tooManyQuestions(Throwable cause) {
        return new RefusalException(
                Refusal.of(ErrorCode.OVERLOADED, "Too many questions to the auth service are waiting."), cause);
    }

    private static boolean overloaded(Throwable failure) {
        return failure instanceof ReplyException reply
                && reply.failureType() == ReplyFailure.RECIPIENT_FAILURE
                && reply.failureCode() == ErrorCode.OVERLOADED.busFailureCode();
    }

    private static <T> Future<T> authUnavailable(Throwable failure) {
        LOG.warn("auth service unavailable: {}", failure.getMessage());
        return Future.failedFuture(new RefusalException(
                Refusal.of(ErrorCode.AUTH_UNAVAILABLE, "The auth service cannot be asked at the moment."), failure));
    }

    /**
     * Lets the auth verticle answer {@link #ask}, {@link #tell} and {@link #restore}; a failed future becomes {@code
     * auth_unavailable}.
     */
    public void serveAuth(
            Function<PermissionQuestion, Future<PermissionAnswer>> questions,
            Function<PermissionChange, Future<Boolean>> changes,
            Function<PermissionChange, Future<Void>> restores) {
        this.<PermissionQuestion, PermissionAnswer>serve(Addresses.permissionQuestions(nodes.self()), questions);
        this.<PermissionChange, Boolean>serve(Addresses.permissionChanges(nodes.self()), changes);
        this.<PermissionChange, Void>serve(Addresses.permissionRestores(nodes.self()), restores);
        nodes.serving(0, true, false);
    }

    private <Q, A> void serve(String address, Function<Q, Future<A>> handler) {
        this.<Q>consumer(address, message -> BusReplies.guarded(() -> handler.apply(message.body()))
                .onSuccess(message::reply)
                .onFailure(failure -> message.fail(busCode(failure), String.valueOf(failure.getMessage()))));
    }

    private static int busCode(Throwable failure) {
        return failure instanceof RefusalException refused
                ? refused.refusal().code().busFailureCode()
                : ErrorCode.INTERNAL_ERROR.busFailureCode();
    }

    /**
     * Asks a node that serves requests, as the calling one may have no database.
     *
     * @return fails when there is no answer
     */
    public Future<VisibilityAnswer> ask(VisibilityQuestion question) {
        ClusterNodes.Lane lane = nodes.lane(question.organizationId());
        if (lane == null) {
            return Future.failedFuture("no node is known that serves requests");
        }
        DeliveryOptions options = new DeliveryOptions(to(lane.node())).setSendTimeout(timeoutMillis);
        return eventBus.<VisibilityAnswer>request(Addresses.visibilityQuestions(lane.node()), question, options)
                .map(Message::body);
    }

    /** Lets a node that serves requests answer {@link #ask(VisibilityQuestion)}. */
    public void serveVisibility(Function<VisibilityQuestion, Future<VisibilityAnswer>> handler) {
        this.<VisibilityQuestion, VisibilityAnswer>serve(Addresses.visibilityQuestions(nodes.self()), handler);
    }

    /** Tells an auth verticle that its outbox has work. A hint: it looks from time to time anyway. */
    public void notifyAuth() {
        String node = nodes.auth(nodes.self());
        if (node != null) {
            eventBus.send(Addresses.authNotifications(node), null, to(node));
        }
    }

    public void onAuthNotification(Runnable handler) {
        consumer(Addresses.authNotifications(nodes.self()), ignored -> handler.run());
    }

    /** Tells an audit verticle that there are new entries. A hint: it looks from time to time anyway. */
    public void notifyAudit() {
        String node = nodes.audit();
        if (node != null) {
            eventBus.send(Addresses.auditNotifications(node), null, to(node));
        }
    }

    public void onAuditNotification(Runnable handler) {
        consumer(Addresses.auditNotifications(nodes.self()), ignored -> handler.run());
        nodes.serving(0, false, true);
    }

    /**
     * Hands an audit verticle a refusal that no transaction recorded, such as an expired credential. It waits while no node
     * has the role audit. From any thread.
     */
    public void recordRefusal(AuditEntry entry) {
        if (entry.action().equals(AuditEntry.CREDENTIAL_USE)) {
            credentialUses.add(entry);
        } else {
            refusals.add(entry);
        }
    }

    /** Which uses of expired and replayed credentials are recorded one by one on this node. */
    public CredentialUses credentialUses() {
        return credentialUses;
    }

    /** How many refusals of this node are not in the trail, as too many came at once. */
    public long refusalsShed() {
        return refusals.dropped();
    }

    /** Hands over what was counted and what waits. To be called before stopping, when no more refusals come. */
    public Future<Void> flushRefusals() {
        credentialUses.endMinute();
        return refusals.flush(FLUSH_MILLIS);
    }

    /** A message of refusals. */
    public interface RefusalHandler {
        /**
         * @param entries of one organization
         * @param again whether they may be stored already
         * @return when they are stored
         */
        Future<Void> store(List<AuditEntry> entries, boolean again);
    }

    /** Lets the audit verticle store refusals; after a failed future they come again. */
    public void onRefusals(RefusalHandler handler) {
        this.<BusMessages.Refusals, Void>serve(
                Addresses.auditRefusals(nodes.self()), message -> handler.store(message.entries(), message.again()));
        nodes.serving(0, false, true);
    }

    /** Lets every lane of every node know how old the oldest unsealed audit entry is, in milliseconds. */
    public void publishAuditLag(long millis) {
        eventBus.publish(Addresses.AUDIT_LAG, millis);
    }

    /**
     * Hears of the audit lag.
     *
     * @param handler is told every second as well, in case that nobody measures any more: the lag may be as long as the silence
     */
    public void onAuditLag(LongConsumer handler) {
        long[] last = {0, System.nanoTime()};
        this.<Long>consumer(Addresses.AUDIT_LAG, message -> {
            last[0] = message.body();
            last[1] = System.nanoTime();
            handler.accept(last[0]);
        });
        vertx.setPeriodic(LAG_CHECK_MILLIS, ignored -> {
            long silentMillis = (System.nanoTime() - last[1]) / 1_000_000;
            handler.accept(Math.max(last[0], silentMillis));
        });
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
        this.<JsonObject>consumer(Addresses.EVENTS, message -> handler.accept(message.body()));
    }

    /**
     * Lets {@code handler} answer JSON bodies from any sender at a public address.
     *
     * @param handler gets the body (an empty object when it was none); its refusal becomes a recipient failure
     * @return when every node knows of it
     */
    public Future<Served> serveJson(String operation, Function<JsonObject, Future<Answer>> handler) {
        MessageConsumer<Object> consumer = eventBus.consumer(Addresses.of(operation), message -> {
            JsonObject body = message.body() instanceof JsonObject json ? json : new JsonObject();
            BusReplies.guarded(() -> handler.apply(body))
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
        return consumer.completion().map(ignored -> consumer::unregister);
    }

    /** Whether the bus works: a message to itself and back. */
    public Future<Void> ping() {
        String address = Addresses.INTERNAL + "ping." + UUID.randomUUID();
        MessageConsumer<Object> echo = eventBus.localConsumer(address, message -> message.reply(null));
        return eventBus.request(
                        address,
                        null,
                        new DeliveryOptions().setSendTimeout(1_000).setLocalOnly(true))
                .<Void>mapEmpty()
                .eventually(echo::unregister);
    }
}
