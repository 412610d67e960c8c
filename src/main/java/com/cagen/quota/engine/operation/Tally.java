package com.cagen.quota.engine.operation;

import java.util.Locale;

/** What operations do that is counted for metrics, besides requests. */
public enum Tally {
    RESERVATIONS_EXPIRED("Reservations that ended because they had expired"),
    DRIFT_ADJUSTED("Resources whose recorded usage was adjusted to what was observed"),
    DRIFT_REFUSED("Resources whose recorded usage was not adjusted, as the quota has not so much available");

    private final String description;

    Tally(String description) {
        this.description = description;
    }

    public String description() {
        return description;
    }

    /** For example {@code cagen_quota_reservations_expired}. */
    public String meterName() {
        return "cagen_quota_" + name().toLowerCase(Locale.ROOT);
    }
}
