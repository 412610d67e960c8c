package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.Rows;

/** Gives back what a reservation holds. A suspended quota allows it. */
public final class CancelReservation extends NamedReservation<CancelReservation.Command> {
    public record Command(String quotaId, String reservationId) implements NamedReservation.Command {}

    public CancelReservation() {
        super(
                new OperationName("reservation.cancel", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/reservations/:reservation_id/cancel"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), reservationId(fields));
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Reservation reservation = reservation(command, rows);
        if (!reservation.held()) {
            return new Decision.Refused(Refusal.reservationClosed(reservation));
        }
        Reservation cancelled = reservation.cancelled(context.now());
        Quota after = quota.withFigures(quota.figures().unreserving(reservation.reservedMb(), 0), context.now());
        return new Decision.Done(Change.of("Reservation cancelled.")
                .quota(QuotaChange.reserved(quota, after, null, new QuotaChange.Reserved(reservation, cancelled)))
                .answer(json -> ReservationJson.write(cancelled, after, json)));
    }
}
