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
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.Rows;
import java.time.Instant;

/** Gives a reservation another time to live, counted from now. */
public final class ExtendReservation extends NamedReservation<ExtendReservation.Command> {
    /** {@code ttlSeconds} is 1 or more. */
    public record Command(String quotaId, String reservationId, long ttlSeconds) implements NamedReservation.Command {}

    public ExtendReservation() {
        super(
                new OperationName("reservation.extend", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/reservations/:reservation_id/extend"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), reservationId(fields), fields.number("ttl_seconds"));
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Reservation reservation = reservation(command, rows);
        Refusal notHeld = notHeld(reservation);
        if (notHeld != null) {
            return new Decision.Refused(notHeld);
        }
        if (quota.suspendedBy() != null) {
            return new Decision.Refused(Refusal.quotaSuspended(quota.suspendedBy()));
        }
        Instant expiresAt = context.now().plusSeconds(command.ttlSeconds);
        Reservation extended = reservation.extended(expiresAt);
        Quota after = quota.withFigures(quota.figures().reserving(0, expiresAt), context.now());
        return new Decision.Done(Change.of("Reservation extended.")
                .quota(QuotaChange.reserved(quota, after, null, new QuotaChange.Reserved(reservation, extended)))
                .answer(json -> ReservationJson.write(extended, after, json)));
    }

    @Override
    public void describe(Command command, JsonText details) {
        super.describe(command, details);
        details.put("ttl_seconds", command.ttlSeconds);
    }
}
