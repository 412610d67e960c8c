package com.cagen.quota.entry.bridge;

import com.cagen.quota.domain.access.VisibilityAnswer;
import com.cagen.quota.domain.access.VisibilityQuestion;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Which sessions hear events, by organization. Used on the verticle's context. */
final class Subscriptions {
    private final Map<String, OrganizationEvents> byOrganization = new HashMap<>();
    private final BridgeSessions sessions;
    private final Function<VisibilityQuestion, Future<VisibilityAnswer>> ask;
    private final LongSupplier clock;

    /**
     * @param sessions bounds what waits for an answer
     * @param ask answers on this verticle's context
     * @param clock nanoseconds, as {@link System#nanoTime}
     */
    Subscriptions(
            BridgeSessions sessions, Function<VisibilityQuestion, Future<VisibilityAnswer>> ask, LongSupplier clock) {
        this.sessions = sessions;
        this.ask = ask;
        this.clock = clock;
    }

    void add(Caller caller, ConnectedClient session) {
        byOrganization
                .computeIfAbsent(
                        caller.organizationId(),
                        organization -> new OrganizationEvents(organization, sessions, ask, clock))
                .add(session, caller.userId());
    }

    void remove(Caller caller, ConnectedClient session) {
        OrganizationEvents events = byOrganization.get(caller.organizationId());
        if (events != null && events.remove(session)) {
            byOrganization.remove(caller.organizationId());
        }
    }

    /** Hands a committed change to those subscribers of its organization who may hear of its quota, and to nobody else. */
    void deliver(JsonObject event) {
        OrganizationEvents events = byOrganization.get(event.getString("organization_id"));
        if (events != null) {
            events.take(event);
        }
    }
}
