package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.request.Input;
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
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Holds capacity for a resource that will use it, for a while. */
public final class CreateReservation extends RowOperation<CreateReservation.Command> {
    private static final long DEFAULT_TTL_SECONDS = 300;

    /** {@code reserveMb} and {@code ttlSeconds} are 1 or more. */
    public record Command(
            String quotaId,
            String resourceId,
            long reserveMb,
            long ttlSeconds,
            @Nullable String reason) implements Input {}

    public CreateReservation() {
        super(
                new OperationName("reservation.create", true),
                Command.class,
                HttpRoute.postCreating("/quotas/:quota_id/reservations"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.text("resource_id"),
                fields.number("reserve_mb"),
                Objects.requireNonNullElse(fields.optionalNumber("ttl_seconds"), DEFAULT_TTL_SECONDS),
                fields.optional("reason"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Quota quota = rows.quota(command.quotaId);
        Refusal refusal = Capacity.refusal(quota, command.reserveMb);
        if (refusal != null) {
            return new Decision.Refused(refusal);
        }
        Instant expiresAt = context.now().plusSeconds(command.ttlSeconds);
        ReservationKey key =
                new ReservationKey(quota.organizationId(), quota.id(), Reservation.idOf(context.operationId()));
        Reservation created = Reservation.created(key, command.resourceId, command.reserveMb, expiresAt, context.now());
        Quota after = quota.withFigures(quota.figures().reserving(command.reserveMb, expiresAt), context.now());
        return new Decision.Done(Change.of("Capacity reserved.")
                .quota(QuotaChange.reserved(quota, after, null, new QuotaChange.Reserved(null, created)))
                .answer(json -> ReservationJson.write(created, after, json)));
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public void describe(Command command, JsonText details) {
        details.put("resource_id", command.resourceId)
                .put("reserve_mb", command.reserveMb)
                .put("ttl_seconds", command.ttlSeconds)
                .putIfPresent("reason", command.reason);
    }
}
