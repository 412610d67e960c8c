package com.cagen.quota.domain.quota;

/** A reservation of a quota. */
public record ReservationKey(String organizationId, String quotaId, String reservationId) {
    public QuotaKey quota() {
        return new QuotaKey(organizationId, quotaId);
    }
}
