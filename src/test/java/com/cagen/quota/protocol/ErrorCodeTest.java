package com.cagen.quota.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ErrorCodeTest {
    /** Clients hold these: a change here breaks them. */
    private static final Map<String, Integer> PROMISED = Map.ofEntries(
            Map.entry("invalid_request", 40001),
            Map.entry("invalid_credential", 40101),
            Map.entry("credential_expired", 40102),
            Map.entry("credential_replayed", 40103),
            Map.entry("permission_denied", 40301),
            Map.entry("quota_not_found", 40401),
            Map.entry("not_found", 40402),
            Map.entry("reservation_not_found", 40403),
            Map.entry("increase_not_found", 40404),
            Map.entry("method_not_allowed", 40501),
            Map.entry("insufficient_quota", 40901),
            Map.entry("insufficient_usage", 40902),
            Map.entry("quota_suspended", 40903),
            Map.entry("quota_not_empty", 40904),
            Map.entry("last_owner", 40905),
            Map.entry("below_use", 40906),
            Map.entry("quota_draining", 40907),
            Map.entry("key_taken", 40908),
            Map.entry("reservation_closed", 40909),
            Map.entry("reservation_expired", 40910),
            Map.entry("increase_closed", 40911),
            Map.entry("version_mismatch", 41201),
            Map.entry("payload_too_large", 41301),
            Map.entry("unsupported_media_type", 41501),
            Map.entry("hierarchy_violation", 42201),
            Map.entry("idempotency_key_reused", 42202),
            Map.entry("internal_error", 50001),
            Map.entry("auth_unavailable", 50301),
            Map.entry("database_unavailable", 50302),
            Map.entry("overloaded", 50303),
            Map.entry("outcome_unknown", 50304));

    @Test
    void keepsEveryNameAndNumberThatClientsKnow() {
        assertThat(Arrays.stream(ErrorCode.values())
                        .collect(Collectors.toMap(ErrorCode::wireName, ErrorCode::busFailureCode)))
                .isEqualTo(PROMISED);
    }

    @Test
    void givesEachCodeItsOwnNumber() {
        assertThat(ErrorCode.values()).extracting(ErrorCode::busFailureCode).doesNotHaveDuplicates();
    }

    @Test
    void namesTheHttpStatusInTheNumber() {
        assertThat(ErrorCode.values())
                .allSatisfy(code -> assertThat(code.busFailureCode() / 100).isEqualTo(code.httpStatus()));
    }

    @Test
    void offersARetryForEvery503AndNothingElse() {
        assertThat(ErrorCode.values())
                .allSatisfy(code -> assertThat(code.retryable()).isEqualTo(code.httpStatus() == 503));
    }
}
