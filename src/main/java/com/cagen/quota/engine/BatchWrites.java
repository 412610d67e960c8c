package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.Subtree;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.OperationKey;
import com.cagen.quota.domain.request.RecordedOperation;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.storage.rows.AuthOutboxRows;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.HoldingRows;
import com.cagen.quota.storage.rows.IncreaseRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaStates;
import com.cagen.quota.storage.rows.QuotaTrees;
import com.cagen.quota.storage.rows.QuotaWrites;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.cagen.quota.storage.sql.SqlWrite;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the second round trip of a batch writes: the changes of its requests and their audit entries. Used once. */
final class BatchWrites {
    private final UUID batchId;
    private final Map<QuotaKey, Quota> quotas = new LinkedHashMap<>();
    private final Map<HoldingKey, Long> holdings = new LinkedHashMap<>();
    private final Map<GrantKey, GrantRows.Grant> grants = new LinkedHashMap<>();
    private final Map<ReservationKey, Reservation> reservations = new LinkedHashMap<>(0);
    private final List<Increase> increases = new ArrayList<>(0);
    private final List<Change.MoveBelow> moves = new ArrayList<>(0);
    private final List<Change.OwnersBelow> ownersBelow = new ArrayList<>(0);
    private final List<Change.SuspensionBelow> suspensionBelow = new ArrayList<>(0);
    private final List<RequestRows.NewOperation> recorded = new ArrayList<>();
    private final List<AuthOutboxRows.NewMessage> messages = new ArrayList<>();
    private final Map<String, List<AuditEntry>> audit = new LinkedHashMap<>();
    private @Nullable QueuedRequest evidence;

    BatchWrites(UUID batchId) {
        this.batchId = batchId;
    }

    /** Adds what a request does, with its audit entries and the record under its idempotency key; gives its answer. */
    Answer.Success add(QueuedRequest queued, Change change, Instant now) {
        String organization = queued.organizationId();
        change.quotas().forEach(quota -> add(queued, quota));
        if (change.increase() != null) {
            increases.add(change.increase());
        }
        if (change.moveBelow() != null) {
            moves.add(change.moveBelow());
        }
        if (change.ownersBelow() != null) {
            ownersBelow.add(change.ownersBelow());
        }
        if (change.suspensionBelow() != null) {
            suspensionBelow.add(change.suspensionBelow());
        }
        change.registrations()
                .forEach(registration -> messages.add(
                        new AuthOutboxRows.NewMessage(organization, registration.quotaId(), registration.message())));
        AuditEntries.applied(queued.id, queued.request, queued.operation, change, now)
                .forEach(entry -> audit(queued, entry));
        Answer.Success answer = new Answer.Success(change.message(), change.data(), false);
        OperationKey key = queued.operationKey();
        if (key != null && queued.fingerprint != null) {
            recorded.add(new RequestRows.NewOperation(key, new RecordedOperation(queued.fingerprint, answer)));
        }
        return answer;
    }

    private void add(QueuedRequest queued, QuotaChange change) {
        String organization = queued.organizationId();
        Quota quota = change.after();
        if (change.written()) {
            quotas.put(QuotaKey.of(quota), quota);
        }
        QuotaChange.Held held = change.held();
        if (held != null) {
            holdings.put(new HoldingKey(organization, quota.id(), held.resourceId()), held.afterMb());
        }
        QuotaChange.Reserved reserved = change.reserved();
        if (reserved != null) {
            reservations.put(reserved.after().key(), reserved.after());
        }
        String caller = queued.request.caller().userId();
        change.granted()
                .forEach(granted -> grants.put(
                        new GrantKey(organization, quota.id(), granted.userId()),
                        new GrantRows.Grant(granted.after(), granted.adds() ? caller : null, granted.expiry())));
    }

    /** Adds an audit entry. */
    void audit(QueuedRequest queued, AuditEntry entry) {
        audit.computeIfAbsent(queued.organizationId(), ignored -> new ArrayList<>())
                .add(entry);
        if (evidence == null && LostCommit.canWaitFor(queued)) {
            evidence = queued;
        }
    }

    /** A request whose audit entry shows whether the transaction was committed; null when there is none. */
    @Nullable
    QueuedRequest evidence() {
        return evidence;
    }

    boolean leavesAuthMessages() {
        return !messages.isEmpty();
    }

    boolean audited() {
        return !audit.isEmpty();
    }

    /** Sends all writes. */
    Future<Void> write(DatabaseSession connection, RowLoader.Loaded loaded) {
        LoadedRows before = loaded.rows();
        Instant now = loaded.moment().now();
        before.notDue().forEach(quotas::putIfAbsent);
        List<SqlWrite> writes = new ArrayList<>();
        writes.addAll(QuotaWrites.of(before.quotas(), quotas.values(), now));
        writes.addAll(QuotaStates.writes(before.quotas(), quotas.values()));
        writes.addAll(HoldingRows.held(before.heldMb(), holdings, now));
        writes.addAll(ReservationRows.writes(before.reservations(), reservations));
        writes.addAll(IncreaseRows.writes(increases));
        writes.addAll(GrantRows.writes(before.grants(), grants, now));
        if (!recorded.isEmpty()) {
            writes.add(RequestRows.operations(recorded, now));
        }
        writes.addAll(AuthOutboxRows.messages(messages));
        writes.addAll(JournalRows.entries(batchId, loaded.moment().position(), audit));
        List<Future<Void>> written = new ArrayList<>(1);
        // First of all: the others look for what is below by its new place.
        moves.forEach(change -> written.add(QuotaTrees.move(connection, change.before(), change.after())));
        ownersBelow.forEach(change -> written.add(QuotaTrees.passOwnersOn(
                connection, change.root(), before.subtrees().getOrDefault(QuotaKey.of(change.root()), Subtree.NONE))));
        suspensionBelow.forEach(change ->
                written.add(QuotaTrees.passSuspensionOn(connection, change.root(), change.before(), change.after())));
        written.add(connection.write(writes));
        return Future.join(written).mapEmpty();
    }
}
