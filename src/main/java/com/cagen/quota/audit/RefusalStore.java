package com.cagen.quota.audit;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.util.List;
import java.util.UUID;

/** Stores refusals that no transaction recorded in the journal. */
final class RefusalStore {
    private RefusalStore() {}

    /**
     * @param entries of one organization, not empty
     * @param again whether the same list may be stored already, because its sender got no answer; then it is not stored twice
     * @return fails as {@link Database} does; the same list may be stored then, or be stored a little later
     */
    static Future<Void> store(Database database, List<AuditEntry> entries, boolean again) {
        String organization = entries.get(0).organizationId();
        UUID batchId = entries.get(0).auditId();
        return database.transaction(
                SecurityScope.organization(organization),
                connection -> RequestRows.ensureOrganizations(connection, List.of(organization))
                        // An earlier try may still be about to commit.
                        .compose(ignored -> JournalRows.lockBatch(connection, organization, batchId))
                        .compose(ignored -> again
                                ? JournalRows.committed(connection, organization, batchId)
                                : Future.<Boolean>succeededFuture(false))
                        .<Void>compose(stored -> stored
                                ? Future.<Void>succeededFuture()
                                : JournalRows.write(connection, batchId, organization, entries)));
    }
}
