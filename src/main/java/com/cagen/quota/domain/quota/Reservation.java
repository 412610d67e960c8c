package com.cagen.quota.domain.quota;

import com.cagen.quota.protocol.ReservationStatus;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Capacity that is held for a resource until it is committed as usage or given back. It has one end. Amounts are megabytes.
 *
 * @param reservedMb what it holds while it is held, 1 or more; stays as it was afterwards
 * @param committedMb what became usage of the resource; 0 unless committed
 * @param expiresAt from this moment on it holds nothing, whether its end is recorded or not
 * @param closedAt when it ended; of an expired one {@code expiresAt}; null while it is held
 */
public record Reservation(
        ReservationKey key,
        String resourceId,
        long reservedMb,
        long committedMb,
        ReservationStatus status,
        Instant expiresAt,
        Instant createdAt,
        @Nullable Instant closedAt) {

    /** The id of the reservation that an operation makes: {@code reservation_} and 32 hexadecimal digits. */
    public static String idOf(UUID operationId) {
        return "reservation_" + operationId.toString().replace("-", "");
    }

    public static Reservation created(
            ReservationKey key, String resourceId, long reservedMb, Instant expiresAt, Instant now) {
        return new Reservation(key, resourceId, reservedMb, 0, ReservationStatus.HELD, expiresAt, now, null);
    }

    public String id() {
        return key.reservationId();
    }

    /** Whether its end is not recorded. It may be {@link #due} all the same. */
    public boolean held() {
        return status == ReservationStatus.HELD;
    }

    /** Whether it has expired, but its end is not recorded. */
    public boolean due(Instant now) {
        return held() && !expiresAt.isAfter(now);
    }

    /** As a reader sees it: expired from the moment on at which it expires. */
    public Reservation asOf(Instant now) {
        return due(now) ? expired() : this;
    }

    public Reservation extended(Instant newExpiresAt) {
        return new Reservation(key, resourceId, reservedMb, committedMb, status, newExpiresAt, createdAt, closedAt);
    }

    public Reservation committed(long usageMb, Instant now) {
        return closed(ReservationStatus.COMMITTED, usageMb, now);
    }

    public Reservation cancelled(Instant now) {
        return closed(ReservationStatus.CANCELLED, 0, now);
    }

    public Reservation expired() {
        return closed(ReservationStatus.EXPIRED, 0, expiresAt);
    }

    private Reservation closed(ReservationStatus newStatus, long newCommittedMb, Instant newClosedAt) {
        if (!held()) {
            throw new IllegalStateException("the reservation has ended already");
        }
        return new Reservation(
                key, resourceId, reservedMb, newCommittedMb, newStatus, expiresAt, createdAt, newClosedAt);
    }
}
