package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.quota.DueReservations;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.engine.operation.Tally;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.util.List;

/** Records the end of reservations that have expired. */
public final class ExpireReservations extends SystemOperation<ExpireReservations.Command> {
    public record Command(String quotaId) implements Input {}

    public ExpireReservations() {
        super(new OperationName("reservation.expire", true), Command.class);
    }

    @Override
    public Future<List<QuotaKey>> due(DatabaseSession connection, QuotaKey after, int limit) {
        return ReservationRows.dueQuotas(connection, after, limit);
    }

    @Override
    public boolean endsReservations() {
        return true;
    }

    @Override
    public Command command(String quotaId) {
        return new Command(quotaId);
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    /** What the transaction has ended already, because another request needed the quota, is not ended again. */
    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        DueReservations due = rows.dueReservations(command.quotaId);
        Quota quota = rows.quota(command.quotaId);
        Change change = Change.of("Expired reservations ended.").entryForEachQuota();
        for (Reservation reservation : due.reservations()) {
            if (reservation.equals(rows.reservation(command.quotaId, reservation.id()))) {
                Reservation expired = reservation.expired();
                Quota.Figures freed = quota.figures().unreserving(reservation.reservedMb(), 0);
                Quota after = quota.withFigures(freed.dueAt(due.nextAt()), context.now());
                change.quota(QuotaChange.reserved(quota, after, null, new QuotaChange.Reserved(reservation, expired)))
                        .count(Tally.RESERVATIONS_EXPIRED);
                quota = after;
            }
        }
        return change.quotas().isEmpty()
                ? new Decision.Read(new Answer.Success("No reservation has expired.", "{}", false))
                : new Decision.Done(change);
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }
}
