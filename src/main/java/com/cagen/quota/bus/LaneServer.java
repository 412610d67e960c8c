package com.cagen.quota.bus;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.Request;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.EventBus;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A lane's end of a {@link RequestChannel}: takes lists of requests and sends the answers back in lists. */
final class LaneServer {
    private static final Logger LOG = LoggerFactory.getLogger(LaneServer.class);

    private final EventBus eventBus;
    private final Context context;
    private final Function<Request, Future<Answer>> handler;
    private final Map<String, List<Messages.NumberedAnswer>> outgoing = new HashMap<>();
    private boolean flushing;

    LaneServer(Vertx vertx, Function<Request, Future<Answer>> handler) {
        this.eventBus = vertx.eventBus();
        this.context = vertx.getOrCreateContext();
        this.handler = handler;
    }

    void listen(int lane) {
        eventBus.<Messages.Requests>consumer(Addresses.lane(lane), message -> {
            Messages.Requests requests = message.body();
            message.reply(null);
            for (Messages.NumberedRequest numbered : requests.requests()) {
                Bus.guarded(() -> handler.apply(numbered.request()))
                        .otherwise(failure -> {
                            LOG.error("a request failed", failure);
                            return Refusal.of(ErrorCode.INTERNAL_ERROR, "The request could not be answered.");
                        })
                        .onSuccess(answer -> answer(requests.replyAddress(), numbered.id(), answer));
            }
        });
    }

    private void answer(String replyAddress, long id, Answer answer) {
        outgoing.computeIfAbsent(replyAddress, ignored -> new ArrayList<>())
                .add(new Messages.NumberedAnswer(id, answer));
        if (!flushing) {
            flushing = true;
            context.runOnContext(ignored -> flush());
        }
    }

    private void flush() {
        flushing = false;
        outgoing.forEach((address, answers) -> eventBus.send(address, new Messages.Answers(answers)));
        outgoing.clear();
    }
}
