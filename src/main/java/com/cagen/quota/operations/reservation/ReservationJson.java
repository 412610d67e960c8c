package com.cagen.quota.operations.reservation;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.engine.operation.JsonText;

/** A reservation in an answer. */
final class ReservationJson {
    private ReservationJson() {}

    static void write(Reservation reservation, JsonText json) {
        json.put("reservation_id", reservation.id())
                .put("quota_id", reservation.key().quotaId())
                .put("resource_id", reservation.resourceId())
                .put("reserved_mb", reservation.reservedMb())
                .put("committed_mb", reservation.committedMb())
                .put("status", reservation.status().wireName())
                .put("expires_at", reservation.expiresAt())
                .put("created_at", reservation.createdAt())
                .put("closed_at", reservation.closedAt());
    }

    /** With the figures of its quota. What all reservations hold has a name of its own: {@code reserved_mb} is this one's. */
    static void write(Reservation reservation, Quota quota, JsonText json) {
        write(reservation, json);
        json.put("total_mb", quota.totalMb())
                .put("used_mb", quota.usedMb())
                .put("quota_reserved_mb", quota.reservedMb())
                .put("allocated_mb", quota.allocatedMb())
                .put("available_mb", quota.availableMb());
    }
}
