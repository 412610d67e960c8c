package com.cagen.quota.client;

import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page of a quota's reservations.
 *
 * @param nextCursor asks for the next page; null at the end
 */
public record ReservationPage(
        List<Reservation> reservations, @Nullable String nextCursor) {

    static ReservationPage of(JsonObject data) {
        return new ReservationPage(Lists.of(data, "reservations", Reservation::of), data.getString("next_cursor"));
    }
}
