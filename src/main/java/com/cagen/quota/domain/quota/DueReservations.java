package com.cagen.quota.domain.quota;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A quota's reservations that have expired, but are held.
 *
 * @param reservations those that expired first; possibly none
 * @param complete whether these are all of them
 * @param nextAt no other reservation of the quota expires before this moment; null when there is no other one
 */
public record DueReservations(
        List<Reservation> reservations,
        boolean complete,
        @Nullable Instant nextAt) {
    public static final DueReservations NONE = new DueReservations(List.of(), true, null);

    public DueReservations {
        reservations = List.copyOf(reservations);
    }
}
