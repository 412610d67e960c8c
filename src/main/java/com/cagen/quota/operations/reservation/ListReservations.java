package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ReservationStatus;
import com.cagen.quota.storage.rows.ReservationRows;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import org.jspecify.annotations.Nullable;

/** The reservations of a quota, oldest first. A page that is filtered may have fewer than its limit although there are more. */
public final class ListReservations extends QueryOperation<ListReservations.Command> {
    /** {@code cursor} is the reservation that an earlier answer ended with. */
    public record Command(
            String quotaId,
            @Nullable ReservationStatus status,
            @Nullable String resourceId,
            @Nullable String cursor,
            int limit)
            implements Input {}

    public ListReservations() {
        super(
                new OperationName("reservation.list", false),
                Command.class,
                HttpRoute.get("/quotas/:quota_id/reservations"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.optional("status", ReservationStatus::ofWireName),
                fields.optional("resource_id"),
                fields.verbatim("cursor"),
                fields.limit());
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Future<Answer.Success> run(DatabaseSession connection, Command command, Caller caller) {
        QuotaKey quota = new QuotaKey(caller.organizationId(), command.quotaId);
        return ReservationRows.list(
                        connection, quota, command.status, command.resourceId, command.cursor, command.limit)
                .map(page -> new Answer.Success(
                        "Reservations listed.",
                        JsonText.object(
                                json -> json.objects("reservations", page.reservations(), ReservationJson::write)
                                        .put("next_cursor", page.nextCursor())),
                        false));
    }
}
