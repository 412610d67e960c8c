package com.cagen.quota.domain;

import java.util.List;
import java.util.Map;

/**
 * Why a request was not done.
 *
 * @param message a sentence for people, with the figures in it; safe to show to the caller
 * @param details for programs: JSON-friendly values (String, Long, List of those, Map), never null ones
 */
public record Refusal(ErrorCode code, String message, Map<String, Object> details) implements Answer, Decision {

    public static Refusal of(ErrorCode code, String message) {
        return new Refusal(code, message, Map.of());
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
}
