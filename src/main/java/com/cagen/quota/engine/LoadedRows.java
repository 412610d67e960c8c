package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.SiblingKey;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.protocol.Permission;
import java.util.Map;
import java.util.Set;

/**
 * The rows that a batch depends on, as they are under its locks. Never written to.
 *
 * @param quotas those that exist, deleted ones included
 * @param treeSizes of the quotas whose trees were counted
 * @param keyHolders the ids of the quotas that have the keys
 * @param heldMb what is not there is 0
 * @param grants what is not there is nothing
 * @param recorded the first successes under the batch's idempotency keys
 */
record LoadedRows(
        Map<QuotaKey, Quota> quotas,
        Map<QuotaKey, Long> treeSizes,
        Map<SiblingKey, String> keyHolders,
        Map<HoldingKey, Long> heldMb,
        Map<GrantKey, Set<Permission>> grants,
        Map<OperationKey, RecordedOperation> recorded) {}
