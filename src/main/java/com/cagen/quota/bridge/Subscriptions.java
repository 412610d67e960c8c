package com.cagen.quota.bridge;

import com.cagen.quota.api.Incoming;
import com.cagen.quota.api.Intake;
import com.cagen.quota.bus.RequestChannel;
import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.OperationType;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.domain.Request;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Who hears which organization's events. */
final class Subscriptions {
    private final Intake intake;
    private final RequestChannel channel;
    private final Map<String, Set<Session>> byOrganization = new HashMap<>();

    Subscriptions(Intake intake, RequestChannel channel) {
        this.intake = intake;
        this.channel = channel;
    }

    /**
     * Uses a credential up. It is spent on the smallest list of quotas there is, so that the engine checks and claims it as
     * any other, on whichever node and across restarts.
     *
     * @param headers with {@code service_id} and {@code encrypted_data}
     * @return the organization that the credential speaks for; fails with a {@link RefusalException}
     */
    Future<String> authenticate(@Nullable JsonObject headers) {
        JsonObject fields = new JsonObject().put("page_size", 1);
        if (headers != null) {
            fields.put("service_id", headers.getValue("service_id"))
                    .put("encrypted_data", headers.getValue("encrypted_data"));
        }
        Request request;
        try {
            request = intake.take(new Incoming(
                    OperationType.QUOTA_LIST,
                    fields,
                    null,
                    null,
                    false,
                    UUID.randomUUID().toString()));
        } catch (RefusalException e) {
            return Future.failedFuture(e);
        }
        return channel.send(request)
                .compose(answer -> answer instanceof Answer.Success
                        ? Future.succeededFuture(request.caller().organizationId())
                        : Future.failedFuture(new RefusalException((Refusal) answer)));
    }

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
