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

    /** The auth service must be told before anything is written. */
    record Tell() implements Step {}
}
