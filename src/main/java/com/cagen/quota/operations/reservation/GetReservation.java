package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.Rows;

/** Shows one reservation, for ever. */
public final class GetReservation extends NamedReservation<GetReservation.Command> {
    public record Command(String quotaId, String reservationId) implements NamedReservation.Command {}

    public GetReservation() {
        super(
                new OperationName("reservation.get", false),
                Command.class,
                HttpRoute.get("/quotas/:quota_id/reservations/:reservation_id"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), reservationId(fields));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
        needs.reservation(command.quotaId, command.reservationId);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Reservation reservation = reservation(command, rows).asOf(context.now());
        String data = JsonText.object(json -> ReservationJson.write(reservation, quota, json));
        return new Decision.Read(new Answer.Success("Reservation found.", data, false));
    }
}
