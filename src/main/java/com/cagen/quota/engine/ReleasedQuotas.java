package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Changes of owners leave the rows of released quotas out. Their audit trails follow the owners of today all the same. */
final class ReleasedQuotas {
    private ReleasedQuotas() {}

    /** The same quotas; the released ones with the owners that they inherit now. */
    static Future<Map<QuotaKey, Quota>> withOwnersOfToday(DatabaseSession connection, Map<QuotaKey, Quota> quotas) {
        List<Quota> released = quotas.values().stream()
                .filter(quota -> quota.deleted() && quota.parentId() != null)
                .toList();
        if (released.isEmpty()) {
            return Future.succeededFuture(quotas);
        }
        Map<QuotaKey, Quota> result = new HashMap<>(quotas);
        return Future.all(released.stream()
                        .map(quota -> QuotaTrees.ownersAbove(connection, quota)
                                .onSuccess(owners -> result.put(QuotaKey.of(quota), quota.withInheritedOwners(owners))))
                        .toList())
                .map(ignored -> result);
    }
}
