package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.GrantExpiry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.protocol.Permission;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an operation does to one quota. The audit entry is derived from it.
 *
 * @param before null for a new quota
 * @param after the same object as {@code before} when nothing is written
 * @param held what a resource holds on it; null when that stays
 * @param reserved a reservation that it makes or changes; null when there is none
 * @param granted what users are granted on it, ownership aside
 */
public record QuotaChange(
        @Nullable Quota before,
        Quota after,
        @Nullable Held held,
        @Nullable Reserved reserved,
        List<Granted> granted) {
    public QuotaChange {
        granted = List.copyOf(granted);
    }

    /** What a resource holds, in megabytes. */
    public record Held(String resourceId, long beforeMb, long afterMb) {}

    /** A reservation, before and after. */
    public record Reserved(@Nullable Reservation before, Reservation after) {}

    /**
     * What a user is granted; possibly nothing.
     *
     * @param expiry of what is granted now; null when all that stays keeps its end
     */
    public record Granted(
            String userId,
            Set<Permission> before,
            Set<Permission> after,
            @Nullable GrantExpiry expiry) {
        public Granted {
            before = Set.copyOf(before);
            after = Set.copyOf(after);
        }

        public Granted(String userId, Set<Permission> before, Set<Permission> after) {
            this(userId, before, after, null);
        }

        /** Whether there is something that the user was not granted before, or not until then. */
        public boolean adds() {
            return !before.containsAll(after) || (expiry != null && expiry.at() != null);
        }
    }

    /** A new quota, and what users are granted on it from its beginning. */
    public static QuotaChange created(Quota quota, List<Granted> granted) {
        return new QuotaChange(null, quota, null, null, granted);
    }

    public static QuotaChange of(Quota before, Quota after) {
        return new QuotaChange(before, after, null, null, List.of());
    }

    /** A change of what one resource holds. */
    public static QuotaChange held(Quota before, Quota after, Held held) {
        return new QuotaChange(before, after, held, null, List.of());
    }

    /** A change of one reservation, which may become usage of its resource. */
    public static QuotaChange reserved(Quota before, Quota after, @Nullable Held held, Reserved reserved) {
        return new QuotaChange(before, after, held, reserved, List.of());
    }

    /** A change of what one user is granted. */
    public static QuotaChange granted(Quota before, Quota after, Granted granted) {
        return new QuotaChange(before, after, null, null, List.of(granted));
    }

    /** Whether the quota's row is written. */
    public boolean written() {
        return !after.equals(before);
    }

    /** The version that the quota gets; null when it keeps the one that it has. */
    public @Nullable Long newVersion() {
        return before == null || before.version() != after.version() ? (Long) after.version() : null;
    }
}
