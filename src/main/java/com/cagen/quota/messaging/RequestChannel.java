package com.cagen.quota.messaging;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One verticle's way to the lanes, of this node or another. Requests that come up in one turn of the event loop travel
 * together, and so do answers; a message for each of them cost up to a third of the throughput. Not thread-safe: used on the
 * context that made it.
 */
public final class RequestChannel {
    private static final long SWEEP_MILLIS = 250;
    private static final long IDLE_POLL_MILLIS = 10;
    /** To how many nodes a request is offered that none of them began. */
    private static final int MAX_OFFERS = 3;

    private final Vertx vertx;
    private final EventBus eventBus;
    private final Context context;
    private final ClusterNodes nodes;
    private final boolean lanesByOrganization;
    private final long timeoutMillis;
    private final DeliveryOptions local;
    private final DeliveryOptions remote;
    private final String replyAddress;
    private final Future<Void> ready;
    /** In the order of their deadlines, as all wait equally long. */
    private final Map<Long, Waiting> waiting = new LinkedHashMap<>();

    private final Map<ClusterNodes.Lane, List<BusMessages.NumberedRequest>> outgoing = new HashMap<>();
    private long nextId;
    private boolean flushing;

    private static final class Waiting {
        final Promise<Answer> promise = Promise.promise();
        final boolean change;
        final long deadlineNanos;
        int offers;
        /** That it was offered to last. */
        @Nullable
        String node;

        Waiting(boolean change, long deadlineNanos) {
            this.change = change;
            this.deadlineNanos = deadlineNanos;
        }
    }

    /** @param lanesByOrganization whether all of an organization's requests go through one lane, else all of a quota's */
    RequestChannel(Vertx vertx, ClusterNodes nodes, long timeoutMillis, boolean lanesByOrganization) {
        this.vertx = vertx;
        this.eventBus = vertx.eventBus();
        this.context = vertx.getOrCreateContext();
        this.nodes = nodes;
        this.lanesByOrganization = lanesByOrganization;
        this.timeoutMillis = timeoutMillis;
        this.local = new DeliveryOptions().setSendTimeout(timeoutMillis).setLocalOnly(true);
        this.remote = new DeliveryOptions().setSendTimeout(timeoutMillis);
        this.replyAddress = Addresses.answers(nodes.self(), UUID.randomUUID().toString());
        this.ready = eventBus.<BusMessages.Answers>consumer(
                        replyAddress, message -> message.body().answers().forEach(this::answered))
                .completion();
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> sweep());
        nodes.onLost(node -> context.runOnContext(ignored -> lost(node)));
    }

    /** Ends when answers find their way back from every node. */
    public Future<Void> ready() {
        return ready;
    }

    /** Never fails: what goes wrong on the way is a {@link Refusal}. */
    public Future<Answer> send(Request request) {
        long id = nextId++;
        Waiting entry = new Waiting(
                request.operation().change(), System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
        waiting.put(id, entry);
        offer(new BusMessages.NumberedRequest(id, request), entry);
        return entry.promise.future();
    }

    /** Ends when no request waits for its answer, which is after the bus timeout at the latest. */
    public Future<Void> idle() {
        return waiting.isEmpty()
                ? Future.succeededFuture()
                : vertx.timer(IDLE_POLL_MILLIS, TimeUnit.MILLISECONDS).compose(ignored -> idle());
    }

    private void offer(BusMessages.NumberedRequest numbered, Waiting entry) {
        ClusterNodes.Lane lane = ++entry.offers > MAX_OFFERS ? null : nodes.lane(keyOf(numbered.request()));
        if (lane == null) {
            answered(new BusMessages.NumberedAnswer(
                    numbered.id(), Refusal.of(ErrorCode.OVERLOADED, "The service is not ready for this request.")));
            return;
        }
        entry.node = lane.node();
        outgoing.computeIfAbsent(lane, ignored -> new ArrayList<>()).add(numbered);
        if (!flushing) {
            flushing = true;
            context.runOnContext(ignored -> flush());
        }
    }

    private String keyOf(Request request) {
        String quotaId = request.command().quotaId();
        return lanesByOrganization || quotaId == null ? request.caller().organizationId() : quotaId;
    }

    private void flush() {
        flushing = false;
        // A copy, as what nobody takes comes back here.
        Map<ClusterNodes.Lane, List<BusMessages.NumberedRequest>> now = Map.copyOf(outgoing);
        outgoing.clear();
        now.forEach((lane, requests) -> {
            BusMessages.Requests message = new BusMessages.Requests(replyAddress, requests);
            // The reply says only that a lane has taken them; the answers come on their own.
            eventBus.request(lane.address(), message, lane.node().equals(nodes.self()) ? local : remote)
                    .onFailure(failure -> notTaken(lane, message, failure));
        });
    }

    private void notTaken(ClusterNodes.Lane lane, BusMessages.Requests message, Throwable failure) {
        if (!LaneServer.notBegun(failure)) {
            return; // nobody knows what became of them: the sweep says so
        }
        nodes.gone(lane.node());
        for (BusMessages.NumberedRequest numbered : message.requests()) {
            Waiting entry = waiting.get(numbered.id());
            if (entry != null) {
                offer(numbered, entry);
            }
        }
    }

    private void answered(BusMessages.NumberedAnswer answer) {
        Waiting request = waiting.remove(answer.id());
        if (request != null) { // else it came after its deadline
            request.promise.complete(answer.answer());
        }
    }

    private void sweep() {
        long now = System.nanoTime();
        Iterator<Waiting> oldestFirst = waiting.values().iterator();
        List<Waiting> late = new ArrayList<>();
        while (oldestFirst.hasNext()) {
            Waiting next = oldestFirst.next();
            if (next.deadlineNanos - now > 0) {
                break;
            }
            oldestFirst.remove();
            late.add(next);
        }
        late.forEach(request -> unanswered(request, "No answer came in time"));
    }

    /**
     * Ends what a lost node had. It is not sent to another node: the lost one may have used up its credential, and only the caller
     * can make a new one.
     */
    private void lost(String node) {
        List<Waiting> orphans = new ArrayList<>();
        waiting.values().removeIf(each -> node.equals(each.node) && orphans.add(each));
        orphans.forEach(request -> unanswered(request, "The node that had this request is lost"));
    }

    private static void unanswered(Waiting request, String why) {
        request.promise.complete(
                request.change
                        ? Refusal.of(ErrorCode.OUTCOME_UNKNOWN, why + "; repeat under the same idempotency key.")
                        : Refusal.of(ErrorCode.OVERLOADED, why + "."));
    }
}
