package com.cagen.quota.messaging;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A lane's end of a {@link RequestChannel}: takes lists of requests and sends the answers back in lists. */
public final class LaneServer {
    private static final Logger LOG = LoggerFactory.getLogger(LaneServer.class);
    private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);
    private static final DeliveryOptions ANYWHERE = new DeliveryOptions();
    /** A recipient failure: none of the requests was begun. */
    private static final int CLOSED = 1;

    private final EventBus eventBus;
    private final Context context;
    private final String localAnswers;
    private final Function<Request, Future<Answer>> handler;
    private final Map<String, List<BusMessages.NumberedAnswer>> outgoing = new HashMap<>();
    private boolean flushing;
    private volatile boolean closed;

    LaneServer(Vertx vertx, String node, Function<Request, Future<Answer>> handler) {
        this.eventBus = vertx.eventBus();
        this.context = vertx.getOrCreateContext();
        this.localAnswers = Addresses.answersOf(node);
        this.handler = handler;
    }

    /** Whether a list of requests was certainly not begun: nobody was there, or whoever was there takes no more. */
    static boolean notBegun(Throwable failure) {
        return failure instanceof ReplyException reply
                && (reply.failureType() == ReplyFailure.NO_HANDLERS
                        || (reply.failureType() == ReplyFailure.RECIPIENT_FAILURE && reply.failureCode() == CLOSED));
    }

    Future<Void> listen(String address) {
        return eventBus.<BusMessages.Requests>consumer(address, message -> {
                    if (closed) {
                        message.fail(CLOSED, "This lane takes no more requests.");
                        return;
                    }
                    BusMessages.Requests requests = message.body();
                    message.reply(null);
                    for (BusMessages.NumberedRequest numbered : requests.requests()) {
                        BusReplies.guarded(() -> handle(numbered.request()))
                                .otherwise(failure -> {
                                    LOG.error("a request failed", failure);
                                    return Refusal.of(ErrorCode.INTERNAL_ERROR, "The request could not be answered.");
                                })
                                .onSuccess(answer -> answer(requests.replyAddress(), numbered.id(), answer));
                    }
                })
                .completion();
    }

    private Future<Answer> handle(Request request) {
        if (request.command() instanceof MessageJson.UnknownCommand) {
            // A newer node sent it. Its neighbours in the message are not affected.
            return Future.succeededFuture(Refusal.of(
                    ErrorCode.OVERLOADED,
                    "The node that was asked is of an older version without this operation; try again."));
        }
        return handler.apply(request);
    }

    /** From now on requests are sent back, to be tried elsewhere; those that were taken go on. */
    public void close() {
        closed = true;
    }

    private void answer(String replyAddress, long id, Answer answer) {
        outgoing.computeIfAbsent(replyAddress, ignored -> new ArrayList<>())
                .add(new BusMessages.NumberedAnswer(id, answer));
        if (!flushing) {
            flushing = true;
            context.runOnContext(ignored -> flush());
        }
    }

    private void flush() {
        flushing = false;
        outgoing.forEach((address, answers) -> eventBus.send(
                address, new BusMessages.Answers(answers), address.startsWith(localAnswers) ? LOCAL : ANYWHERE));
        outgoing.clear();
    }
}
