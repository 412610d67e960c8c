package com.cagen.quota.domain.request;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The first success under an idempotency key.
 *
 * @param fingerprint the {@link Fingerprint} of its request; not to be written to
 * @param answer what its caller was told
 */
// Equality is written out below; the array is never shared for writing.
@SuppressWarnings("ArrayRecordComponent")
public record RecordedOperation(byte[] fingerprint, Answer.Success answer) {
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RecordedOperation that
                && Arrays.equals(fingerprint, that.fingerprint)
                && answer.equals(that.answer);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(fingerprint) + answer.hashCode();
    }

    @Override
    public String toString() {
        return "RecordedOperation[answer=" + answer + "]";
    }
}
