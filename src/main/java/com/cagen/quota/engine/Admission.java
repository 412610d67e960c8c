package com.cagen.quota.engine;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What comes before the rules, in the contract's order: a used credential, 404, 403, the idempotency key. */
final class Admission {
    private Admission() {}

    /** @return null to go on with the key and the rules */
    static <C extends Input> @Nullable Decision admit(
            BatchItem item, Operation<C> operation, C command, Rows rows, boolean keyKnown) {
        if (!item.nonceAccepted()) {
            return new Decision.Refused(Refusal.credentialReplayed());
        }
        if (!exists(command.quotaId(), operation, rows, keyKnown)) {
            return new Decision.Refused(operation.quotaNotFound());
        }
        for (String quotaId : operation.furtherQuotas(command)) {
            if (!exists(quotaId, operation, rows, keyKnown)) {
                return new Decision.Refused(operation.quotaNotFound());
            }
        }
        Refusal missing = operation.missing(command, rows);
        if (missing != null) {
            return new Decision.Refused(missing);
        }
        Caller caller = item.request().caller();
        Access.Result access = operation.access(command, rows, caller, item.grants());
        if (access instanceof Access.Result.Denied denied) {
            return new Decision.Refused(denied.refusal());
        }
        return access instanceof Access.Result.Unknown unknown ? new Decision.AskAuth(unknown.quotaIds()) : null;
    }

    /** Also true of no quota. One that was released is still known to a repeat under the key that released it. */
    private static boolean exists(@Nullable String quotaId, Operation<?> operation, Rows rows, boolean keyKnown) {
        if (quotaId == null) {
            return true;
        }
        Quota quota = rows.find(quotaId);
        return quota != null && (!quota.deleted() || keyKnown || operation.outlivesDeletion());
    }

    static Decision repeat(RecordedOperation recorded, byte @Nullable [] fingerprint) {
        return Arrays.equals(recorded.fingerprint(), fingerprint)
                ? new Decision.Replay(new Answer.Success(
                        recorded.answer().message(), recorded.answer().data(), true))
                : keyReused();
    }

    static Decision keyReused() {
        return new Decision.Refused(Refusal.of(
                ErrorCode.IDEMPOTENCY_KEY_REUSED,
                "This idempotency key was used for another request; use a new key for each operation."));
    }
}
