package com.cagen.quota.messaging;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Request;
import java.util.List;

/** The lists that go between our own verticles: one message for whatever came up in one turn of the event loop. */
final class BusMessages {
    private BusMessages() {}

    /** {@code id} finds the answer's future again at the sender. */
    record NumberedRequest(long id, Request request) {}

    /** Requests to a lane; the answers go to {@code replyAddress}, each as soon as it is known. */
    record Requests(String replyAddress, List<NumberedRequest> requests) {
        Requests {
            requests = List.copyOf(requests);
        }
    }

    record NumberedAnswer(long id, Answer answer) {}

    record Answers(List<NumberedAnswer> answers) {
        Answers {
            answers = List.copyOf(answers);
        }
    }

    /**
     * What a node says of itself.
     *
     * @param lanes that it serves; 0: none, also for one that is leaving
     * @param asks whether the others should say at once what they are, as this one is new
     */
    record Presence(String node, int lanes, boolean auth, boolean audit, boolean asks) {}

    /**
     * Refusals of one organization for the audit trail that no transaction recorded.
     *
     * @param again whether the same message was sent before, so that its entries may be stored already
     */
    record Refusals(List<AuditEntry> entries, boolean again) {
        Refusals {
            entries = List.copyOf(entries);
        }
    }
}
