package com.cagen.quota.bridge;

import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Who hears which organization's events. */
final class Subscriptions {
    private final Map<String, Set<Session>> byOrganization = new HashMap<>();

    void add(String organization, Session session) {
        byOrganization
                .computeIfAbsent(organization, ignored -> new LinkedHashSet<>())
                .add(session);
    }

    void remove(String organization, Session session) {
        Set<Session> sessions = byOrganization.get(organization);
        if (sessions != null) {
            sessions.remove(session);
            if (sessions.isEmpty()) {
                byOrganization.remove(organization);
            }
        }
    }

    /** Hands a committed change to its organization's subscribers, and to nobody else. */
    void deliver(JsonObject event) {
        Set<Session> sessions = byOrganization.get(event.getString("organization_id"));
        if (sessions != null) {
            // A copy: a session that falls behind is closed, and leaves the set.
            List.copyOf(sessions).forEach(session -> session.event(event));
        }
    }
}
