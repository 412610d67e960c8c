package com.cagen.quota.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

class FailureCodeTest {
    /** Those that the service has no word in. */
    private static final Set<FailureCode> OWN =
            EnumSet.of(FailureCode.NO_ANSWER, FailureCode.NOT_THERE, FailureCode.UNKNOWN);

    @Test
    void knowsEveryCodeOfTheServiceAndNoOther() {
        assertThat(Arrays.stream(FailureCode.values())
                        .filter(code -> !OWN.contains(code))
                        .collect(Collectors.toMap(Enum::name, FailureCode::number)))
                .isEqualTo(Arrays.stream(ErrorCode.values())
                        .collect(Collectors.toMap(Enum::name, ErrorCode::busFailureCode)));
    }

    @Test
    void repeatsWhatTheServiceCallsRetryable() {
        for (ErrorCode code : ErrorCode.values()) {
            FailureCode same = FailureCode.of(code.busFailureCode());
            assertThat(same.retryable()).as(same.name()).isEqualTo(code.retryable());
            assertThat(same.httpStatus()).as(same.name()).isEqualTo(code.httpStatus());
        }
        assertThat(FailureCode.NO_ANSWER.retryable()).isTrue();
        assertThat(FailureCode.NOT_THERE.retryable()).isTrue();
        assertThat(FailureCode.UNKNOWN.retryable()).isFalse();
    }

    @Test
    void callsANumberThatItDoesNotKnowUnknown() {
        assertThat(FailureCode.of(40999)).isEqualTo(FailureCode.UNKNOWN);
    }

    @Test
    void refusesAKeyThatIsNoneAndPrintsNone() {
        String key = Base64.getEncoder().encodeToString(new byte[32]);
        Assertions.assertThatThrownBy(() -> new QuotaClientOptions("c2hvcnQ="))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("c2hvcnQ=");
        assertThat(new QuotaClientOptions(key).toString()).doesNotContain(key);
    }
}
