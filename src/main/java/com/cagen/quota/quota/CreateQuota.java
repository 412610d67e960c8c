package com.cagen.quota.quota;

import com.cagen.quota.domain.Access;
import com.cagen.quota.domain.Admission;
import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.Decision;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.QuotaType;
import com.cagen.quota.domain.RecordedOperation;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import java.util.List;

/** Makes a root quota, owned by its creator. */
final class CreateQuota {
    private CreateQuota() {}

    static Future<Step> run(Attempt attempt, Operation.CreateQuota create) {
        Caller caller = attempt.request().caller();
        if (!attempt.accepted()) {
            return attempt.refuse(null, Refusal.credentialReplayed());
        }
        Refusal denied = Access.checkCreate(caller, create);
        if (denied != null) {
            return attempt.refuse(null, denied);
        }
        return attempt.recorded().compose(recorded -> {
            if (!recorded.isEmpty()) {
                RecordedOperation first = recorded.values().iterator().next();
                Decision decision = Admission.repeat(first, attempt.pending().fingerprint);
                return decision instanceof Decision.Replay replay
                        ? Future.succeededFuture(new Step.Settled(replay.answer()))
                        : attempt.refuse(null, (Refusal) decision);
            }
            return insert(attempt, caller, create);
        });
    }

    private static Future<Step> insert(Attempt attempt, Caller caller, Operation.CreateQuota create) {
        String id = Ids.quota();
        Quota quota = new Quota(
                caller.organizationId(),
                id,
                null,
                "/" + id,
                0,
                create.name(),
                create.description(),
                create.quotaType(),
                create.quotaType() == QuotaType.TEAM ? create.teamId() : null,
                caller.userId(),
                List.of(caller.userId()),
                List.of(),
                create.totalMb(),
                0,
                0,
                QuotaStatus.ACTIVE,
                null,
                1,
                0,
                attempt.now(),
                attempt.now(),
                null);
        return QuotaRows.insert(attempt.connection(), quota)
                .compose(ignored -> attempt.register(quota, List.of()))
                .compose(ignored -> attempt.done(
                        "Quota created.",
                        Render.quota(quota),
                        Entries.applied(
                                attempt.pending().id,
                                attempt.request(),
                                id,
                                null,
                                1L,
                                attempt.now(),
                                json -> json.put("available_mb_after", quota.availableMb()))));
    }
}
