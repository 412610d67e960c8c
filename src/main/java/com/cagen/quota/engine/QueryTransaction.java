package com.cagen.quota.engine;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SecurityScope;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Runs one query in a transaction of its own: claims the nonce, admits the request, reads. */
final class QueryTransaction {
    private QueryTransaction() {}

    static Future<Outcome> run(Database database, KnownOrganizations organizations, QueuedRequest queued) {
        return database.transaction(SecurityScope.organization(queued.organizationId()), connection -> claim(
                                connection, organizations, queued)
                        .compose(accepted -> admit(connection, queued, (QueryOperation<?>) queued.operation, accepted)))
                .onSuccess(ignored -> {
                    queued.nonceClaimed = true;
                    organizations.add(List.of(queued.organizationId()));
                });
    }

    private static Future<Boolean> claim(
            DatabaseSession connection, KnownOrganizations organizations, QueuedRequest queued) {
        if (queued.nonceClaimed) {
            return Future.succeededFuture(true);
        }
        Future<?> known = organizations.contains(queued.organizationId())
                ? Future.succeededFuture()
                : RequestRows.ensureOrganizations(connection, List.of(queued.organizationId()));
        return known.compose(ignored -> RequestRows.claim(connection, Set.of(RequestRows.NonceKey.of(queued.request))))
                .map(claimed -> !claimed.isEmpty());
    }

    private static <C extends Input> Future<Outcome> admit(
            DatabaseSession connection, QueuedRequest queued, QueryOperation<C> operation, boolean accepted) {
        C command = operation.commandType().cast(queued.request.command());
        Needs needs = new Needs().of(queued.organizationId());
        operation.need(command, needs);
        return QuotaRows.find(connection, needs.onlyRead())
                .compose(read -> ReleasedQuotas.withOwnersOfToday(connection, read))
                .compose(found -> {
                    Rows rows = new ReadRows(queued.organizationId(), found);
                    String quotaId = command.quotaId();
                    Quota quota = quotaId == null ? null : rows.find(quotaId);
                    BatchItem item =
                            new BatchItem(queued.id, queued.request, operation, accepted, queued.grants, null, false);
                    Decision early = Admission.admit(item, operation, command, rows, false);
                    if (early instanceof Decision.Refused refused) {
                        return refuse(connection, queued, quota, refused.refusal());
                    } else if (early instanceof Decision.AskAuth ask) {
                        return Future.succeededFuture(new Outcome.AskAuth(
                                ask.quotaIds().stream().map(rows::quota).toList()));
                    }
                    return operation
                            .run(connection, command, queued.request.caller())
                            .<Outcome>map(Outcome.Settled::new);
                });
    }

    /** Only the replay of a credential is audited, as a query changes nothing. */
    private static Future<Outcome> refuse(
            DatabaseSession connection, QueuedRequest queued, @Nullable Quota quota, Refusal refusal) {
        if (refusal.code() != ErrorCode.CREDENTIAL_REPLAYED) {
            return Future.succeededFuture(new Outcome.Settled(refusal));
        }
        return JournalRows.nextMoment(connection).compose(moment -> {
            AuditEntry entry =
                    AuditEntries.refused(queued.id, queued.request, queued.operation, quota, refusal, moment.now());
            Future<Void> written = entry != null && queued.records(entry)
                    ? connection.write(JournalRows.entries(
                            queued.id, moment.position(), Map.of(queued.organizationId(), List.of(entry))))
                    : Future.succeededFuture();
            return written.map(ignored -> new Outcome.Settled(refusal));
        });
    }

    /** Quotas that were read; a query needs no other rows before it runs. */
    private record ReadRows(String organizationId, Map<QuotaKey, Quota> quotas) implements Rows {
        @Override
        public @Nullable Quota find(String quotaId) {
            return quotas.get(new QuotaKey(organizationId, quotaId));
        }

        @Override
        public @Nullable String siblingWithKey(String quotaId, String key) {
            throw new UnsupportedOperationException("a query looks for keys by itself");
        }

        @Override
        public @Nullable String childWithKeyOf(String quotaId) {
            throw new UnsupportedOperationException("a query looks for keys by itself");
        }

        @Override
        public Subtree subtree(String quotaId) {
            throw new UnsupportedOperationException("a query locks nothing");
        }

        @Override
        public List<Quota> quotasBelow(String quotaId) {
            throw new UnsupportedOperationException("a query looks for quotas by itself");
        }

        @Override
        public long treeSize(String quotaId) {
            throw new UnsupportedOperationException("a query counts by itself");
        }

        @Override
        public long heldMb(String quotaId, String resourceId) {
            throw new UnsupportedOperationException("a query reads holdings by itself");
        }

        @Override
        public ResourceAmounts holdings(String quotaId) {
            throw new UnsupportedOperationException("a query reads holdings by itself");
        }

        @Override
        public ResourceAmounts usageAfter(String quotaId) {
            throw new UnsupportedOperationException("a query reads the ledger by itself");
        }

        @Override
        public @Nullable Reservation reservation(String quotaId, String reservationId) {
            throw new UnsupportedOperationException("a query reads reservations by itself");
        }

        @Override
        public DueReservations dueReservations(String quotaId) {
            throw new UnsupportedOperationException("a query changes nothing");
        }

        @Override
        public @Nullable Increase increase(String increaseId) {
            throw new UnsupportedOperationException("a query reads requests for larger quotas by itself");
        }

        @Override
        public Set<Permission> granted(String quotaId, String userId) {
            throw new UnsupportedOperationException("a query reads grants by itself");
        }
    }
}
