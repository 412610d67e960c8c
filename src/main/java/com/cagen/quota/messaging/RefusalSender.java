package com.cagen.quota.messaging;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.AsyncResult;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends refusals to an audit verticle and keeps them until it has stored them: also while no node has the role audit, or the
 * database is away. One message of one organization is under way at a time. A message without an answer is sent again as it
 * was, to whichever node has the role by then, which looks whether it is stored already. Thread-safe.
 */
final class RefusalSender {
    private static final Logger LOG = LoggerFactory.getLogger(RefusalSender.class);
    private static final int MAX_ENTRIES = 10_000;
    private static final long MAX_BYTES = 8 * 1024 * 1024;
    private static final int MAX_ENTRIES_A_MESSAGE = 500;
    private static final long MAX_BYTES_A_MESSAGE = 256 * 1024;
    private static final long RETRY_MILLIS = 250;
    /** Some 25 s: after so many refusals of the database a message is dropped, as the others wait behind it. */
    private static final int MAX_ATTEMPTS = 100;

    private final Vertx vertx;
    private final ClusterNodes nodes;
    private final long timeoutMillis;
    private final RefusalQueue queue = new RefusalQueue(MAX_ENTRIES, MAX_BYTES);
    private BusMessages.@Nullable Refusals underWay;
    private int attempts;
    private long dropped;
    private Promise<Void> empty = Promise.promise();

    RefusalSender(Vertx vertx, ClusterNodes nodes, long timeoutMillis) {
        this.vertx = vertx;
        this.nodes = nodes;
        this.timeoutMillis = timeoutMillis;
    }

    synchronized void add(AuditEntry entry) {
        dropped += queue.add(entry);
        if (underWay == null) {
            sendNext();
        }
    }

    /** Counts entries that were never added. */
    synchronized void countDropped(long entries) {
        dropped += entries;
    }

    /** How many entries were dropped since the start. */
    synchronized long dropped() {
        return dropped;
    }

    /** Succeeds when every entry is stored; fails when that takes longer than {@code millis}. */
    Future<Void> flush(long millis) {
        Future<Void> stored;
        synchronized (this) {
            if (queue.size() == 0) {
                return Future.succeededFuture();
            }
            stored = empty.future();
        }
        return stored.timeout(millis, TimeUnit.MILLISECONDS)
                .onFailure(ignored -> LOG.error("{} refusals are not in the audit trail", size()));
    }

    private synchronized int size() {
        return queue.size();
    }

    private synchronized void sendNext() {
        List<AuditEntry> entries = queue.take(MAX_ENTRIES_A_MESSAGE, MAX_BYTES_A_MESSAGE);
        attempts = 0;
        if (entries.isEmpty()) {
            underWay = null;
            empty.complete();
            empty = Promise.promise();
        } else {
            underWay = new BusMessages.Refusals(entries, false);
            send(underWay);
        }
    }

    private synchronized void send(BusMessages.Refusals message) {
        String node = nodes.audit();
        if (node == null) {
            if (attempts++ == 0) {
                LOG.warn("no node with the role audit is known: refusals wait");
            }
            vertx.setTimer(RETRY_MILLIS, ignored -> send(message));
            return;
        }
        DeliveryOptions options =
                new DeliveryOptions().setSendTimeout(timeoutMillis).setLocalOnly(node.equals(nodes.self()));
        vertx.eventBus()
                .request(Addresses.auditRefusals(node), message, options)
                .onComplete(answer -> answered(message, node, answer));
    }

    private synchronized void answered(BusMessages.Refusals message, String node, AsyncResult<Message<Object>> answer) {
        if (answer.succeeded()) {
            queue.done();
            sendNext();
            return;
        }
        if (BusReplies.noHandlers(answer.cause())) {
            nodes.gone(node);
        }
        if (refusedByDatabase(answer.cause()) && ++attempts >= MAX_ATTEMPTS) {
            LOG.error(
                    "{} refusals cannot be stored: {}",
                    message.entries().size(),
                    answer.cause().getMessage());
            dropped += message.entries().size();
            queue.done();
            sendNext();
            return;
        }
        if (!message.again()) {
            LOG.warn("refusals for the audit trail wait: {}", answer.cause().getMessage());
        }
        BusMessages.Refusals again = new BusMessages.Refusals(message.entries(), true);
        underWay = again;
        vertx.setTimer(RETRY_MILLIS, ignored -> send(again));
    }

    private static boolean refusedByDatabase(Throwable failure) {
        return failure instanceof ReplyException reply
                && reply.failureCode() == ErrorCode.INTERNAL_ERROR.busFailureCode();
    }
}
