package com.cagen.quota.messaging;

import io.vertx.core.Future;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What senders and consumers of bus messages have in common about replies. */
final class BusReplies {
    private static final Logger LOG = LoggerFactory.getLogger(BusReplies.class);

    private BusReplies() {}

    /** Whether nobody was there to take a message: it was certainly not handled. */
    static boolean noHandlers(Throwable failure) {
        return failure instanceof ReplyException reply && reply.failureType() == ReplyFailure.NO_HANDLERS;
    }

    /** A handler that throws becomes a failed future: otherwise nobody would ever reply. */
    static <T> Future<T> guarded(Supplier<Future<T>> handler) {
        try {
            return handler.get();
        } catch (RuntimeException e) {
            LOG.error("a bus handler threw", e);
            return Future.failedFuture(e);
        }
    }
}
