package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
import java.util.List;

/** What one transaction made of one request. */
sealed interface Outcome {
    /** It has its answer. */
    record Settled(Answer answer) implements Outcome {}

    /** The auth service must be asked what the caller holds on these quotas, as they were when read. */
    record AskAuth(List<Quota> quotas) implements Outcome {}

    /** The auth service must confirm the change before anything is written; the grants of its target are claimed for that. */
    record TellAuth() implements Outcome {}

    /** Another transaction holds the lock of its quota, which was not waited for. Its credential is claimed. */
    record Locked() implements Outcome {}

    /** The transaction ended expired reservations, and there are more: decide in another one. Its credential is claimed. */
    record Again() implements Outcome {}

    /** Another change, or a delivery, is about the same user's grants or has the same idempotency key: try again soon. */
    record WaitForChange() implements Outcome {}
}
