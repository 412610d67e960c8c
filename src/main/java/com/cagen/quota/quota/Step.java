package com.cagen.quota.quota;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.Quota;
import java.util.List;

/** What one transaction made of one request. */
sealed interface Step {
    /** It is settled. */
    record Settled(Answer answer) implements Step {}

    /** The auth service must be asked what the caller holds on these, as they were when read. */
    record Ask(List<Quota> quotas) implements Step {}

    /** The auth service must be told before anything is written; the grants of the target are claimed for that. */
    record Tell() implements Step {}

    /** Another change, or a delivery, is about the same user's grants or has the same idempotency key: try again soon. */
    record Wait() implements Step {}

    /** Another transaction holds its quota's lock, which was not waited for. Its credential is claimed. */
    record Locked() implements Step {}
}
