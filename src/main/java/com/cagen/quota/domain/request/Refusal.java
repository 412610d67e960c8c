package com.cagen.quota.domain.request;

import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.protocol.ErrorCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Why a request was not done.
 *
 * @param message a sentence for people, with the figures in it; safe to show to the caller
 * @param details for programs: JSON-friendly values (String, Long, List of those, Map), never null ones
 */
public record Refusal(ErrorCode code, String message, Map<String, Object> details) implements Answer {

    public static Refusal of(ErrorCode code, String message) {
        return new Refusal(code, message, Map.of());
    }

    /** The same refusal with one more detail. */
    public Refusal with(String name, long value) {
        Map<String, Object> more = new LinkedHashMap<>(details);
        more.put(name, value);
        return new Refusal(code, message, more);
    }

    /** The same answer for a quota that never existed, was released, or belongs to another organization. */
    public static Refusal quotaNotFound() {
        return of(ErrorCode.QUOTA_NOT_FOUND, "There is no such quota.");
    }

    public static Refusal credentialReplayed() {
        return of(ErrorCode.CREDENTIAL_REPLAYED, "This credential was used before; make a new one for each request.");
    }

    public static Refusal permissionDenied(List<String> required) {
        return new Refusal(
                ErrorCode.PERMISSION_DENIED,
                "This needs one of these permissions: " + String.join(", ", required) + ".",
                Map.of("required", List.copyOf(required)));
    }

    /** {@code suspendedQuotaId} is the nearest suspended quota: the one asked for, or an ancestor of it. */
    public static Refusal quotaSuspended(String suspendedQuotaId) {
        return new Refusal(
                ErrorCode.QUOTA_SUSPENDED,
                "The quota is suspended (by " + suspendedQuotaId + ") and gives nothing out until it is resumed.",
                Map.of("suspended_quota_id", suspendedQuotaId));
    }

    /** The quota shrinks to a total of {@code drainToMb}. */
    public static Refusal quotaDraining(String quotaId, long drainToMb) {
        return new Refusal(
                ErrorCode.QUOTA_DRAINING,
                "The quota drains to " + drainToMb + " MB and gives nothing out meanwhile.",
                Map.of("quota_id", quotaId, "drain_to_mb", drainToMb));
    }

    /** {@code requestedMb} is more than {@code quota} has available, be it for usage or for a child. */
    public static Refusal insufficientQuota(Quota quota, long requestedMb) {
        long availableMb = quota.availableMb();
        Map<String, Object> details = new LinkedHashMap<>();
        putFigures(quota, details);
        details.put("requested_mb", requestedMb);
        details.put("short_by_mb", requestedMb - availableMb);
        return new Refusal(
                ErrorCode.INSUFFICIENT_QUOTA,
                "The quota has " + availableMb + " MB available of " + quota.totalMb() + " MB (" + quota.usedMb()
                        + " MB used, " + quota.reservedMb() + " MB reserved, " + quota.allocatedMb()
                        + " MB allocated): "
                        + requestedMb + " MB is " + (requestedMb - availableMb) + " MB too much.",
                details);
    }

    /** {@code requestedMb} is more than the resource holds on the quota. */
    public static Refusal insufficientUsage(String resourceId, long heldMb, long requestedMb) {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("resource_id", resourceId);
        details.put("held_mb", heldMb);
        details.put("requested_mb", requestedMb);
        return new Refusal(
                ErrorCode.INSUFFICIENT_USAGE,
                "The resource holds " + heldMb + " MB on this quota and cannot give back " + requestedMb + " MB.",
                details);
    }

    /** The same answer for a request that never existed, or that the caller may not see. */
    public static Refusal increaseNotFound() {
        return of(ErrorCode.INCREASE_NOT_FOUND, "There is no such request for a larger quota.");
    }

    /** The request for a larger quota was decided, or withdrawn. */
    public static Refusal increaseClosed(Increase increase) {
        return new Refusal(
                ErrorCode.INCREASE_CLOSED,
                "The request for a larger quota is " + increase.status().wireName() + " already.",
                Map.of("increase_id", increase.id(), "status", increase.status().wireName()));
    }

    /** The same answer for a reservation that never existed, or belongs to another quota. */
    public static Refusal reservationNotFound() {
        return of(ErrorCode.RESERVATION_NOT_FOUND, "The quota has no such reservation.");
    }

    /** The reservation has ended. */
    public static Refusal reservationClosed(Reservation reservation) {
        return new Refusal(
                ErrorCode.RESERVATION_CLOSED,
                "The reservation has ended: it is " + reservation.status().wireName() + ".",
                ended(reservation));
    }

    /** The reservation has ended because it was not committed in time. */
    public static Refusal reservationExpired(Reservation reservation) {
        return new Refusal(
                ErrorCode.RESERVATION_EXPIRED,
                "The reservation expired at " + reservation.expiresAt() + " and holds nothing any more.",
                ended(reservation));
    }

    private static Map<String, Object> ended(Reservation reservation) {
        return Map.of(
                "reservation_id", reservation.id(),
                "status", reservation.status().wireName(),
                "expires_at", reservation.expiresAt().toString());
    }

    /** {@code requestedMb} is more than the reservation holds. */
    public static Refusal insufficientReservation(Reservation reservation, long requestedMb) {
        return new Refusal(
                ErrorCode.INSUFFICIENT_USAGE,
                "The reservation holds " + reservation.reservedMb() + " MB; " + requestedMb
                        + " MB cannot be committed of it.",
                Map.of(
                        "reservation_id", reservation.id(),
                        "resource_id", reservation.resourceId(),
                        "held_mb", reservation.reservedMb(),
                        "requested_mb", requestedMb));
    }

    /** {@code requestedMb} is less than what is used, reserved and allocated of {@code quota}. */
    public static Refusal belowUse(Quota quota, long requestedMb) {
        Map<String, Object> details = new LinkedHashMap<>();
        putFigures(quota, details);
        details.put("minimum_mb", Math.max(1, quota.figures().takenMb()));
        details.put("requested_mb", requestedMb);
        return new Refusal(
                ErrorCode.BELOW_USE,
                "The quota has " + quota.usedMb() + " MB used, " + quota.reservedMb() + " MB reserved and "
                        + quota.allocatedMb() + " MB allocated, so its total cannot be " + requestedMb
                        + " MB. An update with drain shrinks it as they are freed.",
                details);
    }

    private static void putFigures(Quota quota, Map<String, Object> details) {
        details.put("quota_id", quota.id());
        details.put("total_mb", quota.totalMb());
        details.put("used_mb", quota.usedMb());
        details.put("reserved_mb", quota.reservedMb());
        details.put("allocated_mb", quota.allocatedMb());
        details.put("available_mb", quota.availableMb());
    }
}
