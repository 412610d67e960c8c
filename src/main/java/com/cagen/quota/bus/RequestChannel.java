package com.cagen.quota.bus;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.Request;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * One verticle's way to the lanes. Requests that come up in one turn of the event loop travel together, and so do answers;
 * a message for each of them cost up to a third of the throughput. Not thread-safe: used on the context that made it.
 */
public final class RequestChannel {
    private static final long SWEEP_MILLIS = 250;

    private final EventBus eventBus;
    private final Context context;
    private final int laneCount;
    private final long timeoutMillis;
    private final String replyAddress = Addresses.INTERNAL + "answers." + UUID.randomUUID();
    /** In the order of their deadlines, as all wait equally long. */
    private final Map<Long, Waiting> waiting = new LinkedHashMap<>();

    private final List<List<Messages.NumberedRequest>> outgoing = new ArrayList<>();
    private long nextId;
    private boolean flushing;

    private record Waiting(Promise<Answer> promise, boolean change, long deadlineNanos) {}

    RequestChannel(Vertx vertx, int laneCount, long timeoutMillis) {
        this.eventBus = vertx.eventBus();
        this.context = vertx.getOrCreateContext();
        this.laneCount = laneCount;
        this.timeoutMillis = timeoutMillis;
        for (int lane = 0; lane < laneCount; lane++) {
            outgoing.add(new ArrayList<>());
        }
        eventBus.<Messages.Answers>consumer(
                replyAddress, message -> message.body().answers().forEach(this::answered));
        vertx.setPeriodic(SWEEP_MILLIS, ignored -> sweep());
    }

    /** Never fails: what goes wrong on the way is a {@link Refusal}. */
    public Future<Answer> send(Request request) {
        long id = nextId++;
        Promise<Answer> promise = Promise.promise();
        waiting.put(
                id,
                new Waiting(
                        promise, request.operation().type().change(), System.nanoTime() + timeoutMillis * 1_000_000));
        outgoing.get(laneOf(request)).add(new Messages.NumberedRequest(id, request));
        if (!flushing) {
            flushing = true;
            context.runOnContext(ignored -> flush());
        }
        return promise.future();
    }

    /** How many requests have no answer yet. */
    public int inFlight() {
        return waiting.size();
    }

    private int laneOf(Request request) {
        String key = request.operation() instanceof Operation.OnQuota onQuota
                ? onQuota.quotaId()
                : request.caller().organizationId();
        return Math.floorMod(key.hashCode(), laneCount);
    }

    private void flush() {
        flushing = false;
        for (int lane = 0; lane < laneCount; lane++) {
            List<Messages.NumberedRequest> requests = outgoing.get(lane);
            if (!requests.isEmpty()) {
                Messages.Requests message = new Messages.Requests(replyAddress, requests);
                requests.clear();
                // The reply says only that a lane has taken them; the answers come on their own.
                eventBus.request(Addresses.lane(lane), message, new DeliveryOptions().setSendTimeout(timeoutMillis))
                        .onFailure(failure -> notTaken(message, failure));
            }
        }
    }

    private void notTaken(Messages.Requests message, Throwable failure) {
        if (Bus.noHandlers(failure)) {
            Refusal refusal = Refusal.of(ErrorCode.OVERLOADED, "The service is not ready for this request.");
            message.requests().forEach(request -> answered(new Messages.NumberedAnswer(request.id(), refusal)));
        } // else the sweep finds them: nobody knows what became of them
    }

    private void answered(Messages.NumberedAnswer answer) {
        Waiting request = waiting.remove(answer.id());
        if (request != null) { // else it came after its deadline
            request.promise().complete(answer.answer());
        }
    }

    private void sweep() {
        long now = System.nanoTime();
        Iterator<Waiting> oldestFirst = waiting.values().iterator();
        List<Waiting> late = new ArrayList<>();
        while (oldestFirst.hasNext()) {
            Waiting next = oldestFirst.next();
            if (next.deadlineNanos() - now > 0) {
                break;
            }
            oldestFirst.remove();
            late.add(next);
        }
        for (Waiting request : late) {
            request.promise()
                    .complete(
                            request.change()
                                    ? Refusal.of(
                                            ErrorCode.OUTCOME_UNKNOWN,
                                            "No answer came in time; repeat under the same idempotency key.")
                                    : Refusal.of(ErrorCode.OVERLOADED, "No answer came in time."));
        }
    }
}
