package com.cagen.quota.auth.client;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.scheduling.FairQueue;
import com.cagen.quota.domain.scheduling.FairShare;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Limits the calls to the auth service: a fixed number at once, the others wait. Organizations are served round-robin, and none holds more
 * than its share of the calls or of the places to wait. A call for which there is no place, or whose turn comes too late, fails
 * with {@code overloaded}: that is this node's load and says nothing about the auth service. Not thread-safe.
 */
final class CallLimiter {
    private final FairQueue<Call<?>> queue;
    private final FairShare share;
    private final long maxWaitNanos;
    private boolean starting;

    private final class Call<T> {
        final String organization;
        final Supplier<Future<T>> work;
        final Promise<T> result = Promise.promise();
        final long enteredNanos = System.nanoTime();

        Call(String organization, Supplier<Future<T>> work) {
            this.organization = organization;
            this.work = work;
        }

        void run() {
            Future<T> done = System.nanoTime() - enteredNanos > maxWaitNanos ? overloaded() : work.get();
            done.onComplete(outcome -> {
                queue.end(organization);
                share.leave(organization, 0);
                startWaiting();
                result.handle(outcome);
            });
        }
    }

    /**
     * @param maxRunning calls at once
     * @param maxCalls calls at once and waiting, of all organizations
     * @param maxWaitMillis after which a call that has not begun fails instead
     */
    CallLimiter(int maxRunning, int maxCalls, long maxWaitMillis) {
        this.queue = new FairQueue<>(maxRunning);
        this.share = new FairShare(maxCalls, 0);
        this.maxWaitNanos = TimeUnit.MILLISECONDS.toNanos(maxWaitMillis);
    }

    /** @param work must not throw */
    <T> Future<T> run(String organization, Supplier<Future<T>> work) {
        if (!share.enter(organization, 0)) {
            return overloaded();
        }
        Call<T> call = new Call<>(organization, work);
        queue.add(organization, call);
        startWaiting();
        return call.result.future();
    }

    private void startWaiting() {
        // A call may fail before it returns: without this check, each one would start the next one deeper on the stack.
        if (starting) {
            return;
        }
        starting = true;
        for (Call<?> next = queue.start(); next != null; next = queue.start()) {
            next.run();
        }
        starting = false;
    }

    private static <T> Future<T> overloaded() {
        return Future.failedFuture(new RefusalException(
                Refusal.of(ErrorCode.OVERLOADED, "Too many questions to the auth service are waiting.")));
    }
}
