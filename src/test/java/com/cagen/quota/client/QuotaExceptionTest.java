package com.cagen.quota.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import java.util.Base64;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

class QuotaExceptionTest {
    @Test
    void knowsEveryCodeOfTheService() {
        for (ErrorCode code : ErrorCode.values()) {
            QuotaException refused = QuotaException.refused(code.busFailureCode(), "no", null);
            assertThat(refused.code()).isEqualTo(code);
            assertThat(refused.retryable()).as(code.name()).isEqualTo(code.retryable());
            assertThat(refused.httpStatus()).as(code.name()).isEqualTo(code.httpStatus());
            assertThat(refused.outcomeUnknown()).as(code.name()).isEqualTo(code == ErrorCode.OUTCOME_UNKNOWN);
        }
    }

    @Test
    void keepsTheNumberOfACodeThatItDoesNotKnow() {
        QuotaException newer = QuotaException.refused(40_999, "no", "key");
        assertThat(newer.code()).isNull();
        assertThat(newer.failureCode()).isEqualTo(40_999);
        assertThat(newer.httpStatus()).isEqualTo(409);
        assertThat(newer.retryable()).isFalse();
        assertThat(QuotaException.refused(50_399, "later", "key").retryable()).isTrue();
    }

    @Test
    void tellsFailuresOfTheBusApart() {
        QuotaException late = QuotaException.of(QuotaException.Kind.NO_ANSWER, "late", "key");
        assertThat(late.code()).isNull();
        assertThat(late.retryable()).isTrue();
        assertThat(late.outcomeUnknown()).isTrue();
        QuotaException gone = QuotaException.of(QuotaException.Kind.NOT_THERE, "gone", "key");
        assertThat(gone.retryable()).isTrue();
        assertThat(gone.outcomeUnknown()).isFalse();
        assertThat(QuotaException.of(QuotaException.Kind.UNREADABLE, "?", "key").retryable())
                .isFalse();
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
