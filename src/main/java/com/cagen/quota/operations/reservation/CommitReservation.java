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
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.Rows;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Turns what a reservation holds, or a part of it, into usage of its resource; the rest is free again. A draining quota allows it:
 * the capacity was given out before.
 */
public final class CommitReservation extends NamedReservation<CommitReservation.Command> {
    /** @param usageMb 1 or more; null for all that is reserved */
    public record Command(
            String quotaId, String reservationId, @Nullable Long usageMb) implements NamedReservation.Command {}

    public CommitReservation() {
        super(
                new OperationName("reservation.commit", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/reservations/:reservation_id/commit"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), reservationId(fields), fields.optionalNumber("usage_mb"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        needs.reservationWithHolding(command.quotaId, command.reservationId);
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
        long usageMb = Objects.requireNonNullElse(command.usageMb, reservation.reservedMb());
        if (usageMb > reservation.reservedMb()) {
            return new Decision.Refused(Refusal.insufficientReservation(reservation, usageMb));
        }
        Reservation committed = reservation.committed(usageMb, context.now());
        Quota after = quota.withFigures(quota.figures().unreserving(reservation.reservedMb(), usageMb), context.now());
        long heldMb = rows.heldMb(command.quotaId, reservation.resourceId());
        QuotaChange.Held held = new QuotaChange.Held(reservation.resourceId(), heldMb, heldMb + usageMb);
        return new Decision.Done(Change.of("Reservation committed.")
                .quota(QuotaChange.reserved(quota, after, held, new QuotaChange.Reserved(reservation, committed)))
                .answer(json -> {
                    json.put("usage_id", context.operationId().toString()).put("held_mb", held.afterMb());
                    ReservationJson.write(committed, after, json);
                }));
    }

    @Override
    public void describe(Command command, JsonText details) {
        super.describe(command, details);
        if (command.usageMb != null) {
            details.put("usage_mb", command.usageMb);
        }
    }
}
