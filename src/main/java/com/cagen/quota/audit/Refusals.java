package com.cagen.quota.audit;

import com.cagen.quota.domain.AuditEntry;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.RefusalException;
import com.cagen.quota.storage.Database;
import com.cagen.quota.storage.OutboxRows;
import com.cagen.quota.storage.RequestRows;
import com.cagen.quota.storage.Scope;
import io.vertx.core.Future;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Refusals that no transaction recorded, on their way into the outbox. Of one verticle, on its context. */
final class Refusals {
    private static final int MAX_WAITING = 10_000;
    private static final int MAX_A_TRANSACTION = 500;

    private final Database database;
    private final boolean oneOrganization;
    private final Deque<AuditEntry> waiting = new ArrayDeque<>();

    /** @param oneOrganization whether a transaction may only hold entries of one organization */
    Refusals(Database database, boolean oneOrganization) {
        this.database = database;
        this.oneOrganization = oneOrganization;
    }

    /** @return false when too many wait: it will not be recorded */
    boolean add(AuditEntry entry) {
        return waiting.size() < MAX_WAITING && waiting.add(entry);
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** 0 when none waits. */
    long oldestAgeMillis() {
        AuditEntry oldest = waiting.peek();
        return oldest == null
                ? 0
                : Math.max(
                        0, Duration.between(oldest.createdAt(), Instant.now()).toMillis());
    }

    /** Moves the oldest ones into the outbox; when that fails, as {@link Database} does, they go on waiting. */
    Future<Void> storeSome() {
        Map<String, List<AuditEntry>> byOrganization = new LinkedHashMap<>();
        List<AuditEntry> taken = new ArrayList<>();
        for (AuditEntry entry : waiting) {
            boolean another = oneOrganization
                    && !taken.isEmpty()
                    && !entry.organizationId().equals(taken.get(0).organizationId());
            if (taken.size() == MAX_A_TRANSACTION || another) {
                break;
            }
            taken.add(entry);
            byOrganization
                    .computeIfAbsent(entry.organizationId(), ignored -> new ArrayList<>())
                    .add(entry);
        }
        if (taken.isEmpty()) {
            return Future.succeededFuture();
        }
        UUID batchId = taken.get(0).auditId();
        List<OutboxRows.OutboxRow> rows = new ArrayList<>();
        byOrganization.forEach(
                (organization, entries) -> rows.add(new OutboxRows.OutboxRow(organization, batchId, entries)));
        Scope scope = Scope.organizations(byOrganization.keySet());
        return database.transaction(
                        scope, connection -> RequestRows.ensureOrganizations(connection, byOrganization.keySet())
                                .compose(ignored -> connection.writeInTurn(OutboxRows.entries(rows))))
                .recover(failure ->
                        unknown(failure) ? confirm(taken.get(0), batchId, failure) : Future.failedFuture(failure))
                // Only now: meanwhile they count, and they are the oldest.
                .onSuccess(ignored -> taken.forEach(each -> waiting.remove()));
    }

    private static boolean unknown(Throwable failure) {
        return failure instanceof RefusalException refused && refused.refusal().code() == ErrorCode.OUTCOME_UNKNOWN;
    }

    /** Stored twice, they would be in the trail twice. */
    private Future<Void> confirm(AuditEntry first, UUID batchId, Throwable failure) {
        return database.transaction(
                        Scope.organization(first.organizationId()),
                        connection ->
                                OutboxRows.committed(connection, first.organizationId(), batchId, first.auditId()))
                .compose(there -> there ? Future.succeededFuture() : Future.failedFuture(failure));
    }
}
