package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.PermissionChange;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import java.util.List;

/** What becomes of one request, given the rows it depends on. */
public sealed interface Decision {

    /** It is refused, and changes nothing. */
    record Refused(Refusal refusal) implements Decision {}

    /** Nothing can be said before the auth service was asked about these quotas. */
    record AskAuth(List<String> quotaIds) implements Decision {}

    /** The auth service must confirm this change before anything is written. */
    record TellAuth(PermissionChange change) implements Decision {}

    /** The same request was done before, under the same idempotency key. */
    record Replay(Answer.Success answer) implements Decision {}

    /**
     * The same request was done earlier in this batch, under the same idempotency key.
     *
     * @param item the earlier one's place in the batch, from 0
     */
    record SameAs(int item) implements Decision {}

    /** A read, a check of a change, or work of the system that is done already: nothing changes, nothing is audited. */
    record Read(Answer.Success answer) implements Decision {}

    /** It is done. */
    record Done(Change change) implements Decision {}
}
