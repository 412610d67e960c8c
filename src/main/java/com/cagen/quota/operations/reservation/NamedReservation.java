package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ReservationStatus;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the operations on one reservation have in common.
 *
 * @param <C> its decoded fields
 */
abstract class NamedReservation<C extends NamedReservation.Command> extends RowOperation<C> {
    /** The fields of an operation on one reservation. */
    interface Command extends Input {
        @Override
        String quotaId();

        String reservationId();
    }

    NamedReservation(OperationName name, Class<C> commandType, HttpRoute... routes) {
        super(name, commandType, routes);
    }

    static String reservationId(Fields fields) {
        return fields.text("reservation_id");
    }

    @Override
    public void need(C command, Needs needs) {
        needs.lock(command.quotaId());
        needs.reservation(command.quotaId(), command.reservationId());
    }

    @Override
    public final boolean sharesTransaction() {
        return true;
    }

    @Override
    public final Access.Result access(C command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId()), caller, grants);
    }

    @Override
    public final @Nullable Refusal missing(C command, Rows rows) {
        return find(command, rows) == null ? Refusal.reservationNotFound() : null;
    }

    private @Nullable Reservation find(C command, Rows rows) {
        return rows.reservation(command.quotaId(), command.reservationId());
    }

    final Reservation reservation(C command, Rows rows) {
        return Objects.requireNonNull(find(command, rows), "the reservation was not found");
    }

    /** Why a reservation cannot be committed or extended; null when it can be. */
    static @Nullable Refusal notHeld(Reservation reservation) {
        if (reservation.held()) {
            return null;
        }
        return reservation.status() == ReservationStatus.EXPIRED
                ? Refusal.reservationExpired(reservation)
                : Refusal.reservationClosed(reservation);
    }

    @Override
    public final boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(C command, JsonText details) {
        details.put("reservation_id", command.reservationId());
    }
}
