package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.IncreaseKey;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.quota.SiblingKey;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.protocol.Permission;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The rows that a batch depends on, as they are under its locks. Never written to.
 *
 * @param quotas those that exist, deleted ones included
 * @param treeSizes of the quotas whose trees were counted
 * @param keyHolders the ids of the quotas that have the keys
 * @param keyHoldersUnder the ids of the children of another parent that have the quotas' keys
 * @param subtrees of the quotas that were locked with them
 * @param heldMb what is not there is 0
 * @param holdings of the quotas of which all were asked for
 * @param usageAfter of the quotas of which it was asked for: how it changed
 * @param grants what is not there is nothing
 * @param reservations those that were named, and those that are due
 * @param due what is due of locked quotas; other quotas have nothing due
 * @param increases those that were named
 * @param recorded the first successes under the batch's idempotency keys
 */
record LoadedRows(
        Map<QuotaKey, Quota> quotas,
        Map<QuotaKey, Long> treeSizes,
        Map<SiblingKey, String> keyHolders,
        Map<QuotaKey, String> keyHoldersUnder,
        Map<QuotaKey, Subtree> subtrees,
        Map<HoldingKey, Long> heldMb,
        Map<QuotaKey, ResourceAmounts> holdings,
        Map<QuotaKey, ResourceAmounts> usageAfter,
        Map<GrantKey, Set<Permission>> grants,
        Map<ReservationKey, Reservation> reservations,
        Map<QuotaKey, DueReservations> due,
        Map<IncreaseKey, Increase> increases,
        Map<OperationKey, RecordedOperation> recorded) {
    /** Quotas that have nothing due although they say so, with the moment at which something will be. */
    Map<QuotaKey, Quota> notDue() {
        Map<QuotaKey, Quota> corrected = new HashMap<>(0);
        due.forEach((key, found) -> {
            if (found.reservations().isEmpty()) {
                corrected.put(key, Objects.requireNonNull(quotas.get(key)).withReservationsDueAt(found.nextAt()));
            }
        });
        return corrected;
    }
}
