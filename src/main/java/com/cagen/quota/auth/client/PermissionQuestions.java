package com.cagen.quota.auth.client;

import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.access.PermissionQuestion;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Lets identical questions share a call: one under way and one waiting, however many ask.
 *
 * <p>A question never joins a call that has begun before it: that call may have been answered before a revocation which the
 * asker already knows of, and its answer would then be kept as if it came after. It waits for the next call, together with all
 * who ask meanwhile. When the call under way fails, those who wait fail with it, since no answer is never a wrong one.
 *
 * <p>It holds one entry for each call, so the limit on calls ({@link CallLimiter}) bounds it as well.
 */
public final class PermissionQuestions {
    private final Function<PermissionQuestion, Future<PermissionAnswer>> call;
    private final Map<PermissionQuestion, Flight> flights = new HashMap<>();

    private static final class Flight {
        @Nullable
        Promise<PermissionAnswer> next;
    }

    public PermissionQuestions(Function<PermissionQuestion, Future<PermissionAnswer>> call) {
        this.call = call;
    }

    public Future<PermissionAnswer> ask(PermissionQuestion question) {
        Flight flight = flights.get(question);
        if (flight == null) {
            flight = new Flight();
            flights.put(question, flight);
            return begin(question, flight);
        }
        if (flight.next == null) {
            flight.next = Promise.promise();
        }
        return flight.next.future();
    }

    private Future<PermissionAnswer> begin(PermissionQuestion question, Flight flight) {
        return call.apply(question).andThen(result -> {
            Promise<PermissionAnswer> waiting = flight.next;
            flight.next = null;
            if (waiting == null) {
                flights.remove(question);
            } else if (result.failed()) {
                flights.remove(question);
                waiting.fail(result.cause());
            } else {
                begin(question, flight).onComplete(waiting);
            }
        });
    }
}
