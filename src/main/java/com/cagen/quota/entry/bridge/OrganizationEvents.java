package com.cagen.quota.entry.bridge;

import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * One organization's events on their way to its subscribers, in the order in which they came. An event waits until it is known
 * which of the subscribers may hear of its quota. The answer is kept for a few seconds, so that a burst of usage asks once;
 * an event that may change the answers makes them be asked for anew, for that event and all that follow.
 */
final class OrganizationEvents {
    /** These never change who sees a quota that was asked about. A new child was not; a new root makes its owner see all. */
    private static final Set<String> LEAVE_VISIBILITY = Operations.CATALOG.all().stream()
            .filter(operation -> !operation.changesVisibility())
            .map(operation -> operation.name().text())
            .collect(Collectors.toUnmodifiableSet());

    /** An event that got lost on the bus may have changed the answer. */
    private static final long BELIEVED_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final int MAX_KNOWN_QUOTAS = 256;
    private static final int MAX_QUOTAS_A_QUESTION = 100;
    /** Quotas times users: what an answer can have at most. */
    private static final int MAX_PAIRS_A_QUESTION = 10_000;

    private static final long MAX_WAITING_BYTES = 4L * 1024 * 1024;

    private final String organization;
    private final BridgeSessions sessions;
    private final Function<VisibilityQuestion, Future<VisibilityAnswer>> ask;
    private final LongSupplier clock;
    private final Map<ConnectedClient, Subscriber> subscribers = new LinkedHashMap<>();
    private final Deque<Event> waiting = new ArrayDeque<>();
    private final Map<String, Known> known = new HashMap<>();
    private long lastNumber;
    private long waitingBytes;
    private boolean asking;

    /** @param after the number of the last event before the subscription */
    private record Subscriber(String user, long after) {}

    /** Who may hear of a quota, of those who were asked for. */
    private record Known(Set<String> asked, Set<String> users, long answeredNanos) {}

    private static final class Event {
        final long number;
        final JsonObject body;
        final String quotaId;
        final int bytes;
        final Map<BridgeProtocol, String> frames = new EnumMap<>(BridgeProtocol.class);
        /** Whether what is known may no longer hold from this event on. */
        boolean changesVisibility;

        Event(long number, JsonObject body, String quotaId) {
            this.number = number;
            this.body = body;
            this.quotaId = quotaId;
            this.bytes = body.encode().length() + BridgeSession.FRAME_OVERHEAD_BYTES;
            this.changesVisibility = !LEAVE_VISIBILITY.contains(body.getString("type"));
        }

        String frame(BridgeProtocol protocol) {
            return frames.computeIfAbsent(protocol, ignored -> protocol.message(Addresses.EVENTS, body, false)
                    .encode());
        }
    }

    OrganizationEvents(
            String organization,
            BridgeSessions sessions,
            Function<VisibilityQuestion, Future<VisibilityAnswer>> ask,
            LongSupplier clock) {
        this.organization = organization;
        this.sessions = sessions;
        this.ask = ask;
        this.clock = clock;
    }

    void add(ConnectedClient session, String user) {
        subscribers.put(session, new Subscriber(user, lastNumber));
    }

    /** Returns whether nobody is left. */
    boolean remove(ConnectedClient session) {
        subscribers.remove(session);
        if (!subscribers.isEmpty()) {
            return false;
        }
        forgetWaiting();
        return true;
    }

    void take(JsonObject body) {
        String quotaId = body.getString("quota_id");
        if (quotaId == null) {
            return; // of no quota, so nobody's
        }
        Event event = new Event(++lastNumber, body, quotaId);
        if (waitingBytes + event.bytes > MAX_WAITING_BYTES || !sessions.reserveWaiting(event.bytes)) {
            endAll(Refusal.of(ErrorCode.OVERLOADED, "Too many events are waiting; register again."));
            return;
        }
        waitingBytes += event.bytes;
        waiting.add(event);
        proceed();
    }

    private void proceed() {
        while (!asking && !waiting.isEmpty()) {
            Event event = waiting.element();
            if (event.changesVisibility) {
                event.changesVisibility = false;
                known.clear();
            }
            Known visibility = known.get(event.quotaId);
            if (visibility == null || !decides(visibility, event)) {
                ask();
                return;
            }
            waiting.remove();
            waitingBytes -= event.bytes;
            sessions.releaseWaiting(event.bytes);
            // A copy: a session that falls behind is closed, and leaves.
            Map.copyOf(subscribers).forEach((session, subscriber) -> {
                if (subscriber.after() < event.number && visibility.users().contains(subscriber.user())) {
                    session.event(event.frame(session.protocol()));
                }
            });
        }
    }

    private boolean decides(Known visibility, Event event) {
        return clock.getAsLong() - visibility.answeredNanos() <= BELIEVED_NANOS
                && subscribers.values().stream()
                        .allMatch(each -> each.after() >= event.number
                                || visibility.asked().contains(each.user()));
    }

    private void ask() {
        Set<String> users = new LinkedHashSet<>();
        subscribers.values().forEach(each -> users.add(each.user()));
        int most = Math.max(1, Math.min(MAX_QUOTAS_A_QUESTION, MAX_PAIRS_A_QUESTION / Math.max(1, users.size())));
        Set<String> quotas = new LinkedHashSet<>();
        for (Event event : waiting) {
            if (event.changesVisibility || quotas.size() == most) {
                break; // what is asked now may not hold for this one
            }
            quotas.add(event.quotaId);
        }
        asking = true;
        ask.apply(new VisibilityQuestion(organization, List.copyOf(quotas), List.copyOf(users)))
                .onComplete(result -> {
                    asking = false;
                    if (result.failed()) {
                        endAll(Refusal.of(
                                ErrorCode.OVERLOADED,
                                "It could not be found out who may hear of this event; register again."));
                        return;
                    }
                    long now = clock.getAsLong();
                    if (known.size() + quotas.size() > MAX_KNOWN_QUOTAS) {
                        known.clear();
                    }
                    quotas.forEach(quota -> known.put(
                            quota,
                            new Known(users, result.result().usersByQuota().getOrDefault(quota, Set.of()), now)));
                    proceed();
                });
    }

    /** Nobody gets an event of which it is not known who may hear of it. */
    private void endAll(Refusal refusal) {
        forgetWaiting();
        List.copyOf(subscribers.keySet()).forEach(session -> session.endEvents(refusal));
    }

    private void forgetWaiting() {
        waiting.clear();
        sessions.releaseWaiting(waitingBytes);
        waitingBytes = 0;
    }
}
